"""Which assumption a case does not meet, and in which words."""

from collections.abc import Callable

import msgspec
import pytest

from theory_check.claims.claim import Claim, Unmet
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Explicit, Sphere, Weights
from theory_check.neural_ode.claims.vocabulary import EXPLAINED
from theory_check.neural_ode.measurements.assumptions import LEAST_WIDTH, unmet_assumption

PLAIN = Case(activation="softplus(x)", data=Sphere(2, 3, 0), width=16)


def claim_of(*assumptions: str) -> Claim:
    """A claim with these assumptions only."""
    return Claim(
        id="c",
        statement="s",
        source="s",
        quantifier="ALL",
        assumptions=assumptions,
        strata=("sphere",),
        controls=(),
    )


def judged(assumption: str, case: Case) -> Unmet | None:
    """What is found of one assumption."""
    return unmet_assumption(claim_of(assumption), activation(case.activation), case)


@pytest.mark.parametrize("assumption", sorted(EXPLAINED))
def test_a_plain_case_meets_every_assumption(assumption: str) -> None:
    """The plain case: softplus on distinct points, wide, typical, a small learning rate; relu where kinks are meant."""
    case = PLAIN if assumption != "piecewise-linear" else msgspec.structs.replace(PLAIN, activation="relu(x)")
    assert judged(assumption, case) is None


@pytest.mark.parametrize(
    ("assumption", "fields", "words"),
    [
        ("lipschitz", {"activation": "square(x)"}, "unbounded slope"),
        ("smooth", {"activation": "relu(x - 2)"}, "jumps at 2"),
        ("smooth", {"activation": "sign_sqrt(x)"}, "not Lipschitz"),
        ("differentiable", {"activation": "tanh(x) + elu(x)"}, "not known to have them"),
        ("nonlinear", {"activation": "3*x + 1"}, "affine"),
        ("nonlinear", {"activation": "softplus(x) - softplus(-x)"}, "affine"),
        ("linear-growth", {"activation": "tanh(x)"}, "tanh does not"),
        ("linear-growth", {"activation": "square(x)"}, "square does not"),
        ("distinct-inputs", {"data": Explicit(((1.0, 2.0), (0.0, 1.0), (-2.0, -4.0)))}, "rows 0 and 2 are parallel"),
        ("distinct-inputs", {"data": Explicit(((1.0, 2.0), (0.0, 0.0)))}, "row 1 is zero"),
        ("wide", {"width": LEAST_WIDTH - 1}, "width 7"),
        ("small-learning-rate", {"eta_factor": 2.5}, "learning rate 2.5"),
        ("gaussian-weights", {"weights": Weights(structure="zero")}, "weights zero"),
        ("scale", {"weights": Weights(gain=2.0)}, "weights times 2.0"),
        ("gaussian-weights", {"weights": Weights(pinned=0.0)}, "weights gaussian"),
    ],
)
def test_what_is_not_met_is_named(
    assumption: str, fields: dict[str, object], words: str, changed: Callable[..., Case]
) -> None:
    """The assumption explained, then what this case has instead."""
    found = judged(assumption, changed(PLAIN, **fields))
    assert found is not None
    assert found.assumption == EXPLAINED[assumption]
    assert words in found.finding


def test_the_first_unmet_assumption_is_the_one_reported(changed: Callable[..., Case]) -> None:
    """In the order in which the claim states them."""
    case = changed(PLAIN, activation="relu(x)", width=2)
    assert unmet_assumption(claim_of("wide", "smooth"), activation("relu"), case).assumption == EXPLAINED["wide"]
    assert unmet_assumption(claim_of("smooth", "wide"), activation("relu"), case).assumption == EXPLAINED["smooth"]
    assert unmet_assumption(claim_of(), activation("relu"), case) is None

"""A value has changed when it moved by more than its uncertainty, whatever states that."""

from itertools import product
from pathlib import Path

import msgspec
import pytest

from theory_check.judge.evidence import Comparison, Eigenvalue, Rate
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.claims import quantities as q
from theory_check.reporting.document import load_report
from theory_check.reporting.value_change import states_uncertainty, value_change

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
RATE = Rate(
    expected=-0.5,
    margin=0.15,
    low=None,
    high=None,
    constant=1.0,
    replicates=30,
    replicates_needed=None,
    power=0.9,
    detectable=0.1,
    level=1e-9,
    sizes=(64.0, 128.0),
    values=(0.1, 0.07),
)
SLOPE = {"quantity": q.NNGP_RATE, "bound": -0.35, "ratio": None}


def kind_of(before, after, *, same_bits=False) -> str | None:
    """The kind of change, or None."""
    change = value_change(before, after, same_bits=same_bits)
    return None if change is None else change.change


def slope(build, measured, low, high):
    """An outcome with an interval."""
    return build.outcome(measured=measured, evidence=msgspec.structs.replace(RATE, low=low, high=high), **SLOPE)


def error(build, measured, bound):
    """An outcome whose bound is an error bound."""
    return build.outcome(measured=measured, bound=bound, evidence=Comparison(scale=1.0))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((-0.48, -0.55, -0.41), None),
        ((-0.30, -0.39, -0.21), None),  # outside the first interval, but the intervals meet
        ((-0.30, -0.41, -0.19), None),
        ((-0.25, -0.35, -0.15), "beyond uncertainty"),
        ((-0.75, -0.85, -0.65), "beyond uncertainty"),
    ],
)
def test_intervals_that_are_disjoint(build, after, expected):
    """Slopes change with their intervals, in both directions, and not by leaving one of the two."""
    before = slope(build, -0.5, -0.6, -0.39)
    assert kind_of(before, slope(build, *after)) == expected
    assert kind_of(slope(build, *after), before) == expected


@pytest.mark.parametrize(
    ("after", "bound", "expected"),
    [
        (0.25 + 2.9e-7, 2e-7, None),
        (0.25 - 2.9e-7, 2e-7, None),
        (0.25 + 3.1e-7, 2e-7, "beyond uncertainty"),
        (0.25 - 3.1e-7, 2e-7, "beyond uncertainty"),
        (0.25 + 3.1e-7, 3e-7, None),
    ],
)
def test_errors_that_move_by_more_than_both_bounds(build, after, bound, expected):
    """What numerics may contribute to either value is no change."""
    assert kind_of(error(build, 0.25, 1e-7), error(build, after, bound)) == expected


def test_an_eigenvalue_has_the_error_bound_of_its_certificate(build):
    """Its bound is an error bound although no scale stands beside it."""
    one, close, far = (
        build.outcome(quantity=q.EIGENVALUE, measured=value, bound=1e-7, evidence=Eigenvalue(estimate=value))
        for value in (0.5, 0.5 + 1e-7, 0.51)
    )
    assert kind_of(one, close) is None
    assert kind_of(one, far) == "beyond uncertainty"


def test_what_states_no_uncertainty_is_compared_by_verdict(build):
    """A p-value, a number against a threshold and a case where nothing was measured."""
    for fields, other in (
        ({"quantity": q.VARIANCE, "measured": 0.9}, {"measured": 1e-9}),
        ({"quantity": q.DECREASE, "measured": 0.6, "bound": 1.0}, {"measured": 0.99}),
        ({"measured": None, "bound": None, "ratio": None}, {"measured": 0.5}),
    ):
        before, after = build.outcome(**fields), build.outcome(**(fields | other))
        assert not states_uncertainty(before)
        assert kind_of(before, after) is None
        refuted = {"verdict": Verdict.REFUTED, "conclusion": Conclusion.FAILS}
        assert kind_of(before, build.outcome(**(fields | other | refuted))) == "verdict"


def test_another_quantity_is_no_other_value(build):
    """The comparison that came closest to its bound may be another one elsewhere; two quantities are not subtracted."""
    before = error(build, 0.25, 1e-7)
    after = build.outcome(quantity="another", measured=0.5, bound=1e-7, evidence=Comparison(scale=1.0))
    assert kind_of(before, after) is None
    change = value_change(before, after, same_bits=True)
    assert change is not None
    assert (change.change, change.quantity) == ("last bits", "relative gradient error -> another")


def test_the_last_bit_counts_where_equal_code_gives_equal_numbers(build):
    """And nowhere else; a value that is equal never counts, and a picture is no number."""
    before = error(build, 0.25, 1e-7)
    after = error(build, 0.25 * (1 + 2.0**-52), 1e-7)
    assert kind_of(before, after, same_bits=True) == "last bits"
    assert kind_of(before, after) is None
    assert kind_of(before, before, same_bits=True) is None
    assert kind_of(before, error(build, 0.25, 2e-7), same_bits=True) == "last bits"


@pytest.mark.parametrize(("verdict", "conclusion"), list(product(Verdict, Conclusion)))
def test_a_verdict_or_a_conclusion_that_differs_is_the_strongest_change(build, verdict, conclusion):
    """Whatever the numbers say."""
    before = build.outcome()
    same = (verdict, conclusion) == (before.verdict, before.conclusion)
    expected = None if same else "verdict"
    assert kind_of(before, build.outcome(verdict=verdict, conclusion=conclusion)) == expected


def test_the_recorded_outcomes_state_what_the_rule_reads():
    """Slopes, ratios, derived bounds, eigenvalues state an uncertainty; p-values and claims' own bounds do not."""
    outcomes = [o for claim in load_report(RECORDED / "full").claims for o in claim.outcomes if o.measured is not None]
    stated = {o.quantity for o in outcomes if states_uncertainty(o)}
    not_stated = {o.quantity for o in outcomes if not states_uncertainty(o)}
    assert not stated & not_stated
    assert {q.NNGP_RATE, q.COARSE_STEPS, q.OUTPUT_SPREAD, q.EIGENVALUE, q.AGREEMENT, q.CONTINUOUS} <= stated
    assert {q.VARIANCE, q.DECREASE, q.BLOW_UP, q.SEPARATION, q.STEPS, q.KEPT_EIGENVALUE} <= not_stated
    assert "p-value" not in {quantity.kind for quantity in stated}

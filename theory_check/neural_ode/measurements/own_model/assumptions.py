"""Which of a claim's assumptions a case of a user's own model does not meet: measured on the states that it reaches."""

from functools import lru_cache
from types import MappingProxyType

import torch

from theory_check.case.record import Seeds
from theory_check.claims.claim import Claim, Unmet
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims.vocabulary import EXPLAINED
from theory_check.neural_ode.measurements.assumptions import coincidence
from theory_check.neural_ode.measurements.own_model.instance import Loader, ModelInstance, prepared
from theory_check.neural_ode.measurements.own_model.kinks import kink
from theory_check.neural_ode.measurements.own_model.reached_set import COARSE, field_noise

_WORDS = MappingProxyType(
    {
        "lipschitz": "the field is Lipschitz on the reached set",
        "smooth": "the field and its derivative are Lipschitz on the reached set",
        "nonlinear": "the field is not affine on the reached set",
        "distinct-inputs": EXPLAINED["distinct-inputs"],
        "small-learning-rate": EXPLAINED["small-learning-rate"],
    }
)


def unmet_by_model(claim: Claim, case: Case, seeds: Seeds, load_model: Loader) -> Unmet | None:
    """The first assumption of `claim` that the case does not meet, or None when all hold.

    Every claim that is asked of a module makes those assumptions only that are measured here.

    Raises:
        ModelError: the module cannot be built or used.
    """
    for assumption in claim.assumptions:
        finding = _finding(assumption, case, seeds, load_model)
        if finding:
            return Unmet(_WORDS[assumption], finding)
    return None


# Asked once for every record of a case.
@lru_cache(maxsize=64)
def _finding(assumption: str, case: Case, seeds: Seeds, load_model: Loader) -> str:
    if assumption == "distinct-inputs":
        return coincidence(None, case) or ""
    if assumption == "small-learning-rate":
        return "" if case.eta_factor <= 1.0 else f"learning rate {case.eta_factor} / lambda_max"
    instance = prepared(case, seeds, load_model)
    if assumption in {"lipschitz", "smooth"} and instance.reached.unbounded:
        return instance.reached.unbounded
    if assumption == "smooth":
        return kink(instance.field, instance.reached, instance.generator("kinks"))
    if assumption == "nonlinear":
        return _affinity(instance)
    return ""


@torch.no_grad()
def _affinity(instance: ModelInstance) -> str:
    """Second differences of an affine field vanish to rounding, wherever they are taken."""
    reached, field = instance.reached, instance.field
    stride = max(1, (len(reached.times) - 1) // COARSE)
    times, states = reached.times[::stride], reached.states[::stride]
    generator = instance.generator("affinity")
    shift = torch.randn(states.shape, generator=generator, dtype=torch.float64)
    ends = [states + shift, states, states - shift]
    plus, middle, minus = (field.at(times, h) for h in ends)
    second = float(torch.linalg.vector_norm(plus - 2 * middle + minus, dim=(-2, -1)).max())
    # One evaluation at either end, and two in the middle.
    noise = 4 * max(field_noise(field, times, h, generator) for h in ends)
    return "" if second > noise else "it is affine on the reached set"

"""Activations side by side, for one who has to choose: measured on shared networks, judged by the claims, ranked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from theory_check.case.record import Seeds
from theory_check.compare.activation_costs import (
    SharedNetworks,
    evaluations,
    gradient_error,
    observed_factor,
    shared_networks,
)
from theory_check.compare.limit_conditioning import limit_conditioning
from theory_check.compare.ranking import ranked, ranking_rule
from theory_check.compare.records import Candidate, Comparison, Status, Uniqueness
from theory_check.judge.median_interval import CONFIDENCE
from theory_check.judge.plain_numbers import Detail, finite
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Conclusion
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Data, materialise
from theory_check.neural_ode.measurements.uniqueness_probes import uniqueness_probes
from theory_check.neural_ode.model import NeuralODE
from theory_check.search.property import Property
from theory_check.search.request import Request
from theory_check.search.trial import judge_case

FORWARD, BACKWARD = "forward-unique", "backward-unique"


@dataclass(frozen=True)
class Plan:
    """What is compared, and on what.

    request: the activations, the root seed and the device.
    data, source: the inputs, and what the user calls them.
    """

    request: Request
    data: Data
    source: str
    model: NeuralODE
    width: int
    networks: int

    @property
    def settings(self) -> dict[str, Detail]:
        """Everything that fixes the numbers."""
        model = self.model
        return {
            "seed": self.request.seed,
            "data": self.source,
            "inputs": len(materialise(self.data)),
            "width": self.width,
            "networks": self.networks,
            "confidence": CONFIDENCE,
            "sigma_u": model.sigma_u,
            "sigma_w": model.sigma_w,
            "sigma_v": model.sigma_v,
            "horizon": model.horizon,
        }


def compare(
    plan: Plan, properties: Mapping[str, Property], progress: Callable[[str], None] = lambda _step: None
) -> Comparison:
    """Measure, judge and rank every activation of the request.

    Args:
        plan: what to compare.
        properties: those of the claims FORWARD and BACKWARD, by claim.
        progress: is told what is being measured.

    Raises:
        ValueError, MemoryShortage: the networks cannot be drawn. What a single phi cannot do is a finding, no error.
    """
    request = plan.request
    setting = Setting(Seeds(request.seed, "compare"), load=request.load, device=request.device)
    shared = shared_networks(setting, plan.data, plan.model, plan.width, plan.networks)
    candidates: Sequence[Candidate] = [
        _candidate(plan, shared, name, properties, progress) for name in request.activations
    ]
    return Comparison(settings=plan.settings, rule=ranking_rule(), candidates=ranked(candidates))


def _candidate(
    plan: Plan,
    shared: SharedNetworks,
    name: str,
    properties: Mapping[str, Property],
    progress: Callable[[str], None],
) -> Candidate:
    phi = plan.request.load(name)
    progress(f"{name}: uniqueness")
    forward, backward = judged_uniqueness(plan, phi, properties)
    progress(f"{name}: gradients")
    cells = {"gradient_error": gradient_error(shared, phi)}
    progress(f"{name}: solver")
    cells["evaluations"] = evaluations(shared, phi)
    progress(f"{name}: kernel")
    cells["smallest_eigenvalue"], cells["predicted_factor"] = limit_conditioning(
        phi, materialise(plan.data), plan.model
    )
    progress(f"{name}: training")
    cells["observed_factor"] = observed_factor(shared, phi)
    return Candidate(
        name=phi.name,
        expression=phi.expression,
        classification=phi.classification,
        lipschitz=finite(phi.lipschitz),
        derivative_lipschitz=finite(phi.derivative_lipschitz),
        bounds=phi.bounds,
        forward=forward,
        backward=backward,
        cells=cells,
    )


def judged_uniqueness(plan: Plan, phi: Activation, properties: Mapping[str, Property]) -> tuple[Uniqueness, Uniqueness]:
    """Forward and backward: what theory says of every W and input, and what the claims' properties say of probes."""
    slope, bend = f"L1 = {phi.lipschitz:.6g}", f"L2 = {phi.derivative_lipschitz:.6g}"
    forward = _judged(plan, phi, properties[FORWARD], holds=phi.is_lipschitz, constants=slope)
    if not phi.is_lipschitz:
        # Its property could compare nothing there, and its solves are long.
        open_ = Uniqueness(status="open", reason="phi has no Lipschitz constant to derive a bound from", probes=0)
        return forward, open_
    return forward, _judged(plan, phi, properties[BACKWARD], holds=phi.is_smooth, constants=f"{slope}, {bend}")


def _judged(plan: Plan, phi: Activation, prop: Property, *, holds: bool, constants: str) -> Uniqueness:
    outcomes = [judge_case(prop, case, plan.request) for case in uniqueness_probes(phi, plan.data, plan.model)]
    failing = [outcome for outcome in outcomes if outcome.conclusion is Conclusion.FAILS]
    if failing:
        first = failing[0]
        return Uniqueness(
            status="fails",
            reason=first.why,
            probes=len(outcomes),
            failing=len(failing),
            quantity=str(first.quantity),
            measured=first.measured,
            bound=first.bound,
            case=first.case,
        )
    if holds:
        status: Status = "proved" if phi.bounds == "proved" else "measured bounds"
        return Uniqueness(status=status, reason=constants, probes=len(outcomes))
    undecided = next((o.why for o in outcomes if o.conclusion is not Conclusion.HOLDS), "no probe failed")
    return Uniqueness(status="open", reason=undecided, probes=len(outcomes))

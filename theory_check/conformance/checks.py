"""The checks as data: what each says, which solvers it is about, and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from theory_check.conformance import forward_checks, gradient_checks, rate_checks, settings
from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled
from theory_check.conformance.rate_checks import Ladder
from theory_check.conformance.solver import SolverUnderTest
from theory_check.judge.discrepancy import Discrepancy

# Below, solves under contraction take more steps than a search can afford.
CONTRACTION_ORDER = 4


@dataclass(frozen=True)
class Check:
    """One check.

    id: its name.
    statement: what must hold.
    of_states: about states alone, so that ways of taking gradients share it.
    applies: to which solvers.
    compare: measured errors and bounds of an instance, at a level of accuracy; or
    ladder: the rate that is measured.
    contracting: instances are contractions.
    """

    id: str
    statement: str
    of_states: bool
    applies: Callable[[SolverUnderTest], bool]
    compare: Callable[[SolverUnderTest, Trialled, Bench, int], tuple[Discrepancy, ...]] | None = None
    ladder: Callable[[SolverUnderTest], Ladder] | None = None
    contracting: bool = False


def _always(_solver: SolverUnderTest) -> bool:
    return True


def _adaptive(solver: SolverUnderTest) -> bool:
    return solver.stepping == "adaptive"


def _readable(solver: SolverUnderTest) -> bool:
    return solver.stepping == "fixed" and solver.order <= settings.MOST_ORDER


_ALL = (
    Check(
        id="forward-unique",
        statement="Final states agree with the reference within what the tolerance, or the steps, allow.",
        of_states=True,
        applies=_always,
        compare=forward_checks.agreement,
    ),
    Check(
        id="time-rescaling",
        statement="A and the horizon matter through their product only: with equal steps to rounding.",
        of_states=True,
        applies=_always,
        compare=forward_checks.rescaling,
    ),
    Check(
        id="reversibility",
        statement="A solve forward and then backward in time returns to the initial states.",
        of_states=True,
        applies=_always,
        compare=forward_checks.reversal,
    ),
    Check(
        id="order-of-accuracy",
        statement="With fixed steps final states converge at the order that the library states (up to order 6).",
        of_states=True,
        applies=_readable,
        ladder=rate_checks.order_of_states,
    ),
    Check(
        id="tolerance-response",
        statement="Errors of final states fall with the tolerance at least like its power p / (p + 1), p the order.",
        of_states=True,
        applies=_adaptive,
        ladder=rate_checks.tolerance_response,
    ),
    Check(
        id="adjoint-gradient",
        statement="Gradients with respect to h_0 and A agree with the reference adjoint, and with differences.",
        of_states=False,
        applies=_always,
        compare=gradient_checks.adjoint_gradient,
    ),
    Check(
        id="discretize-optimize",
        statement="The gradient of a scheme with fixed steps converges at the order stated (up to order 6).",
        of_states=False,
        applies=lambda solver: _readable(solver) and solver.kind == "discrete",
        ladder=rate_checks.order_of_gradient,
    ),
    Check(
        id="gradient-under-contraction",
        statement="Where states run together the gradient errs by what the tolerance allows to states that are kept.",
        of_states=False,
        applies=lambda solver: _adaptive(solver) and solver.order >= CONTRACTION_ORDER,
        compare=gradient_checks.under_contraction,
        contracting=True,
    ),
)

CHECKS: Mapping[str, Check] = MappingProxyType({check.id: check for check in _ALL})

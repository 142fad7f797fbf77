"""Pairs of inputs solved with ever more nodes and terms, each until its own bounds are met or no longer fall."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.limits.dual_activation import DualActivation
from theory_check.limits.kernel_bounds import Problem
from theory_check.limits.marginals import Dual
from theory_check.limits.own_covariance import STALLED, OwnCovariance, node_ladder
from theory_check.limits.pair_kernels import Grids, PairKernels, Pairs, grids, pair_kernels

Array = NDArray[np.float64]

# Doubles held by a batch of pairs, 32 MiB: it bounds the memory, and arrays stay near the processor.
BATCH = 2**22
_FEWEST_NODES = 12


@dataclass(frozen=True)
class SolvedPairs:
    """Kernels of all pairs of a problem, each from the solve with its smallest bound.

    Attributes:
        nngp: (pairs,).
        nngp_error: its bound.
        tangent: (pairs,).
        tangent_error: its bound.
        nodes: of the finest solve; 0 without pairs.
        sweeps: of the longest.
        terms: of Hermite series at most; 0 for closed forms.
    """

    nngp: Float[Array, " pairs"]
    nngp_error: Float[Array, " pairs"]
    tangent: Float[Array, " pairs"]
    tangent_error: Float[Array, " pairs"]
    nodes: int
    sweeps: int
    terms: int

    @property
    def error_bound(self) -> float:
        """The greatest bound; 0 without pairs."""
        return float(max(self.nngp_error.max(initial=0.0), self.tangent_error.max(initial=0.0)))


def solve(problem: Problem, own: OwnCovariance, pairs: Pairs, tolerance: float) -> SolvedPairs:
    """Kernels of the pairs with bounds below the tolerance, or as small as refinement makes them.

    Raises:
        InfiniteKernel: an equation has no bounded solution that the sweeps can find.
    """
    count = len(pairs.start)
    nngp, tangent = np.zeros(count), np.zeros(count)
    nngp_error, tangent_error = np.full(count, math.inf), np.full(count, math.inf)
    pending = np.arange(count)
    nodes = sweeps = terms = 0
    for nodes_now in (n for n in node_ladder(1) if n >= _first_nodes(own)):
        if not len(pending) or nodes_now not in node_ladder(len(pending)):
            break
        before, working = np.maximum(nngp_error, tangent_error), pending
        while len(working):
            on = grids(problem, own, nodes_now)
            found = in_batches(partial(_solved, problem, on, tolerance), pairs.take(working), on.doubles_per_pair)
            nodes, sweeps = max(nodes, nodes_now), max(sweeps, found.sweeps)
            terms = max(terms, terms_of(problem.duals))
            error = np.maximum(found.nngp_error, found.tangent_error)
            better = error < np.maximum(nngp_error, tangent_error)[working]
            for best, new in (
                (nngp, found.nngp),
                (nngp_error, found.nngp_error),
                (tangent, found.tangent),
                (tangent_error, found.tangent_error),
            ):
                best[working[better]] = new[better]
            # A finer dual where it is the dual that is to blame; more nodes otherwise.
            blamed = (error > tolerance) & (found.evaluation > 0.1 * tolerance)
            finer = refined(problem.duals) if blamed.any() else None
            if finer is None:
                break
            problem, working = replace(problem, duals=finer), working[blamed]
        after = np.maximum(nngp_error, tangent_error)
        pending = pending[(after[pending] > tolerance) & ~(after[pending] > STALLED * before[pending])]
    return SolvedPairs(nngp, nngp_error, tangent, tangent_error, nodes, sweeps, terms)


def _first_nodes(own: OwnCovariance) -> int:
    """What the inputs with themselves needed, where that is few: pairs are no harder."""
    return own.grid.nodes if own.grid.nodes <= 2 * _FEWEST_NODES else _FEWEST_NODES


def _solved(problem: Problem, on: Grids, tolerance: float, pairs: Pairs) -> PairKernels:
    return pair_kernels(problem, pairs, on, tolerance)


def in_batches(solve_some: Callable[[Pairs], PairKernels], pairs: Pairs, doubles_per_pair: int) -> PairKernels:
    """All pairs, some at a time, those of like correlation together: series are cut by the greatest one."""
    order = np.argsort(np.abs(pairs.start))
    size = max(1, BATCH // doubles_per_pair)
    found = [solve_some(pairs.take(order[i : i + size])) for i in range(0, len(order), size)]
    back = np.argsort(order)
    return PairKernels(
        nngp=np.concatenate([part.nngp for part in found])[back],
        nngp_error=np.concatenate([part.nngp_error for part in found])[back],
        tangent=np.concatenate([part.tangent for part in found])[back],
        tangent_error=np.concatenate([part.tangent_error for part in found])[back],
        evaluation=np.concatenate([part.evaluation for part in found])[back],
        sweeps=max(part.sweeps for part in found),
    )


def refined(duals: DualActivation) -> DualActivation | None:
    """Both duals one step finer; None where neither can be."""
    value, slope = duals.value.refined(), duals.slope.refined()
    if value is None and slope is None:
        return None
    return replace(duals, value=value or duals.value, slope=slope or duals.slope)


def terms_of(duals: DualActivation) -> int:
    """Terms of Hermite series at most; 0 for closed forms."""
    return max(_own_terms(duals.value), _own_terms(duals.slope))


def _own_terms(dual: Dual) -> int:
    return dual.terms if dual.terms < 2**31 else 0

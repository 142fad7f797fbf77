"""Pairs of inputs solved with ever more nodes and terms, each until its own bounds are met or no longer fall."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.dual_activation import DualActivation
from theory_check.neural_ode.limits.kernel_bounds import Problem
from theory_check.neural_ode.limits.marginals import Dual
from theory_check.neural_ode.limits.own_covariance import STALLED, OwnCovariance, node_ladder
from theory_check.neural_ode.limits.pair_kernels import Grids, PairKernels, Pairs, grids, pair_kernels

Array = NDArray[np.float64]

# Doubles held by a batch of pairs, 32 MiB: it bounds the memory, and arrays stay near the processor.
BATCH = 2**22
_FEWEST_NODES = 12
# What a solve knows of every pair: the fields of PairKernels, SolvedPairs and, as matrices, LimitKernels.
QUANTITIES = ("state", "state_error", "nngp", "nngp_error", "tangent", "tangent_error")


@dataclass(frozen=True)
class SolvedPairs:
    """Kernels of all pairs of a problem, each from the solve with its smallest bound.

    Attributes:
        state: C(T, T), (pairs,).
        state_error: its bound.
        nngp: (pairs,).
        nngp_error: its bound.
        tangent: (pairs,).
        tangent_error: its bound.
        nodes: of the finest solve; 0 without pairs.
        sweeps: of the longest.
        terms: of Hermite series at most; 0 for closed forms.
    """

    state: Float[Array, " pairs"]
    state_error: Float[Array, " pairs"]
    nngp: Float[Array, " pairs"]
    nngp_error: Float[Array, " pairs"]
    tangent: Float[Array, " pairs"]
    tangent_error: Float[Array, " pairs"]
    nodes: int = 0
    sweeps: int = 0
    terms: int = 0


def solve(problem: Problem, own: OwnCovariance, pairs: Pairs, tolerance: float) -> SolvedPairs:
    """Kernels of the pairs with bounds below the tolerance, or as small as refinement makes them.

    Raises:
        Unsolved: an equation has no bounded solution that the sweeps can find.
    """
    best = no_pairs(len(pairs.start))
    pending = np.arange(len(pairs.start))
    nodes = sweeps = terms = 0
    for nodes_now in (n for n in node_ladder(1) if n >= _first_nodes(own)):
        if not len(pending) or nodes_now not in node_ladder(len(pending)):
            break
        before, working = judged_error(problem, best), pending
        while len(working):
            on = grids(problem, own, nodes_now)
            found = in_batches(partial(_solved, problem, on, tolerance), pairs.take(working), on.doubles_per_pair)
            nodes, sweeps = max(nodes, nodes_now), max(sweeps, found.sweeps)
            terms = max(terms, terms_of(problem.duals))
            error = judged_error(problem, found)
            better = error < judged_error(problem, best)[working]
            for name in QUANTITIES:
                getattr(best, name)[working[better]] = getattr(found, name)[better]
            # A finer dual where it is the dual that is to blame; more nodes otherwise.
            blamed = (error > tolerance) & (found.evaluation > 0.1 * tolerance)
            finer = problem.duals.refined() if blamed.any() else None
            if finer is None:
                break
            problem, working = replace(problem, duals=finer), working[blamed]
        after = judged_error(problem, best)
        pending = pending[(after[pending] > tolerance) & ~(after[pending] > STALLED * before[pending])]
    return replace(best, nodes=nodes, sweeps=sweeps, terms=terms)


def judged_error(problem: Problem, found: PairKernels | SolvedPairs) -> Float[Array, " pairs"]:
    """The bounds that are to meet the tolerance: of both kernels, or of the NNGP kernel alone."""
    both: Array = np.maximum(found.nngp_error, found.tangent_error)
    return both if problem.tangent else found.nngp_error


def no_pairs(count: int = 0) -> SolvedPairs:
    """Room for `count` pairs of which nothing is known yet."""
    values, errors = np.zeros((3, count)), np.full((3, count), math.inf)
    return SolvedPairs(values[0], errors[0], values[1], errors[1], values[2], errors[2])


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
        **{name: np.concatenate([getattr(part, name) for part in found])[back] for name in (*QUANTITIES, "evaluation")},
        sweeps=max(part.sweeps for part in found),
    )


def terms_of(duals: DualActivation) -> int:
    """Terms of Hermite series at most; 0 for closed forms."""
    return max(_own_terms(duals.value), _own_terms(duals.slope))


def _own_terms(dual: Dual) -> int:
    return dual.terms if dual.terms < 2**31 else 0

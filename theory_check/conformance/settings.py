"""How accurately solvers are asked to solve, by the order they state: cheap enough to search, fine enough to judge."""

from theory_check.conformance.solver import Accuracy, SolverUnderTest

# Growth L T of problems: errors stay within reach of their bounds; half of it where orders are low and steps many.
GROWTH = 2.0
REVERSED_GROWTH = 1.0
LADDER_GROWTH = 1.0
RESPONSE_GROWTH = 3.0


def growth(solver: SolverUnderTest) -> float:
    """The largest L T of single solves."""
    return GROWTH / 2 if solver.order <= 2 else GROWTH


def tolerances(solver: SolverUnderTest) -> tuple[float, ...]:
    """What single solves are asked for. Steps of order p grow in number like tolerance^(-1/p)."""
    if solver.order <= 2:
        return (1e-5,)
    return (1e-6, 1e-7) if solver.order == 3 else (1e-7, 1e-9, 1e-10)


def asked(solver: SolverUnderTest, finer: int, level: int = 0) -> float:
    """One of them; a tenth for every level that a case is looked at more closely."""
    known = tolerances(solver)
    return known[finer % len(known)] * 0.1**level


def between(solver: SolverUnderTest) -> float:
    """The factor between tolerances of a ladder: errors, at least of order tolerance^(1/2), fall by half and more."""
    return 10.0 if solver.order <= 3 else 100.0


def steps(solver: SolverUnderTest, level: int = 0) -> int:
    """Coarsest of three numbers of steps, m, 2m and 4m."""
    known = {1: 128, 2: 24, 3: 16}
    return int(known.get(solver.order, 12) * 2**level)


def ladder(solver: SolverUnderTest, finer: int = 0, level: int = 0) -> tuple[Accuracy, Accuracy, Accuracy]:
    """Three accuracies, coarse to fine, whose solutions bound the error of the finest by their differences."""
    if solver.stepping == "fixed":
        m = steps(solver, level)
        return Accuracy(steps=m), Accuracy(steps=2 * m), Accuracy(steps=4 * m)
    tightest, factor = asked(solver, finer, level), between(solver)
    return tuple(Accuracy(tolerance=tightest * factor**k) for k in (2, 1, 0))  # type: ignore[return-value]


def contraction_tolerance(level: int = 0) -> float:
    """Of solves under contraction: kept states leave a small share of the gradient open, rebuilt ones all of it."""
    return 1e-9 * 0.1**level


def ladder_growth(solver: SolverUnderTest) -> float:
    """L T of ladders of steps; more where the first steps are of lower order, so that those after them show."""
    return 2.0 * LADDER_GROWTH if solver.order_rises else LADDER_GROWTH


def rungs(solver: SolverUnderTest) -> tuple[int, ...]:
    """Numbers of steps for that growth from which an order is read."""
    if solver.order_rises:
        return (16, 20, 24, 32, 40)
    if solver.order == 1:
        return (8, 12, 16, 24, 32)
    if solver.order <= 4:
        return (4, 6, 8, 12, 16)
    return (4, 5, 6, 8, 10)


def response(solver: SolverUnderTest) -> tuple[float, ...]:
    """Tolerances from which it is read how errors follow them."""
    if solver.order <= 2:
        return (1e-3, 10**-3.5, 1e-4, 10**-4.5, 1e-5)
    if solver.order == 3:
        return (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    # Of high order one step or two meet a loose tolerance, whatever it is.
    return (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9) if solver.order <= 6 else (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)


def margin(order: float) -> float:
    """What an order may be off by (docs/judgement.md#rates): 0.1 up to order 2, then in proportion, 0.2 at order 4."""
    return max(0.1, order / 20.0)


def least_response(order: int) -> float:
    """The least power of the tolerance that errors may fall with.

    With local errors of order p + 1 held to the tolerance, global ones are of order tolerance^(p / (p + 1)); where the
    estimate is of order p, of order tolerance.
    """
    return order / (order + 1.0)


# Beyond, errors of steps that are short enough to read an order from lie within 100 times rounding.
MOST_ORDER = 6
# Up to here a slope must equal the order. Pairs of higher order have leading errors made so small that those of the
# next order show until rounding: a claim O(step^p), judged as one.
TWO_SIDED_ORDER = 4
# Of the power of the tolerance, as for an order of 4: meshes change in whole steps.
RESPONSE_MARGIN = 0.2

"""Positive definiteness proved, not read off `eigvalsh > 0` (docs/judgement.md#definiteness).

A stands for a symmetric matrix of doubles, E for a bound of the entries of an unknown symmetric error. A proof is
about A + F for every symmetric F with |F| <= E.

Why a Cholesky factorisation that completes proves something. Let R be the computed factor of a float matrix B with
positive diagonal, u = 2^-53, gamma_k = k u / (1 - k u). In whatever order the sums of Cholesky's method are taken, with
or without fused multiply-add, and with a multiplication by the rounded reciprocal in place of the division (as OpenBLAS
does), |R^T R - B|_ij <= gamma_{min(i,j)+1} (|R|^T |R|)_ij + underflow: Higham, "Accuracy and Stability", lemma 8.4 and
theorem 10.3, where an entry off the diagonal leaves one rounding to spare, which the reciprocal takes. Then
|r_j|^2 <= b_jj / (1 - gamma_{j+1}), and min(i,j) + 1 <= sqrt((i+1)(j+1)) bounds the error matrix entrywise by v v^T, so
its norm by sum_j gamma_{j+1} / (1 - gamma_{j+1}) b_jj <= sum_j (j+2) u b_jj while 2 (N+1)(N+2) u <= 1.
R^T R is positive definite, hence lambda_min(B) > -c, and with B <= A - (c + delta) I: lambda_min(A) > delta.
The norm of E enters c by its Frobenius norm. The method is S. M. Rump's ("Verification of positive definiteness",
BIT 46, 2006). It does not hold for fast (Strassen) multiplication.

Underflow costs an entry at most N + 2 products of half the spacing of subnormals, times a factor of at most
1 + max sqrt(b_jj): below 6 N (N + max b) 2^-1074 in norm. 2^-1022 is used: it holds where subnormals are flushed to
zero, too (torch.set_flush_denormal), and is as invisible.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

from theory_check.judge.error_budget import NonFiniteEvidence

# Of float64, rounding to nearest; and its smallest normal number.
UNIT_ROUNDOFF = 2.0**-53
UNDERFLOW = 2.0**-1022
# Relative: where the bisection for a lower bound ends.
RESOLUTION = 0.01
EXACT_MAXIMUM = 64
# Relative to trace / N: a matrix that is known less well is not called singular, however small its least eigenvalue.
# Sharp bounds are 1e-10 and less; from a bound of the size of the matrix nothing follows.
SINGULAR_RESOLUTION = 1e-6

Matrix = Float[NDArray[np.float64], "inputs inputs"]
EntryError = float | Matrix


@dataclass(frozen=True)
class Certificate:
    """A proved bound of the smallest eigenvalue of A + F, for every symmetric |F| <= E.

    lower_bound: lambda_min > lower_bound is proved; at least 0 when certified, else negative (-inf: nothing proved).
    certified: every A + F is positive definite.
    estimate: smallest eigenvalue of A as eigvalsh has it; proves nothing.
    error_bound: c, what the method cannot see: rounding of the factorisation plus the norm of E.
    mean_diagonal: trace(A) / N, the size that error_bound is compared with; 1 for a matrix of unit diagonal.
    indefinite: an exact vector proves that no A + F is positive definite (`indefinite_certificate`).
    """

    lower_bound: float
    certified: bool
    estimate: float
    error_bound: float
    mean_diagonal: float = 1.0
    indefinite: bool = False

    @property
    def well_known(self) -> bool:
        """Whether eigenvalues are known well enough for one near zero to say something."""
        return self.error_bound < SINGULAR_RESOLUTION * self.mean_diagonal

    @property
    def singular(self) -> bool:
        """Whether there is evidence that A + F is not positive definite; what is neither this nor `certified` is open.

        Either an exact vector proves it, or the smallest eigenvalue is within an error bound that is small beside the
        matrix itself. The latter is no proof: rounding hides every eigenvalue below it.
        """
        return not self.certified and (self.indefinite or (self.well_known and self.estimate <= self.error_bound))

    @property
    def open_because(self) -> str:
        """Why it is neither certified nor singular, in words; empty where it is one of the two."""
        if self.certified or self.singular:
            return ""
        known = f"eigenvalues are known to {self.error_bound:.2g} for a mean diagonal entry of {self.mean_diagonal:.2g}"
        return f"{known}, which neither proves the smallest positive nor shows that it is zero"


def verified_positive_definite(A: Matrix, error: EntryError = 0.0, delta: float = 0.0) -> bool:
    """True proves lambda_min(A + F) > delta for every symmetric |F| <= error; False proves nothing.

    Args:
        A: exactly symmetric, finite. A diagonal entry that is not positive gives False.
        error: bound of |F|, one number for all entries or one for each; finite, at least 0.
        delta: finite, of either sign.

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: A not square, empty or not exactly symmetric; `error` negative or of another shape.
    """
    matrix, bound = _checked(A, error)
    if not math.isfinite(delta):
        raise NonFiniteEvidence(f"delta must be finite, got {delta!r}")
    return _proves(matrix, _frobenius(bound), delta)


def certified_lower_bound(A: Matrix, error: EntryError = 0.0) -> Certificate:
    """The largest delta that `verified_positive_definite` proves, to about 1 %; arguments and errors as there."""
    matrix, bound = _checked(A, error)
    norm = _frobenius(bound)
    slack = _slack(np.diagonal(matrix), norm)
    estimate = float(np.linalg.eigvalsh(matrix)[0])
    certificate = Certificate(
        lower_bound=-math.inf,
        certified=False,
        estimate=estimate,
        error_bound=slack,
        mean_diagonal=float(np.sum(np.diagonal(matrix) / len(matrix))),  # so that no sum overflows
    )
    if _proves(matrix, norm, 0.0):
        low, high = 0.0, max(estimate, 0.0)
        trial = estimate - 2 * slack  # mostly right at once
        while high - low > RESOLUTION * high:
            trial = trial if low < trial < high else (low + high) / 2
            low, high = (trial, high) if _proves(matrix, norm, trial) else (low, trial)
            if high <= RESOLUTION * slack:
                break
            trial = math.nan
        return replace(certificate, lower_bound=low, certified=True)
    depth = slack
    while math.isfinite(depth):
        trial = min(estimate, 0.0) - depth
        if _proves(matrix, norm, trial):
            return replace(certificate, lower_bound=trial)
        depth *= 2
    return certificate


def certified_by_balls(balls: flint.arb_mat | tuple[Matrix, EntryError], precision: int = 256) -> bool:
    """True proves that every symmetric matrix within the balls is positive definite; False proves nothing.

    For entries known to more digits than doubles hold. With X an approximate inverse of the Cholesky factor of the
    midpoints, X A X^T is near I; if in ball arithmetic every row has its diagonal entry above the sum of the absolute
    values of the others, it is positive definite (Gershgorin), so X is regular and A is positive definite. A ball
    factorisation of A itself would prove less: its radii grow with every elimination step.

    Args:
        balls: a square matrix of balls, or (midpoint, radius) with the radius as `error` above.
        precision: of the arithmetic, in bits.

    Raises:
        NonFiniteEvidence: a ball that is not finite.
        ValueError: not square or empty; for a pair, as in `verified_positive_definite`; precision below 2.
    """
    if precision < 2:
        raise ValueError(f"precision must be at least 2 bits, got {precision!r}")
    with flint.ctx.workprec(precision):
        matrix = _ball_matrix(balls)
        inverse_factor = _inverse_factor(matrix)
        if inverse_factor is None:
            return False
        congruent = inverse_factor * matrix * inverse_factor.transpose()
        size = congruent.nrows()
        for i in range(size):
            others = sum((abs(congruent[i, j]) for j in range(size) if j != i), flint.arb(0))
            if not congruent[i, i] > others:  # true only when certain
                return False
    return True


def indefinite_certificate(A: Matrix, error: EntryError = 0.0) -> tuple[Fraction, ...] | None:
    """An exact x != 0 with x^T A x + |x|^T E |x| <= 0: no A + F is positive definite. None when none was found.

    Tried in exact arithmetic: the unit vector of the least diagonal entry, the sum or difference of the two inputs
    nearest to parallel, the eigenvector of the least eigenvalue as computed, and, for E = 0 and at most 64 inputs, a
    vector of the first leading minor that is not positive, which decides the question for the doubles in A. All
    entries are integers or dyadic rationals.

    Raises:
        As `verified_positive_definite`.
    """
    matrix, bound = _checked(A, error)
    size = len(matrix)
    for candidate in (*_short_vectors(matrix), np.linalg.eigh(matrix)[1][:, 0]):
        vector = tuple(Fraction(float(value)) for value in candidate)
        if _form(matrix, bound, vector) <= 0:
            return vector
    if bound.any() or size > EXACT_MAXIMUM or _proves(matrix, 0.0, 0.0):
        return None
    return _vector_of_bad_minor(matrix)


def normalise_to_unit_diagonal(A: Matrix, error: EntryError = 0.0) -> tuple[Matrix, Matrix]:
    """A_ij / sqrt(A_ii A_jj) with unit diagonal, and a bound of the entries of its error.

    The bound covers D (A + F) D, D = diag(A_ii^(-1/2)) exactly, for all |F| <= error: positive definite if and only if
    A + F is. Two square roots and two divisions make the computed quotient wrong by at most
    ((1 + u)^2 / (1 - u)^2 - 1) < 5 u of itself, plus an underflow of the first division, which the second may enlarge;
    every operation on the bound is covered outward.

    Raises:
        As `verified_positive_definite`; ValueError also for a diagonal entry that is not positive.
    """
    matrix, bound = _checked(A, error)
    diagonal = np.diagonal(matrix)
    if not (diagonal > 0).all():
        at = int(np.argmin(diagonal))
        raise ValueError(f"the diagonal must be positive to be normalised, got {diagonal[at]!r} at {at}")
    roots = np.sqrt(diagonal)
    lower = np.tril(matrix / roots[:, None] / roots, -1)  # one triangle, mirrored: symmetric to the bit
    scaled: Matrix = lower + lower.T
    rounding = 5 * UNIT_ROUNDOFF * np.abs(scaled)
    np.fill_diagonal(scaled, 1.0)
    spread = (bound / roots[:, None] / roots + rounding) * (1 + 32 * UNIT_ROUNDOFF)
    touched = (bound > 0) | (matrix != 0)
    np.fill_diagonal(touched, np.diagonal(bound) > 0)
    scaled_error: Matrix = np.where(touched, _up(spread + UNDERFLOW * (1 + 1 / roots.min())), 0.0)
    return scaled, scaled_error


def _checked(A: Matrix, error: EntryError) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A and its error bound as two finite matrices, or the error that says why not."""
    matrix = np.array(A, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ValueError(f"a non-empty square matrix is needed, got shape {matrix.shape}")
    bound = np.array(error, dtype=np.float64)
    if bound.ndim and bound.shape != matrix.shape:
        raise ValueError(f"error must be one number or of shape {matrix.shape}, got shape {bound.shape}")
    for name, array in (("matrix", matrix), ("error bound", bound)):
        if not np.isfinite(array).all():
            raise NonFiniteEvidence(f"{np.count_nonzero(~np.isfinite(array))} entries of the {name} are not finite")
    if (bound < 0).any():
        raise ValueError(f"error must be at least 0, got {bound.min()!r}")
    if (matrix != matrix.T).any():
        gap = np.abs(matrix - matrix.T).max()
        raise ValueError(f"the matrix must be exactly symmetric, entries differ by up to {gap:.3g}; use (A + A.T) / 2")
    return matrix, np.broadcast_to(bound, matrix.shape)


def _proves(matrix: NDArray[np.float64], error_norm: float, delta: float) -> bool:
    """Cholesky of A - (c + delta) I completes, everything rounded so that a success is a proof."""
    diagonal = np.diagonal(matrix)
    # A negative delta raises the diagonal: c is made of the larger entries of the two.
    raised = _up(diagonal + max(0.0, -delta)) if delta < 0 else diagonal
    shift = _up(_slack(raised, error_norm) + delta)
    with np.errstate(over="ignore"):
        lowered = np.nextafter(diagonal - shift, -math.inf)
    shifted = np.array(matrix, order="F")
    np.fill_diagonal(shifted, lowered)
    factor, info = dpotrf(shifted, lower=1, overwrite_a=1)
    # Overflow inside the factorisation leaves an infinity or a NaN, which LAPACK need not report.
    return info == 0 and bool(np.isfinite(factor).all())


def _slack(diagonal: NDArray[np.float64], error_norm: float) -> float:
    """The c of the module docstring, rounded up."""
    size = diagonal.size
    positive = np.maximum(diagonal, 0.0)
    weights = np.arange(3.0, size + 3)  # j + 2, j from 1
    with np.errstate(over="ignore"):  # an infinite c proves nothing
        rounding = _up(_sum_up(_up(weights * positive)) * UNIT_ROUNDOFF)
        underflow = _up(_up(6 * size * _up(size + positive.max())) * UNDERFLOW)
        return float(_up(_up(rounding + error_norm) + underflow))


def _frobenius(bound: NDArray[np.float64]) -> float:
    """Frobenius norm, rounded up; the entries are scaled by the largest so that no square underflows."""
    largest = float(bound.max())
    if largest == 0:
        return 0.0
    squares = _up(_up(bound / largest) ** 2)
    with np.errstate(over="ignore"):
        return float(_up(_up(math.sqrt(_sum_up(squares))) * largest))


def _sum_up(values: NDArray[np.float64]) -> float:
    """An upper bound of a sum of non-negative numbers: in any order its relative error is at most 2 n u."""
    return float(_up(float(np.sum(values)) * (1 + 4 * values.size * UNIT_ROUNDOFF)))


def _up(value: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The next double above: an upper bound of a result rounded to nearest."""
    above: NDArray[np.float64] = np.nextafter(value, math.inf)
    return above


def _ball_matrix(balls: flint.arb_mat | tuple[Matrix, EntryError]) -> flint.arb_mat:
    """A square matrix of finite balls."""
    if isinstance(balls, tuple):
        middle, radius = _checked(*balls)
        rows = [
            [flint.arb(float(m), float(r)) for m, r in zip(*pair, strict=True)]
            for pair in zip(middle, radius, strict=True)
        ]
        return flint.arb_mat(rows)
    if balls.nrows() != balls.ncols() or balls.nrows() == 0:
        raise ValueError(f"a non-empty square matrix is needed, got {balls.nrows()} by {balls.ncols()}")
    bad = sum(not entry.is_finite() for entry in balls.entries())
    if bad:
        raise NonFiniteEvidence(f"{bad} balls of the matrix are not finite")
    return balls


def _inverse_factor(matrix: flint.arb_mat) -> flint.arb_mat | None:
    """Points near the inverse of the Cholesky factor of the midpoints, or None when a pivot is not positive."""
    size = matrix.nrows()
    factor = [[flint.arb(0)] * size for _ in range(size)]
    for j in range(size):
        for i in range(j, size):
            products = (a * b for a, b in zip(factor[i][:j], factor[j][:j], strict=True))
            rest = (matrix[i, j].mid() - sum(products, flint.arb(0))).mid()
            if i == j and not rest > 0:
                return None
            factor[i][j] = (rest.sqrt() if i == j else rest / factor[j][j]).mid()
    identity = flint.arb_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])
    return flint.arb_mat(factor).solve(identity).mid()


def _short_vectors(matrix: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The e_i of least diagonal entry, and the e_i -+ e_j of least quadratic form, which show a repeated input."""
    diagonal, unit = np.diagonal(matrix), np.eye(len(matrix))
    forms = diagonal[:, None] / 2 + diagonal / 2 - np.abs(matrix)  # half of it: no overflow
    np.fill_diagonal(forms, np.inf)
    i, j = np.unravel_index(int(np.argmin(forms)), forms.shape)
    single = unit[int(np.argmin(diagonal))]
    return [single] if i == j else [single, unit[i] - np.copysign(unit[j], matrix[i, j])]


def _form(matrix: NDArray[np.float64], bound: NDArray[np.float64], vector: tuple[Fraction, ...]) -> Fraction:
    """x^T A x + |x|^T E |x|, exactly."""
    total = Fraction(0)
    for x, row, errors in zip(vector, matrix, bound, strict=True):
        if x:
            plain = sum((Fraction(float(a)) * y for a, y in zip(row, vector, strict=True)), Fraction(0))
            worst = sum((Fraction(float(e)) * abs(y) for e, y in zip(errors, vector, strict=True)), Fraction(0))
            total += x * plain + abs(x) * worst
    return total


def _vector_of_bad_minor(matrix: NDArray[np.float64]) -> tuple[Fraction, ...] | None:
    """Integers x with x^T A x <= 0 from the first leading minor <= 0, by Bareiss' elimination; None: there is none."""
    size = len(matrix)
    ratios = [[float(value).as_integer_ratio() for value in row] for row in matrix]
    common = max(denominator for row in ratios for _, denominator in row)  # powers of two
    integers = [[flint.fmpz(p * (common // q)) for p, q in row] for row in ratios]
    reduced, previous = [list(row) for row in integers], flint.fmpz(1)
    for k in range(size):
        pivot = reduced[k][k]  # the leading minor of order k + 1
        if pivot <= 0:
            break
        for i in range(k + 1, size):
            for j in range(k + 1, i + 1):  # exact: Bareiss entries are minors
                reduced[i][j] = (pivot * reduced[i][j] - reduced[i][k] * reduced[j][k]) // previous
        previous = pivot
    else:
        return None
    # With A_k y = -a (A_k of order k, positive definite), x = (y, 1, 0, ...) has x^T A x = minor_{k+1} / minor_k <= 0.
    block = flint.fmpq_mat(k, k, [integers[i][j] for i in range(k) for j in range(k)])
    column = flint.fmpq_mat(k, 1, [-integers[i][k] for i in range(k)])
    solution = [] if k == 0 else block.solve(column).entries()
    fractions = [Fraction(int(y.p), int(y.q)) for y in solution] + [Fraction(1)]
    multiple = math.lcm(*(value.denominator for value in fractions))
    return tuple(value * multiple for value in fractions) + (Fraction(0),) * (size - k - 1)

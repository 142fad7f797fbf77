"""Proofs of positive definiteness: never a false one, and the ones that can be had."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

from theory_check.judge.definiteness import (
    certified_by_balls,
    certified_lower_bound,
    indefinite_certificate,
    normalise_to_unit_diagonal,
    verified_positive_definite,
)

Matrix = NDArray[np.float64]


def generator(seed: int) -> np.random.Generator:
    """An explicit generator."""
    return np.random.Generator(np.random.PCG64(seed))


def exact(matrix: Matrix) -> flint.fmpq_mat:
    """The doubles of a matrix as rationals."""
    ratios = [float(value).as_integer_ratio() for value in matrix.ravel()]
    return flint.fmpq_mat(*matrix.shape, [flint.fmpq(p, q) for p, q in ratios])


def positive_definite(matrix: flint.fmpq_mat, shift: Fraction = Fraction(0)) -> bool:
    """Sylvester's criterion on A - shift I in rational arithmetic: the independent referee."""
    size = matrix.nrows()
    moved = matrix - flint.fmpq(shift.numerator, shift.denominator) * flint.fmpq_mat(
        size, size, [int(i == j) for i in range(size) for j in range(size)]
    )
    return all(
        flint.fmpq_mat(k, k, [moved[i, j] for i in range(k) for j in range(k)]).det() > 0 for k in range(1, size + 1)
    )


def hilbert(size: int) -> Matrix:
    """1 / (i + j + 1), rounded to doubles; condition number about exp(3.5 size)."""
    index = np.arange(size)
    return np.array(1 / (index[:, None] + index + 1))


def gram(inputs: int, features: int, seed: int) -> Matrix:
    """G G^T of integer vectors, exact in doubles: rank at most `features`."""
    vectors = generator(seed).integers(-9, 10, (inputs, features)).astype(float)
    return np.array(vectors @ vectors.T)


def random_definite(size: int, smallest: float, seed: int) -> Matrix:
    """Eigenvalues from `smallest` to 1 in geometric steps, in a random basis; symmetric to the bit."""
    basis = np.linalg.qr(generator(seed).standard_normal((size, size)))[0]
    matrix = (basis * np.geomspace(smallest, 1, size)) @ basis.T
    return np.array((matrix + matrix.T) / 2)


def test_no_singular_matrix_is_proved_definite() -> None:
    """400 Gram matrices of deficient rank, scaled by powers of two: eigvalsh and Cholesky are fooled, the proof never.

    The diagonal scaling by powers of two is exact, so singularity survives; ranks are counted in rationals.
    """
    fooled = {"eigvalsh": 0, "cholesky": 0}
    for seed in range(400):
        inputs = 3 + seed % 12
        scales = 2.0 ** generator(seed).integers(-3, 4, inputs)
        matrix = gram(inputs, inputs - 1 - seed % 2, seed) * scales[:, None] * scales
        assert exact(matrix).rank() < inputs
        fooled["eigvalsh"] += bool(np.linalg.eigvalsh(matrix)[0] > 0)
        fooled["cholesky"] += dpotrf(matrix, lower=1)[1] == 0
        assert not verified_positive_definite(matrix)
        assert not certified_lower_bound(matrix).certified
    assert min(fooled.values()) > 10


def test_no_bound_exceeds_the_smallest_eigenvalue() -> None:
    """In rationals A - bound I is definite for every bound, and A - 1.02 bound I is not where rounding is small."""
    for seed in range(60):
        matrix = random_definite(2 + seed % 9, 10.0 ** -(seed % 15), seed)
        certificate = certified_lower_bound(matrix)
        assert positive_definite(exact(matrix), Fraction(certificate.lower_bound))
        if certificate.estimate > 300 * certificate.error_bound:
            assert certificate.certified
            assert not positive_definite(exact(matrix), Fraction(1.02 * certificate.lower_bound))


@pytest.mark.parametrize("size", range(1, 11))
def test_hilbert_matrices_are_certified(size: int) -> None:
    """Up to size 10, condition number 1e13, the proof succeeds with a bound within 3 % of the eigenvalue."""
    matrix = hilbert(size)
    certificate = certified_lower_bound(matrix)
    assert certificate.certified
    assert verified_positive_definite(matrix)
    assert positive_definite(exact(matrix), Fraction(certificate.lower_bound))
    assert certificate.lower_bound > 0.97 * certificate.estimate


def test_beyond_doubles_a_bound_below_zero_is_still_proved() -> None:
    """The Hilbert matrix of size 13 is not certified, and its bound is negative, true and of rounding size."""
    certificate = certified_lower_bound(hilbert(13))
    assert not certificate.certified
    assert -10 * certificate.error_bound < certificate.lower_bound < 0
    assert positive_definite(exact(hilbert(13)), Fraction(certificate.lower_bound))
    indefinite = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert -1 - 1e-12 < certified_lower_bound(indefinite).lower_bound < -1


@pytest.mark.parametrize("size", [5, 40, 150])
def test_the_factorisation_errs_as_little_as_the_proof_assumes(size: int) -> None:
    """|R^T R - A| <= gamma_{min(i,j)+1} |R|^T |R| entry by entry, R^T R in rationals, blocked code included."""
    matrix = random_definite(size, 1e-6, size)
    factor, info = dpotrf(matrix, lower=1, clean=1)
    assert info == 0
    lower = exact(np.tril(factor))
    absolute = exact(np.abs(np.tril(factor)))
    product, scale, target = lower * lower.transpose(), absolute * absolute.transpose(), exact(matrix)
    unit = flint.fmpq(1, 2**53)
    for i in range(size):
        for j in range(i + 1):
            gamma = (j + 2) * unit / (1 - (j + 2) * unit)  # min(i, j) + 1 counted from one
            assert abs(product[i, j] - target[i, j]) <= gamma * scale[i, j]


@pytest.mark.parametrize("error", [1e-3, "matrix"])
def test_the_bound_holds_for_every_error_within_its_entries(error: float | str) -> None:
    """All sign patterns v v^T of the error, its worst cases, leave the eigenvalue above the bound, barely."""
    size = 5
    matrix = random_definite(size, 0.05, 1)
    bound = np.full((size, size), error) if isinstance(error, float) else 1e-3 * (1 + np.eye(size))
    certificate = certified_lower_bound(matrix, bound if error == "matrix" else error)  # type: ignore[arg-type]
    signs = np.array([[1 if code >> k & 1 else -1 for k in range(size)] for code in range(2**size)])
    lowest = min(np.linalg.eigvalsh(matrix - bound * np.outer(s, s))[0] for s in signs)
    assert 0.9 * lowest < certificate.lower_bound < lowest
    assert certificate.error_bound == pytest.approx(np.linalg.norm(bound), rel=1e-9)
    assert verified_positive_definite(matrix, bound, 0.99 * certificate.lower_bound)


def test_the_threshold_delta_is_respected() -> None:
    """For 2 I, delta just below 2 is proved, 2 is not, and a negative delta proves a matrix that is none."""
    matrix = 2 * np.eye(4)
    assert verified_positive_definite(matrix, 0.0, 2 - 1e-13)
    assert not verified_positive_definite(matrix, 0.0, 2.0)
    assert not verified_positive_definite(matrix, 0.5, 0.0)
    assert verified_positive_definite(matrix, 0.49, 0.0)
    assert verified_positive_definite(-np.eye(3), 0.0, -1.1)
    assert not verified_positive_definite(-np.eye(3), 0.0, -1.0)


def test_moving_matrix_and_threshold_together_changes_no_answer() -> None:
    """A - t I has a diagonal of 0 and less, yet its factorisation at -t rounds like that of A at 0.

    Half of c below the eigenvalue 0 of a singular A is too near to be proved, five times c is far enough.
    """
    matrix = gram(30, 20, 0)
    t, c = float(matrix.max()), certified_lower_bound(matrix).error_bound
    for moved in (0.0, t):
        lowered = matrix - moved * np.eye(30)
        assert not verified_positive_definite(lowered, 0.0, -moved - 0.5 * c)
        assert verified_positive_definite(lowered, 0.0, -moved - 5 * c)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-150, 1e150, 1e300, 1.7e308])
def test_extreme_scales_prove_nothing_false(scale: float) -> None:
    """Singular stays unproved at every scale; definite is proved unless numbers under- or overflow."""
    singular = np.full((3, 3), scale)
    assert not certified_lower_bound(singular).certified
    assert verified_positive_definite(scale * np.eye(3)) == (1e-300 <= scale <= 1e300)


def test_overflow_inside_the_factorisation_proves_nothing() -> None:
    """An entry of 1e305 makes a pivot NaN, which LAPACK takes for positive; the matrix is indefinite."""
    matrix = np.diag([1e-13, 1.0, 1.0])
    matrix[0, 2] = matrix[2, 0] = 1e305
    assert dpotrf(matrix, lower=1)[1] == 0
    assert not verified_positive_definite(matrix)


@pytest.mark.parametrize("diagonal", [0.0, -1.0])
def test_a_diagonal_entry_that_is_not_positive_is_not_certified(diagonal: float) -> None:
    """No error, and an exact vector shows that the matrix is not definite."""
    matrix = np.diag([1.0, diagonal, 1.0])
    assert not verified_positive_definite(matrix)
    assert not certified_lower_bound(matrix).certified
    assert indefinite_certificate(matrix) == (0, 1, 0)
    with pytest.raises(ValueError, match="diagonal must be positive"):
        normalise_to_unit_diagonal(matrix)


def quadratic_form(matrix: Matrix, error: Matrix, vector: tuple[Fraction, ...]) -> Fraction:
    """x^T A x + |x|^T E |x| written out."""
    size = range(len(vector))
    return sum(
        (
            Fraction(float(matrix[i, j])) * vector[i] * vector[j]
            + Fraction(float(error[i, j])) * abs(vector[i] * vector[j])
            for i in size
            for j in size
        ),
        Fraction(0),
    )


@pytest.mark.parametrize("inputs", [2, 5, 12, 40])
def test_an_exactly_singular_matrix_has_an_exact_witness(inputs: int) -> None:
    """Deficient rank, as affine phi gives: x^T A x is 0 or less in rationals, x is made of integers."""
    matrix = gram(inputs, max(1, inputs // 3), inputs)
    vector = indefinite_certificate(matrix)
    assert vector is not None
    assert any(vector)
    assert quadratic_form(matrix, np.zeros_like(matrix), vector) <= 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_repeated_input_has_a_witness_of_two_entries(sign: int) -> None:
    """Two equal or opposite rows of a kernel of any numbers and any size: the witness names the two inputs."""
    features = generator(2).standard_normal((100, 120))
    kernel = features @ features.T
    kernel = (kernel + kernel.T) / 2
    kernel[7, :], kernel[:, 7] = sign * kernel[2, :], sign * kernel[:, 2]
    kernel[7, 7], kernel[2, 7], kernel[7, 2] = kernel[2, 2], sign * kernel[2, 2], sign * kernel[2, 2]
    vector = indefinite_certificate(kernel)
    assert vector is not None
    assert {k: abs(value) for k, value in enumerate(vector) if value} == {2: 1, 7: 1}
    assert vector[2] * vector[7] == -sign
    assert quadratic_form(kernel, np.zeros_like(kernel), vector) == 0


def test_the_sign_of_an_eigenvalue_below_rounding_is_decided() -> None:
    """For matrices whose eigenvalue eigvalsh cannot resolve, witness or none agrees with Sylvester's criterion."""
    seen = set()
    for seed in range(40):
        matrix = gram(6, 5, seed) * 2.0**-8
        matrix[0, 0] += 2.0**-40 * generator(seed).integers(-2, 3)
        vector = indefinite_certificate(matrix)
        seen.add(vector is None)
        assert (vector is None) == positive_definite(exact(matrix))
        if vector is not None:
            assert quadratic_form(matrix, np.zeros_like(matrix), vector) <= 0
    assert seen == {True, False}


def test_a_witness_counts_the_error_against_itself() -> None:
    """An eigenvalue of -0.1 is beyond an error of 0.01 an entry, but not beyond 0.1."""
    matrix = np.array([[1.0, 1.1], [1.1, 1.0]])
    vector = indefinite_certificate(matrix, 0.01)
    assert vector is not None
    assert quadratic_form(matrix, np.full((2, 2), 0.01), vector) <= 0
    assert indefinite_certificate(matrix, 0.1) is None


def test_proof_and_witness_never_meet() -> None:
    """No matrix of 200, near singular or not, with error or without, gets both."""
    found = [0, 0]
    for seed in range(200):
        matrix = random_definite(4, 1e-3, seed) - 10.0 ** generator(seed).uniform(-6, -1) * np.eye(4)
        error = (0.0, 1e-4)[seed % 2]
        proof, witness = verified_positive_definite(matrix, error), indefinite_certificate(matrix, error) is not None
        assert not (proof and witness)
        found[0] += proof
        found[1] += witness
    assert min(found) > 30


def rational_balls(size: int) -> flint.arb_mat:
    """The Hilbert matrix itself, not rounded to doubles."""
    return flint.arb_mat(size, size, [flint.arb(flint.fmpq(1, i + j + 1)) for i in range(size) for j in range(size)])


def test_balls_prove_what_doubles_cannot_hold() -> None:
    """The exact Hilbert matrix of size 25, condition number 1e37, at 256 bits; 64 bits prove nothing."""
    with flint.ctx.workprec(256):
        matrix = rational_balls(25)
    before = flint.ctx.prec
    assert certified_by_balls(matrix, 256)
    assert not certified_by_balls(matrix, 64)
    assert flint.ctx.prec == before


def test_balls_never_prove_a_singular_matrix() -> None:
    """Deficient rank, or a radius that reaches a singular matrix: no proof at any precision."""
    for seed in range(30):
        matrix = gram(3 + seed % 6, 2 + seed % 6, seed)
        assert not certified_by_balls((matrix, 0.0), 64 + 64 * (seed % 5))
    matrix = random_definite(6, 1e-2, 3)
    smallest, vectors = np.linalg.eigh(matrix)
    worst = smallest[0] / np.abs(vectors[:, 0]).sum() ** 2  # A - worst s s^T is singular in direction v
    assert not certified_by_balls((matrix, 1.0001 * worst), 128)
    assert certified_by_balls((matrix, 0.2 * worst), 128)


def test_balls_agree_with_doubles_where_both_can_prove() -> None:
    """60 inputs with an error of the entries, as a matrix or one number."""
    matrix = random_definite(60, 1e-3, 4)
    for error in (1e-6, np.full((60, 60), 1e-6)):
        assert verified_positive_definite(matrix, error)
        assert certified_by_balls((matrix, error))
    assert certified_by_balls((hilbert(12), 0.0))
    assert positive_definite(exact(hilbert(12)))


@pytest.mark.parametrize("decades", [0, 3, 150])
def test_normalising_encloses_the_exact_matrix(decades: int) -> None:
    """Every entry of D A D, D exact to 300 bits, lies within the error; the diagonal is 1; symmetry is exact."""
    size = 6
    scales = 10.0 ** generator(5).uniform(-decades, decades, size)
    matrix = random_definite(size, 1e-2, 5) * scales[:, None] * scales
    matrix = np.tril(matrix) + np.tril(matrix, -1).T
    error = 1e-9 * np.outer(scales, scales)
    error = np.tril(error) + np.tril(error, -1).T
    scaled, scaled_error = normalise_to_unit_diagonal(matrix, error)
    assert (scaled == scaled.T).all()
    assert (np.diagonal(scaled) == 1).all()
    with flint.ctx.workprec(300):
        for i in range(size):
            for j in range(size):
                root = (flint.arb(matrix[i, i]) * flint.arb(matrix[j, j])).sqrt()
                for sign in (-1, 1):
                    true = (flint.arb(matrix[i, j]) + sign * flint.arb(error[i, j])) / root
                    assert abs(true - flint.arb(scaled[i, j])) <= flint.arb(scaled_error[i, j])
    roots = np.sqrt(np.diagonal(matrix))
    assert scaled_error == pytest.approx(error / roots[:, None] / roots, rel=1e-5)


def test_normalising_saves_a_badly_scaled_kernel() -> None:
    """Diagonal entries 1e-20 apart hide a well-conditioned matrix, which is proved once it is normalised."""
    scales = np.array([1.0, 1e-10, 1.0])
    matrix = np.array([[2.0, 0.5, 0.3], [0.5, 2.0, 0.1], [0.3, 0.1, 2.0]]) * scales[:, None] * scales
    assert not verified_positive_definite(matrix)
    assert verified_positive_definite(*normalise_to_unit_diagonal(matrix))

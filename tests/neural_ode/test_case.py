"""A case is data: one spelling, one identifier, one seed; and the inputs it stands for."""

import hashlib
import math

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from theory_check.case.record import Seeds, canonical_json, case_id
from theory_check.neural_ode.case import (
    MAX_CORRELATION,
    Case,
    Data,
    Digits,
    Explicit,
    Sphere,
    Weights,
    correlations,
    count_of,
    labels_of,
    materialise,
    parallel_rows,
    to_sphere,
)
from theory_check.neural_ode.model import NeuralODE

PINNED = Case(
    activation="tanh(2.0*x)",
    data=Explicit(rows=((1.0, 0.1), (0.0, -2.5)), labels=(1.0, -1.0)),
    width=7,
    neural_ode=NeuralODE(sigma_u=0.5, horizon=1e-3),
    weights=Weights(structure="symmetric", gain=0.25, pinned=0.5),
    stratum="pinned",
    eta_factor=2.5,
)
ON_SPHERE = Case(activation="relu(x)", data=Sphere(count=3, dimension=2, seed=11), width=64)
ON_DIGITS = Case(activation="x", data=Digits(rows=(0, 17)), width=1)
PINNED_TEXT = (
    '{"activation":"tanh(2.0*x)","data":{"kind":"explicit","labels":[1.0,-1.0],"rows":[[1.0,0.1],[0.0,-2.5]]},'
    '"eta_factor":2.5,"neural_ode":{"horizon":0.001,"sigma_u":0.5,"sigma_v":1.0,"sigma_w":1.0},"stratum":"pinned",'
    '"weights":{"gain":0.25,"pinned":0.5,"structure":"symmetric"},"width":7}'
)
ALL = pytest.mark.parametrize("case", [PINNED, ON_SPHERE, ON_DIGITS])


def test_the_canonical_text_never_changes() -> None:
    """A golden string: reports of today must name the cases of tomorrow."""
    assert canonical_json(PINNED) == PINNED_TEXT


@pytest.mark.parametrize(
    ("case", "plain", "judged", "seed", "replicate"),
    [
        (PINNED, "58d2cb0da654", "bd49d4f6d89d", 9141923192140043289, 3345375045935310507),
        (ON_SPHERE, "18ad27b3cd96", "4c2c1f1abeba", 7022698614890050458, 4556296071095615726),
        (ON_DIGITS, "0a96754fafb3", "258c29f69a63", 8952531001717510178, 1989445162185154422),
    ],
)
def test_identifiers_and_seeds_never_change(case: Case, plain: str, judged: str, seed: int, replicate: int) -> None:
    """Golden values: a changed seed rule would draw other weights and call them the same case."""
    assert case_id("forward-unique", case) == plain
    assert case_id("forward-unique", case, test="a.py::b", defect="z") == judged
    assert Seeds(0, "forward-unique").of(case) == seed
    assert Seeds(5, "gaussian-output").of(case, stage="descent", replicate=3) == replicate


def test_the_seed_is_the_one_of_the_rule() -> None:
    """SHA-256 of root seed, claim, case, stage and replicate, written out here; 63 bits of it."""
    text = f"3\0adjoint-gradient\0{PINNED_TEXT}\0directions\0{2}"
    digest = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)
    assert Seeds(3, "adjoint-gradient").of(PINNED, stage="directions", replicate=2) == digest // 2
    assert 0 <= digest // 2 < 2**63


def test_seeds_differ_in_every_argument() -> None:
    """Another root, claim, case, stage or replicate is another seed."""
    seeds = {
        Seeds(0, "a").of(PINNED),
        Seeds(1, "a").of(PINNED),
        Seeds(0, "b").of(PINNED),
        Seeds(0, "a").of(ON_SPHERE),
        Seeds(0, "a").of(PINNED, stage="labels"),
        Seeds(0, "a").of(PINNED, replicate=1),
    }
    assert len(seeds) == 6


@ALL
def test_a_case_survives_its_own_text(case: Case) -> None:
    """Decoded and encoded again it is the same case and the same text."""
    text = canonical_json(case)
    again = msgspec.json.decode(text, type=Case)
    assert again == case
    assert canonical_json(again) == text


def test_the_order_of_fields_does_not_matter() -> None:
    """Text with its keys turned round means the same case."""
    fields = msgspec.json.decode(PINNED_TEXT)
    turned = {key: dict(reversed(v.items())) if isinstance(v, dict) else v for key, v in reversed(fields.items())}
    text = msgspec.json.encode(turned).decode()
    assert text != PINNED_TEXT
    assert canonical_json(msgspec.json.decode(text, type=Case)) == PINNED_TEXT


def test_whole_numbers_are_spelt_as_the_floats_they_mean() -> None:
    """A case written with 1 in place of 1.0 is the same case, before and after its text is read back."""
    whole = Case(
        activation="x", data=Explicit(((1, 0), (2, 1)), (1, 0)), width=3, eta_factor=1, weights=Weights(gain=2)
    )
    floats = Case(
        activation="x", data=Explicit(((1.0, 0.0), (2.0, 1.0)), (1.0, 0.0)), width=3, weights=Weights(gain=2.0)
    )
    assert canonical_json(whole) == canonical_json(floats)
    assert case_id("a", whole) == case_id("a", msgspec.json.decode(canonical_json(whole), type=Case))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -0.49999999999999994])
def test_decimals_round_trip_to_the_last_bit(value: float) -> None:
    """The shortest decimals of a double read back as that double."""
    case = Case(activation="x", data=Explicit(((value,),)), width=1)
    assert msgspec.json.decode(canonical_json(case), type=Case).data == Explicit(((value,),))


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ((), None, "non-empty"),
        (((),), None, "non-empty"),
        (((1.0,), (1.0, 2.0)), None, r"one length, got lengths \[1, 2\]"),
        (((math.nan,),), None, "finite"),
        (((1.0, math.inf),), None, "finite"),
        (((1.0,), (2.0,)), (1.0,), "got 1 for 2 rows"),
        (((1.0,),), (math.nan,), "labels must be finite"),
    ],
)
def test_rows_that_are_no_matrix_are_refused(
    rows: tuple[tuple[float, ...], ...], labels: tuple[float, ...] | None, message: str
) -> None:
    """Ragged, empty or not finite rows, and labels that do not fit, are refused in one line."""
    with pytest.raises(ValueError, match=message):
        Explicit(rows, labels)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scalars_that_are_no_numbers_are_refused(value: float) -> None:
    """JSON has no infinity: a case with one could not be replayed."""
    with pytest.raises(ValueError, match="gain"):
        Weights(gain=value)
    with pytest.raises(ValueError, match="pinned"):
        Weights(pinned=value)
    for eta in (value, 0.0, -1.0):
        with pytest.raises(ValueError, match="eta_factor"):
            Case(activation="x", data=Sphere(1, 2, 0), width=1, eta_factor=eta)


@pytest.mark.parametrize(
    "tampered",
    [
        PINNED_TEXT.replace('"width":7', '"width":0'),
        PINNED_TEXT.replace('"width":7', '"width":7,"more":1'),
        PINNED_TEXT.replace("symmetric", "lopsided"),
        PINNED_TEXT.replace('"horizon":0.001', '"horizon":-1'),
        PINNED_TEXT.replace("[0.0,-2.5]", "[0.0]"),
        PINNED_TEXT.replace("explicit", "implicit"),
    ],
)
def test_tampered_text_is_refused(tampered: str) -> None:
    """A width of zero, an unknown field or word, a negative horizon, ragged rows."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(tampered, type=Case)


@pytest.mark.parametrize(("count", "dimension"), [(1, 1), (4, 2), (6, 3), (5, 8), (20, 10)])
def test_sphere_points_lie_on_the_sphere_and_apart(count: int, dimension: int) -> None:
    """|x| = sqrt d, |correlation| <= 0.95 for every two, the count asked for; five seeds each."""
    for seed in range(5):
        points = materialise(Sphere(count, dimension, seed))
        assert points.shape == (count, dimension)
        np.testing.assert_allclose((points**2).sum(axis=1), dimension, rtol=1e-14)
        off_diagonal = np.abs(points @ points.T / dimension)[~np.eye(count, dtype=bool)]
        assert (off_diagonal <= MAX_CORRELATION + 1e-15).all()
        assert parallel_rows(points) is None
        assert count_of(Sphere(count, dimension, seed)) == count


def test_sphere_points_never_change() -> None:
    """Golden points: a case holds a seed in place of them."""
    expected = [[0.03555115, 1.41376664], [1.3054254, -0.54393431], [-0.69566665, -1.23127897]]
    np.testing.assert_allclose(materialise(ON_SPHERE.data), expected, atol=5e-9)
    assert (materialise(ON_SPHERE.data) != materialise(Sphere(3, 2, 12))).all()


@pytest.mark.parametrize(("count", "dimension"), [(2, 1), (5, 2), (9, 4)])
def test_more_points_than_can_be_kept_apart_are_refused(count: int, dimension: int) -> None:
    """At most 2 d, and one on the line."""
    with pytest.raises(ValueError, match=f"got {count} with d = {dimension}"):
        materialise(Sphere(count, dimension, 0))


def test_digits_are_real_and_labelled_by_parity() -> None:
    """Rows 0 to 9 of the set are the digits 0 to 9; each is scaled to |x| = 8."""
    data = Digits(tuple(range(10)))
    np.testing.assert_allclose(np.linalg.norm(materialise(data), axis=1), 8.0, rtol=1e-14)
    assert labels_of(data, 0).tolist() == [1.0, -1.0] * 5
    assert (materialise(data) >= 0).all()


def test_labels_come_from_the_data_or_from_the_seed() -> None:
    """Given labels are kept; others are N(0, 1) from the seed, the same for the same seed."""
    assert labels_of(PINNED.data, 1).tolist() == [1.0, -1.0]
    sphere = Sphere(20, 10, 0)
    assert (labels_of(sphere, 4) == labels_of(sphere, 4)).all()
    assert (labels_of(sphere, 4) != labels_of(sphere, 5)).all()
    drawn = np.concatenate([labels_of(sphere, seed) for seed in range(100)])
    # Of 2,000 normal numbers the mean is within 0.1 and the variance within 0.15 of theirs but for one in 10^5.
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.var() - 1) < 0.15


def test_a_zero_row_stays_zero_on_the_sphere() -> None:
    """Scaling keeps zero rows, and gives them cosine 0 with every other."""
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(to_sphere(rows), [[0.0, 0.0], [0.6 * math.sqrt(2), 0.8 * math.sqrt(2)]], rtol=1e-15)
    np.testing.assert_allclose(correlations(rows), [[0.0, 0.0], [0.0, 1.0]], rtol=1e-15)


def _rows(*rows: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(rows)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (_rows((1, 2), (2, 1), (1, 2)), (0, 2)),
        (_rows((1, 2), (3, 1), (-6, -2)), (1, 2)),
        (_rows((1, 2), (0, 0), (1, 2)), (1, 1)),
        (_rows((1, 2), (1, 2 + 1e-6)), None),
        (_rows((1, 0), (1, 1e-6)), None),
        (_rows((1e-200, 0), (1e200, 0)), (0, 1)),
        (_rows((0.1, 0.2, 0.3), (0.7, 1.4, 2.1)), (0, 1)),
        (_rows((1.0,)), None),
        (_rows((1.0,), (-2.0,)), (0, 1)),
    ],
)
def test_parallel_rows_are_those_parallel_to_rounding(rows: NDArray[np.float64], found: tuple[int, int] | None) -> None:
    """Repeated, antipodal, scaled and zero rows count; rows an angle of 1e-6 apart do not."""
    assert parallel_rows(rows) == found


def test_rounded_multiples_of_a_row_are_parallel() -> None:
    """Multiples by 0.1 to 10 of random rows are found whatever their last bits are; dimensions 1 to 300."""
    generator = np.random.Generator(np.random.PCG64(3))
    for dimension in (2, 3, 64, 300):
        for _ in range(50):
            row = generator.standard_normal(dimension)
            factor = generator.uniform(0.1, 10.0) * generator.choice([-1.0, 1.0])
            assert parallel_rows(np.array([row, row * factor])) == (0, 1)
            assert parallel_rows(np.array([row, row + 1e-6 * generator.standard_normal(dimension)])) is None


@pytest.mark.parametrize("data", [PINNED.data, ON_SPHERE.data, ON_DIGITS.data])
def test_the_count_needs_no_inputs_to_be_made(data: Data) -> None:
    """count_of agrees with the rows that are made."""
    assert count_of(data) == len(materialise(data))

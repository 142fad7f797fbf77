"""What a user asks for becomes a request: names made canonical, data brought to the sphere, odd rows noted."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory_check.neural_ode.case import Explicit
from theory_check.search.request import MOST_SEED, RequestError, make_request


def _rows(data: object) -> np.ndarray:
    assert isinstance(data, Explicit)
    return np.array(data.rows)


def _saved(folder: Path, rows: np.ndarray) -> str:
    np.save(folder / "data.npy", rows)
    return str(folder / "data.npy")


def test_nothing_asked_for_names_nothing() -> None:
    """The default is every claim, random activations and every stratum, and fails for nobody in particular."""
    request = make_request()
    assert (request.profile.name, request.seed, request.claims, request.activations) == ("quick", 0, (), ())
    assert request.data is None
    assert not request.names_something
    assert make_request(activations=["tanh"]).names_something
    assert make_request(data="digits").names_something


def test_what_is_asked_for_twice_is_asked_for_once() -> None:
    """Claims and activations, in the order given; two spellings of one function are one."""
    request = make_request(
        claims=["gaussian-output", "forward-unique", "gaussian-output"], activations=["tanh(1*x)", "relu", " tanh "]
    )
    assert request.claims == ("gaussian-output", "forward-unique")
    assert [request.load(name).expression for name in request.activations] == ["tanh(x)", "relu(x)"]


def test_every_activation_of_a_request_can_be_loaded_again() -> None:
    """Workers get the names as text."""
    request = make_request(activations=["softplus", "tanh(2*x) + 0.1*x", "0.5*relu(x - 1)"])
    assert make_request(activations=request.activations).activations == request.activations


@pytest.mark.parametrize("seed", [0, "0", 17, "17", MOST_SEED, str(MOST_SEED)])
def test_seeds(seed: str | int) -> None:
    """Every whole number of 63 bits, as a number or as text."""
    assert make_request(seed=seed).seed == int(seed)


def test_errors_are_value_errors() -> None:
    """So that they are caught as what they are."""
    assert issubclass(RequestError, ValueError)


def test_rows_are_scaled_to_the_sphere(tmp_path: Path) -> None:
    """|x| = sqrt d, directions kept; both formats give the same."""
    rows = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, -2.0]])
    request = make_request(data=_saved(tmp_path, rows))
    np.testing.assert_allclose(_rows(request.data), np.sqrt(3) * np.array([[0.6, 0.8, 0], [0, 0, -1]]), rtol=1e-15)
    (tmp_path / "data.csv").write_text("# height, width, depth\n3,4,0\n0,0,-2\n")
    assert make_request(data=str(tmp_path / "data.csv")).data == request.data
    assert request.data_note == ""


@pytest.mark.parametrize("kind", ["f2", "f4", "i1", "u8", ">f8"])
def test_kinds_of_numbers(tmp_path: Path, kind: str) -> None:
    """Any real type is read as float64."""
    rows = np.array([[3, 4], [1, 0]])
    exact = make_request(data=_saved(tmp_path, rows.astype(float))).data
    assert make_request(data=_saved(tmp_path, rows.astype(kind))).data == exact


@given(
    rows=hnp.arrays(float, (3, 2), elements=st.floats(0.125, 8).map(lambda v: round(v, 3))),
    exponents=hnp.arrays(int, 3, elements=st.integers(-1000, 1000)),
)
def test_only_directions_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray, exponents: np.ndarray
) -> None:
    """Rows as large as 1e300 or as small as 1e-300 are neither lost nor taken for zero."""
    folder = tmp_path_factory.mktemp("rows")
    scaled = make_request(data=_saved(folder, np.ldexp(rows, exponents[:, None])))
    plain = make_request(data=_saved(folder, rows))
    assert scaled.data == plain.data
    assert scaled.data_note == plain.data_note


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([0.0, 0.0], "row 3 of {} is zero"),
        ([2.0, 1.0], "rows 1 and 3 of {} are parallel"),
        ([-1.0, -0.5], "rows 1 and 3 of {} are parallel"),
        ([1e200, 5e199], "rows 1 and 3 of {} are parallel"),
        ([1.0, 0.5 + 1e-9], ""),
    ],
)
def test_rows_that_break_an_assumption_are_noted(tmp_path: Path, row: list[float], said: str) -> None:
    """They are no error: the note names them by their place in the file."""
    source = _saved(tmp_path, np.array([[1.0, 0.0], [1.0, 0.5], [0.0, 1.0], row]))
    request = make_request(data=source)
    assert request.data_note == said.format(source)
    assert len(_rows(request.data)) == 4


@pytest.mark.parametrize("searches", ["0", "61", "two", "1.5", -1])
def test_a_number_of_searches_that_is_none_is_refused(searches: str | int) -> None:
    """With what was written."""
    with pytest.raises(RequestError, match=f"searches must be .*{searches}"):
        make_request(searches=searches)

"""Data that cannot be used are refused like every other bad input; data that break an assumption are not."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Refused = Callable[..., str]
ROWS = np.array([[1.0, 2.0], [-2.0, 1.0], [0.5, 0.25]])


def _with(value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[1, 0] = value
    return rows


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (ROWS[0], "got (2,)"),
        (ROWS[None], "got (1, 3, 2)"),
        (np.array(1.0), "got ()"),
        (np.empty((0, 3)), "got (0, 3)"),
        (np.empty((3, 0)), "got (3, 0)"),
        (ROWS.astype(complex), "type complex128"),
        (np.array([["a", "b"]]), "type <U1"),
        (ROWS > 0, "type bool"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "type datetime64"),
        (np.zeros((1, 1), dtype=[("a", float)]), "type [("),
        (_with(np.nan), "a NaN or an infinity in row 1"),
        (_with(-np.inf), "a NaN or an infinity in row 1"),
        (np.ones((2001, 1)), "at most 2000 rows"),
    ],
)
def test_an_array_of_the_wrong_kind(refused: Refused, tmp_path: Path, array: np.ndarray, said: str) -> None:
    """Anything but a finite real matrix with a row, a column and at most 2,000 rows."""
    path = tmp_path / "data.npy"
    np.save(path, array)
    assert said in refused("--data", str(path))


def test_a_pickle_is_never_loaded(refused: Refused, tmp_path: Path) -> None:
    """Neither an array of objects nor a pickle under the name of an array; nothing of it runs."""

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Trap()))
    np.save(tmp_path / "objects.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    for name in ("plain.npy", "objects.npy"):
        assert "a pickled array is refused" in refused("--data", str(tmp_path / name))
    assert not (tmp_path / "ran").exists()


def test_an_archive_under_the_name_of_an_array(refused: Refused, tmp_path: Path) -> None:
    """NumPy opens it by its content, whatever its name."""
    np.savez(tmp_path / "data.npz", ROWS)
    (tmp_path / "data.npz").rename(tmp_path / "data.npy")
    assert "archive" in refused("--data", str(tmp_path / "data.npy"))


def test_a_header_that_promises_more_than_there_is(refused: Refused, tmp_path: Path) -> None:
    """Two terabytes are not allocated to find that out."""
    with (tmp_path / "data.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**11, 3)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "holds no matrix of numbers" in refused("--data", str(tmp_path / "data.npy"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "got (0, 1)"),
        (b"# only a comment\n", "got (0, 1)"),
        (b"1,2\n3,four\n", "'four'"),
        (b"height,width\n1,2\n", "'height'"),
        (b"1,2\n3\n", "column"),
        (b"1;2\n3;4\n", "'1;2'"),
        (b"1,nan\n", "a NaN or an infinity in row 0"),
        (b"1,inf\n", "a NaN or an infinity in row 0"),
        (b"\xff\xfe\x00,\x01\n", "holds no matrix of numbers"),
        (b"1\n" * 2001, "at most 2000 rows"),
    ],
)
def test_text_that_is_no_matrix(refused: Refused, tmp_path: Path, content: bytes, said: str) -> None:
    """The line says where the file stops making sense."""
    (tmp_path / "data.csv").write_bytes(content)
    assert said in refused("--data", str(tmp_path / "data.csv"))


@pytest.mark.parametrize("name", ["data.npy", "data.csv"])
def test_a_file_that_cannot_be_read(refused: Refused, tmp_path: Path, name: str) -> None:
    """Absent, a folder, a link to itself."""
    path = tmp_path / name
    assert f"cannot read {str(path)!r}" in refused("--data", str(path))
    path.mkdir()
    assert f"cannot read {str(path)!r}" in refused("--data", str(path))
    path.rmdir()
    path.symlink_to(path)
    assert f"cannot read {str(path)!r}" in refused("--data", str(path))


@pytest.mark.parametrize("source", ["data.json", "data", "digit", "/etc", "-x"])
def test_a_source_of_no_known_kind(refused: Refused, source: str) -> None:
    """Only two names and two kinds of files are known."""
    assert f"data must be digits, sphere, FILE.npy or FILE.csv, got {source!r}" in refused("--data", source)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "1,2\n3\n", "1;2\n3;4\n"], ids=["header", "ragged", "semicolons"])
def test_a_csv_of_another_form(refused: Refused, tmp_path: Path, text: str) -> None:
    """The line says what form is read, and names no option of NumPy."""
    path = tmp_path / "data.csv"
    path.write_text(text)
    line = refused("--data", str(path))
    assert "separated by commas, without a header" in line
    assert "usecols" not in line

"""Figures as a pure function of their seed, and as files that are whole or not there."""

from pathlib import Path

import pytest
import torch

from theory_check.neural_ode.figures.catalogue import GROUPS, READ
from theory_check.neural_ode.figures.kept import kept_figures, make_kept

SHORT = "spectrum"


def test_the_same_seed_makes_the_same_figures_and_another_does_not() -> None:
    """To the last bit, as equal records."""
    group = GROUPS["residual-depth"]
    assert group.of(3, "quick") == group.of(3, "quick")
    assert group.of(3, "quick")[0].picture != group.of(4, "quick")[0].picture


def test_every_group_is_read_once_and_names_are_distinct() -> None:
    """No figure is left out of the index."""
    assert sorted(READ) == sorted(GROUPS)


def test_kept_figures_are_those_that_were_made(tmp_path: Path) -> None:
    """Under their fingerprint only; the number of threads of this process is what it was."""
    threads = torch.get_num_threads()
    make_kept(SHORT, 0, "quick", tmp_path, "one")
    assert kept_figures(SHORT, tmp_path, "one") == GROUPS[SHORT].of(0, "quick")
    assert kept_figures(SHORT, tmp_path, "another") is None
    assert [path.name for path in tmp_path.iterdir()] == [f"{SHORT}.json"]
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00\xff", b'{"fingerprint": "one", "figures": [{}]}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    """It is made again."""
    (tmp_path / f"{SHORT}.json").write_bytes(damage)
    assert kept_figures(SHORT, tmp_path, "one") is None


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """A folder that cannot be written is an OSError, and no half-written file."""
    (tmp_path / f"{SHORT}.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        make_kept(SHORT, 0, "quick", tmp_path, "one")
    assert [path.name for path in tmp_path.iterdir()] == [f"{SHORT}.json"]

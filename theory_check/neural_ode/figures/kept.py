"""Figures kept as JSON while others are still to be made: each is whole or not there, and knows what it was made of."""

import secrets
from pathlib import Path

import msgspec
import threadpoolctl
import torch

from theory_check.judge.figure import Figure
from theory_check.neural_ode.figures.catalogue import GROUPS


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fingerprint: str
    figures: tuple[Figure, ...]


def make_kept(name: str, seed: int, profile: str, folder: Path, fingerprint: str) -> None:
    """Make a group of figures in this process, by one thread, so that no bit depends on the cores there are.

    Args:
        name: of the group in the catalogue.
        seed: root seed.
        profile: "quick" takes the quick sizes, every other the full ones.
        folder: where it is kept; it must exist.
        fingerprint: of the code, the versions and the request.

    Raises:
        OSError: the folder cannot be written to.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpoolctl.threadpool_limits(1):
            kept = _Kept(fingerprint, GROUPS[name].of(seed, profile))
    finally:
        torch.set_num_threads(threads)
    partial = folder / f".{name}.{secrets.token_hex(8)}.partial"
    try:
        partial.write_bytes(msgspec.json.encode(kept))
        partial.replace(folder / f"{name}.json")
    finally:
        partial.unlink(missing_ok=True)


def kept_figures(name: str, folder: Path, fingerprint: str) -> tuple[Figure, ...] | None:
    """The figures of a group, or None where there are none of this fingerprint."""
    try:
        kept = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return None
    return kept.figures if kept.fingerprint == fingerprint else None

"""What a user asks of Neural ODEs, checked: activations, a model, data, a device. Loads no torch by itself."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from theory_check.claims.paper import Asked
from theory_check.neural_ode.case import DIGITS_DIMENSION, Explicit, parallel_rows, to_sphere
from theory_check.neural_ode.claims.own_model import MODEL_CLAIMS, left_out, why_not

SOURCES = ("digits", "sphere")
MOST_ROWS = 2_000


@dataclass(frozen=True)
class OwnModel:
    """A user's torch.nn.Module on trial in place of activations.

    reference: "package.module:build".
    dimension: of its states.
    parameters: how many trainable numbers it has.
    converted: what was brought to float64, in words; empty where nothing was.
    """

    reference: str
    dimension: int
    parameters: int
    converted: str = ""

    @property
    def notes(self) -> list[str]:
        """What a reader of a report on it must know first."""
        measured = "its constants are measured on the states that were reached: bounds are certified given the estimate"
        said = [measured, *([self.converted] if self.converted else []), *left_out(parameters=self.parameters)]
        return [f"{self.reference}: {line}" for line in said]


def asked(
    *,
    subjects: Sequence[str],
    model: str,
    data: str,
    device: str,
    claims: Sequence[str],
    mode: str,
    seed: int,
    trust_code: bool,
) -> Asked:
    """Check what only Neural ODEs know of a request.

    Args:
        subjects: activations: names, expressions or "package.module:name" (with `trust_code`).
        model: "package.module:build" of a user's own torch.nn.Module, or empty.
        data: "digits", "sphere", FILE.npy, FILE.csv, or empty.
        device: "cpu", "cuda" or "cuda:N".
        claims: identifiers that were asked for; a model must fit each.
        mode: of the audit; a model is only audited.
        seed: root seed, from which a model is built once to see that it can be.
        trust_code: whether modules of the user may be imported.

    Raises:
        ValueError: an unknown activation, data that cannot be used, a device that is absent, a model that does not
            fit; one line.
    """
    rows, note = _data(data)
    _check_device(device)
    own = None
    if model:
        _check_room_for_model(model, subjects, device, mode)
        own = _own_model(model, seed, trust_code=trust_code)
        _check_fits(own, claims, rows, data)
    return Asked(
        subjects=tuple(_checked_activation(name, trust_code=trust_code) for name in subjects),
        model=own,
        data=rows,
        data_note=note,
    )


def _check_room_for_model(model: str, activations: Sequence[str], device: str, mode: str) -> None:
    if activations:
        raise ValueError(f"a model has activations of its own: give --model {model} or --activation, not both")
    if device != "cpu":
        raise ValueError(f"a model is audited on the CPU, got device {device!r} with --model {model}")
    if mode != "audit":
        raise ValueError(
            f"mode {mode!r} is about our own network, whose assumptions can be broken one at a time: "
            f"leave it out with --model {model}"
        )


def _own_model(reference: str, seed: int, *, trust_code: bool) -> OwnModel:
    from theory_check.neural_ode.networks.own_model.loading import load_model
    from theory_check.neural_ode.networks.own_model.vector_field import ModelError

    try:
        field = load_model(reference, seed, trust_code=trust_code)
    except ModelError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return OwnModel(reference, field.dimension, field.vector.numel(), field.converted)


def _check_fits(model: OwnModel, claims: Sequence[str], rows: str | Explicit | None, source: str) -> None:
    """Refuse claims that say nothing of a module, and data of another dimension than its states."""
    for claim in claims:
        reason = why_not(claim, parameters=model.parameters)
        if reason:
            fitting = ", ".join(c for c in MODEL_CLAIMS if not why_not(c, parameters=model.parameters))
            raise ValueError(
                f"claim {claim!r} cannot be asked of {model.reference} ({reason}); those that apply: {fitting}"
            )
    dimension = len(rows.rows[0]) if isinstance(rows, Explicit) else DIGITS_DIMENSION if rows == "digits" else None
    if dimension not in {None, model.dimension}:
        raise ValueError(
            f"data {source!r} has dimension {dimension}, states of {model.reference} have dimension {model.dimension}"
        )


def _checked_activation(name: str, *, trust_code: bool) -> str:
    from theory_check.neural_ode.activations.loading import activation

    try:
        loaded = activation(name, trust_code=trust_code)
    except ValueError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return loaded.name


def _check_device(device: str) -> None:
    kind = device.split(":", 1)[0]
    if kind == "cpu" and device == "cpu":
        return
    if kind != "cuda":
        raise ValueError(f"unknown device {device!r}; known: cpu, cuda, cuda:N")
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        there = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "no CUDA device"
        raise ValueError(f"device {device!r} is absent: there is {there} here; use --device cpu") from None


def _data(source: str) -> tuple[str | Explicit | None, str]:
    if not source:
        return None, ""
    if source in SOURCES:
        return source, ""
    rows = _rows_of_file(source)
    # To the sphere in two steps: the square of 1e200 is infinite. Powers of two change no digit.
    _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
    rows = to_sphere(np.ldexp(rows, -exponents))
    offending = parallel_rows(rows)
    note = ""
    if offending:
        first, second = offending
        note = (
            f"row {first} of {source} is zero"
            if first == second
            else f"rows {first} and {second} of {source} are parallel"
        )
    return Explicit(tuple(tuple(float(value) for value in row) for row in rows)), note


def _what_is_wrong(path: Path, said: str) -> str:
    """NumPy's complaint about a file in one line, with what is read."""
    if path.suffix == ".csv":
        said = f"rows must hold equally many numbers, separated by commas, without a header; {said}"
    elif "pickle" in said.lower() or "Python objects" in said:
        said = "a pickled array is refused, save plain numbers"
    # NumPy goes on to advise options that are none of ours.
    return " ".join(said.split("; use `usecols`")[0].split())


def _rows_of_file(source: str) -> NDArray[np.float64]:
    path = Path(source)
    if path.suffix not in {".npy", ".csv"}:
        raise ValueError(f"data must be digits, sphere, FILE.npy or FILE.csv, got {source!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without rows: its shape says so below, in one line
            if path.suffix == ".npy":
                # Mapped: nothing is read, and no memory taken, before its shape has been checked.
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                array = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64, max_rows=MOST_ROWS + 1)
    except OSError as error:
        raise ValueError(f"cannot read {source!r}: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"{source!r} holds no matrix of numbers: {_what_is_wrong(path, str(error))}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(  # noqa: TRY004 - what is wrong is a value of the user's
            f"{source!r} holds no matrix of numbers: it is an archive, save one array with numpy.save"
        )
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"data must have shape (rows, dimension) with at least one of each, got {array.shape} in {source!r}"
        )
    if array.dtype.kind not in "iuf":
        raise ValueError(f"data must be real numbers, got type {array.dtype} in {source!r}")
    if len(array) > MOST_ROWS:
        raise ValueError(f"data must have at most {MOST_ROWS} rows, {source!r} has more")
    rows: NDArray[np.float64] = array.astype(np.float64)
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise ValueError(f"data must be finite, got a NaN or an infinity in row {int(np.argmax(bad))} of {source!r}")
    return rows

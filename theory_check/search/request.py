"""What a user asks to be audited, checked: one clear line for anything that means nothing. Loads no torch by itself."""

import difflib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from theory_check.claims.claim import Claim
from theory_check.judge.profile import PROFILES, Profile
from theory_check.neural_ode.case import DIGITS_DIMENSION, Explicit, parallel_rows, to_sphere
from theory_check.neural_ode.claims.own_model import MODEL_CLAIMS, left_out, why_not
from theory_check.neural_ode.claims.statements import CLAIMS

Mode = Literal["audit", "ablation", "selftest", "survey"]

if TYPE_CHECKING:
    from theory_check.neural_ode.activations.activation import Activation
    from theory_check.neural_ode.networks.own_model.vector_field import VectorField

SOURCES = ("digits", "sphere")
MOST_ROWS = 2_000
MOST_SEED = 2**63 - 1
MOST_SHARDS = 10_000
MOST_SEARCHES = 60  # of the full profile's cases each is one


class RequestError(ValueError):
    """A request means nothing, or cannot be met here; the message is one line."""


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


@dataclass(frozen=True)
class Request:
    """One audit.

    activations: names, expressions or "package.module:name" (with trust_code); none means random and core ones.
    data: "digits", "sphere", or rows of the user's own; None means every stratum of a claim.
    data_note: what is wrong with the user's rows (parallel or zero ones), by their numbers; empty when nothing is.
    claims: identifiers; none means all.
    mode: "audit"; "ablation" breaks the assumptions of each claim one at a time besides; "selftest" runs controls
        only, all there are; "survey" leaves them out.
    paper: what is on trial, for the title of reports; empty for the paper's own title, or where nobody named it.
    shard: (i, n) for the i-th of n parts of the trials, dealt out in turn; None for all of them.
    searches: into how many independent searches the cases of every random or named trial are divided.
    model: a user's own module, on trial in place of activations.
    strict: whether readings count towards the exit status though nobody named them.
    """

    profile: Profile = PROFILES["quick"]
    seed: int = 0
    activations: tuple[str, ...] = ()
    data: str | Explicit | None = None
    data_note: str = ""
    claims: tuple[str, ...] = ()
    device: str = "cpu"
    trust_code: bool = False
    mode: Mode = "audit"
    paper: str = ""
    shard: tuple[int, int] | None = None
    searches: int = 1
    model: OwnModel | None = None
    strict: bool = False

    def counts(self, claim: Claim) -> bool:
        """Whether the verdict of a claim counts towards the exit status: it is stated, or a reading that was named."""
        return claim.is_stated or self.strict or claim.id in self.claims

    @property
    def names_something(self) -> bool:
        """Whether the user named an activation, a model or data: what fails for those counts as a failure."""
        return bool(self.activations) or self.data is not None or self.model is not None

    @property
    def subjects(self) -> tuple[str, ...]:
        """What the user put on trial by name: activations, or a model."""
        return (*self.activations, *([self.model.reference] if self.model else []))

    def load_model(self, reference: str, seed: int) -> "VectorField":
        """The model behind "package.module:build", built from a seed; refused without trust_code."""
        from theory_check.neural_ode.networks.own_model.loading import load_model

        return load_model(reference, seed, trust_code=self.trust_code)

    def load(self, expression: str) -> "Activation":
        """The activation behind a name, an expression or, with trust_code, "package.module:name"."""
        from theory_check.neural_ode.activations.loading import activation

        return activation(expression, trust_code=self.trust_code)


def make_request(
    *,
    profile: str = "quick",
    seed: str | int = 0,
    data: str = "",
    device: str = "cpu",
    claims: Sequence[str] = (),
    activations: Sequence[str] = (),
    trust_code: bool = False,
    mode: str = "audit",
    paper: str = "",
    shard: str = "",
    searches: str | int = 1,
    own_claims: bool = False,
    model: str = "",
    strict: bool = False,
) -> Request:
    """Check what a user wrote and make a request of it.

    With `own_claims` identifiers of claims are taken as they are: who collects them knows which there are.

    Raises:
        RequestError: an unknown profile, claim or activation, a seed that is none, data that cannot be used, or a
            device that is absent.
    """
    if profile not in PROFILES:
        raise RequestError(f"unknown profile {profile!r}; {nearest(profile, PROFILES)}")
    for claim in claims:
        if claim not in CLAIMS and not own_claims:
            raise RequestError(f"unknown claim {claim!r}; {nearest(claim, CLAIMS)}")
    rows, note = _data(data)
    _check_device(device)
    own = None
    if model:
        _check_room_for_model(model, activations, device, mode)
        own = _own_model(model, _seed(seed), trust_code=trust_code)
        _check_fits(own, claims, rows, data)
    return Request(
        profile=PROFILES[profile],
        seed=_seed(seed),
        activations=tuple(dict.fromkeys(_checked_activation(name, trust_code=trust_code) for name in activations)),
        data=rows,
        data_note=note,
        claims=tuple(dict.fromkeys(claims)),
        device=device,
        trust_code=trust_code,
        mode=_mode(mode),
        paper=" ".join(paper.split()),
        shard=_shard(shard) if shard else None,
        searches=_searches(searches),
        model=own,
        strict=strict,
    )


def _check_room_for_model(model: str, activations: Sequence[str], device: str, mode: str) -> None:
    if activations:
        raise RequestError(f"a model has activations of its own: give --model {model} or --activation, not both")
    if device != "cpu":
        raise RequestError(f"a model is audited on the CPU, got device {device!r} with --model {model}")
    if mode != "audit":
        raise RequestError(
            f"mode {mode!r} is about our own network, whose assumptions can be broken one at a time: "
            f"leave it out with --model {model}"
        )


def _own_model(reference: str, seed: int, *, trust_code: bool) -> OwnModel:
    from theory_check.neural_ode.networks.own_model.loading import load_model
    from theory_check.neural_ode.networks.own_model.vector_field import ModelError

    try:
        field = load_model(reference, seed, trust_code=trust_code)
    except ModelError as error:
        raise RequestError(" ".join(str(error).split())) from None
    return OwnModel(reference, field.dimension, field.vector.numel(), field.converted)


def _check_fits(model: OwnModel, claims: Sequence[str], rows: str | Explicit | None, source: str) -> None:
    """Refuse claims that say nothing of a module, and data of another dimension than its states."""
    for claim in claims:
        reason = why_not(claim, parameters=model.parameters)
        if reason:
            fitting = ", ".join(c for c in MODEL_CLAIMS if not why_not(c, parameters=model.parameters))
            raise RequestError(
                f"claim {claim!r} cannot be asked of {model.reference} ({reason}); those that apply: {fitting}"
            )
    dimension = len(rows.rows[0]) if isinstance(rows, Explicit) else DIGITS_DIMENSION if rows == "digits" else None
    if dimension not in {None, model.dimension}:
        raise RequestError(
            f"data {source!r} has dimension {dimension}, states of {model.reference} have dimension {model.dimension}"
        )


def _mode(word: str) -> Mode:
    for known in get_args(Mode):
        if word == known:
            return known  # type: ignore[no-any-return]
    raise RequestError(f"unknown mode {word!r}; {nearest(word, get_args(Mode))}")


def nearest(word: str, known: Iterable[str]) -> str:
    """What a message says after an unknown word: the likeliest known one, and all of them."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(known)}"


def _seed(text: str | int) -> int:
    try:
        seed = int(text)
    except ValueError:
        raise RequestError(f"the seed must be a whole number, got {text!r:.40}") from None
    if not 0 <= seed <= MOST_SEED:
        raise RequestError(f"the seed must be from 0 to 2^63 - 1, got {seed!s:.40}")
    return seed


def _shard(text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    # `int` alone would take "+1", " 1" and "1_0", and names of shards must be told apart.
    if not (slash and number.isascii() and number.isdigit() and of.isascii() and of.isdigit()):
        raise RequestError(f"a shard is i/n with whole numbers, such as 1/3, got {text!r:.40}")
    if not 1 <= int(number) <= int(of) <= MOST_SHARDS:
        raise RequestError(f"shard i/n must have 1 <= i <= n <= {MOST_SHARDS}, got {text!r:.40}")
    return int(number), int(of)


def _searches(text: str | int) -> int:
    try:
        searches = int(text)
    except ValueError:
        raise RequestError(f"searches must be a whole number, got {text!r:.40}") from None
    if not 1 <= searches <= MOST_SEARCHES:
        raise RequestError(f"searches must be from 1 to {MOST_SEARCHES}, got {searches!s:.40}")
    return searches


def _checked_activation(name: str, *, trust_code: bool) -> str:
    from theory_check.neural_ode.activations.loading import activation

    try:
        loaded = activation(name, trust_code=trust_code)
    except ValueError as error:
        raise RequestError(" ".join(str(error).split())) from None
    return loaded.name


def _check_device(device: str) -> None:
    kind = device.split(":", 1)[0]
    if kind == "cpu" and device == "cpu":
        return
    if kind != "cuda":
        raise RequestError(f"unknown device {device!r}; known: cpu, cuda, cuda:N")
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        there = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "no CUDA device"
        raise RequestError(f"device {device!r} is absent: there is {there} here; use --device cpu") from None


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
        raise RequestError(f"data must be digits, sphere, FILE.npy or FILE.csv, got {source!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without rows: its shape says so below, in one line
            if path.suffix == ".npy":
                # Mapped: nothing is read, and no memory taken, before its shape has been checked.
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                array = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64, max_rows=MOST_ROWS + 1)
    except OSError as error:
        raise RequestError(f"cannot read {source!r}: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise RequestError(f"{source!r} holds no matrix of numbers: {_what_is_wrong(path, str(error))}") from None
    if not isinstance(array, np.ndarray):
        raise RequestError(f"{source!r} holds no matrix of numbers: it is an archive, save one array with numpy.save")
    if array.ndim != 2 or 0 in array.shape:
        raise RequestError(
            f"data must have shape (rows, dimension) with at least one of each, got {array.shape} in {source!r}"
        )
    if array.dtype.kind not in "iuf":
        raise RequestError(f"data must be real numbers, got type {array.dtype} in {source!r}")
    if len(array) > MOST_ROWS:
        raise RequestError(f"data must have at most {MOST_ROWS} rows, {source!r} has more")
    rows: NDArray[np.float64] = array.astype(np.float64)
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise RequestError(f"data must be finite, got a NaN or an infinity in row {int(np.argmax(bad))} of {source!r}")
    return rows

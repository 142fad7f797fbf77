"""What a user asks to be audited, checked: one clear line for anything that means nothing. Loads no torch by itself."""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import msgspec

from theory_check.claims.claim import Claim
from theory_check.claims.paper import PaperError, paper_on_trial, put_on_trial
from theory_check.judge.profile import PROFILES, Profile

Mode = Literal["audit", "ablation", "selftest", "survey"]

MOST_SEED = 2**63 - 1
MOST_SHARDS = 10_000
MOST_SEARCHES = 60  # of the full profile's cases each is one


class RequestError(ValueError):
    """A request means nothing, or cannot be met here; the message is one line."""


@dataclass(frozen=True)
class Request:
    """One audit.

    activations: names of subjects that were asked for; none means random ones and those of the profile.
    data: what cases are to be made of: the name of a stratum, or a record of the user's own; None means every stratum.
    data_note: what is wrong with the user's data, one line; empty when nothing is.
    claims: identifiers; none means all.
    mode: "audit"; "ablation" breaks the assumptions of each claim one at a time besides; "selftest" runs controls
        only, all there are; "survey" leaves them out.
    paper: what is on trial, for the title of reports; empty for the paper's own title, or where nobody named it.
    shard: (i, n) for the i-th of n parts of the trials, dealt out in turn; None for all of them.
    searches: into how many independent searches the cases of every random or named trial are divided.
    model: a user's own model as the paper on trial describes it (`Asked.model`), on trial in place of activations.
    strict: whether readings count towards the exit status though nobody named them.
    on_trial: "module:NAME" of the paper; empty for the one that ships with theory_check.
    """

    profile: Profile = PROFILES["quick"]
    seed: int = 0
    activations: tuple[str, ...] = ()
    data: Any = None
    data_note: str = ""
    claims: tuple[str, ...] = ()
    device: str = "cpu"
    trust_code: bool = False
    mode: Mode = "audit"
    paper: str = ""
    shard: tuple[int, int] | None = None
    searches: int = 1
    model: Any = None
    strict: bool = False
    on_trial: str = ""

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

    def load_model(self, reference: str, seed: int) -> Any:
        """The model behind "package.module:build", built from a seed; refused without trust_code."""
        load_model = paper_on_trial().load_model
        if load_model is None:
            raise RequestError(f"this paper says nothing of a model of one's own, got {reference!r:.60}")
        return load_model(reference, seed, trust_code=self.trust_code)

    def load(self, expression: str) -> Any:
        """The subject behind a name, such as the activation behind an expression."""
        return paper_on_trial().load(expression, trust_code=self.trust_code)


def read_request(text: str) -> Request:
    """A request from its JSON text, as a shard or a scheduler hands it on; its paper is then the one of this process.

    Raises:
        RequestError: its paper cannot be found here.
        msgspec.ValidationError: it is no request.
    """
    content = msgspec.json.decode(text)
    try:
        paper = put_on_trial(str(content.get("on_trial", "")))
    except PaperError as error:
        raise RequestError(str(error)) from None
    kinds = {"data": paper.data_kind, "model": paper.model_kind}
    parts = {name: msgspec.convert(content.pop(name, None), kind) for name, kind in kinds.items()}
    return replace(msgspec.json.decode(json.dumps(content), type=Request), **parts)


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
    paper_title: str = "",
    shard: str = "",
    searches: str | int = 1,
    own_claims: bool = False,
    model: str = "",
    strict: bool = False,
    on_trial: str = "",
) -> Request:
    """Check what a user wrote and make a request of it.

    With `own_claims` identifiers of claims are taken as they are: who collects them knows which there are.

    Raises:
        RequestError: an unknown profile, claim or activation, a seed that is none, data that cannot be used, or a
            device that is absent.
    """
    try:
        paper = put_on_trial(on_trial)
    except PaperError as error:
        raise RequestError(str(error)) from None
    if profile not in PROFILES:
        raise RequestError(f"unknown profile {profile!r}; {nearest(profile, PROFILES)}")
    for claim in claims:
        if claim not in paper.claims and not own_claims:
            raise RequestError(f"unknown claim {claim!r}; {nearest(claim, paper.claims)}")
    root = _seed(seed)
    try:
        asked = paper.asked(
            subjects=activations,
            model=model,
            data=data,
            device=device,
            claims=claims,
            mode=mode,
            seed=root,
            trust_code=trust_code,
        )
    except ValueError as error:
        raise RequestError(" ".join(str(error).split())) from None
    return Request(
        profile=PROFILES[profile],
        seed=root,
        activations=tuple(dict.fromkeys(asked.subjects)),
        data=asked.data,
        data_note=asked.data_note,
        claims=tuple(dict.fromkeys(claims)),
        device=device,
        trust_code=trust_code,
        mode=_mode(mode),
        paper=" ".join(paper_title.split()),
        shard=_shard(shard) if shard else None,
        searches=_searches(searches),
        model=asked.model,
        strict=strict,
        on_trial=on_trial,
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

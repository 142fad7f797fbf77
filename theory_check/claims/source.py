"""Where a statement comes from, and how it is read: a verdict is a verdict on a reading."""

import difflib
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

Provenance = Literal["abstract", "result", "figure", "hedged", "digest"]

# From strong to weak.
PROVENANCES = MappingProxyType(
    {
        "abstract": "the authors' own summary",
        "result": "a numbered proposition or theorem, as reviewers of the submission describe it; numbers may differ "
        "in print",
        "figure": "a figure or experiment, as its caption or a report of a reproduction describes it",
        "hedged": "the authors say that it may, can or potentially does hold",
        "digest": "a machine-written summary has it, and no text of the authors that could be read",
    }
)
# What the authors state as a claim. What they hedge, or never said, is a reading.
STATED = frozenset({"abstract", "result", "figure"})
READING = (
    "a statement that the authors hedge, or that only a machine-written digest of the paper has. It has a verdict, "
    "which counts towards the exit status on request alone; a refuted reading is no refutation of the paper."
)


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a claim is made and how it was read; everything in our words, nothing quoted.

    kinds: of the texts in which it stands, from strong to weak abstract, result, figure, hedged, digest; the strongest
        decides who speaks.
    where: the places.
    says: what they say.
    reading: how that was read, which is what the claim's properties test.
    other_readings: in what other ways it can be read, and what is known of each.
    paper_scale: sizes of the paper's own experiments on it; empty where nobody said.
    our_scale: sizes of the trials here, to stand beside them.

    Raises:
        ValueError: no kind, an unknown one, or empty words; one line with the bad value.
    """

    kinds: tuple[Provenance, ...]
    where: str
    says: str
    reading: str
    other_readings: tuple[str, ...] = ()
    paper_scale: str = ""
    our_scale: str = ""

    def __post_init__(self) -> None:
        # A record made in Python is not checked against its types.
        for name in ("kinds", "other_readings"):
            if not isinstance(getattr(self, name), tuple):
                raise ValueError(f"{name} of a source must be a tuple, got {getattr(self, name)!r:.60}")  # noqa: TRY004
        if not self.kinds:
            raise ValueError(f"a source must have one kind at least of {', '.join(PROVENANCES)}, got none")
        for kind in self.kinds:
            if kind not in PROVENANCES:
                near = difflib.get_close_matches(str(kind), PROVENANCES, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise ValueError(f"unknown kind {kind!r:.60} of a source; {hint}known: {', '.join(PROVENANCES)}")
        for name in ("where", "says", "reading"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} of a source must be words, got {getattr(self, name)!r:.60}")

    @property
    def kind(self) -> Provenance:
        """The strongest of its kinds."""
        return next(kind for kind in get_args(Provenance) if kind in self.kinds)

    @property
    def is_stated(self) -> bool:
        """Whether the authors state it as a claim, first or second hand; what they do not is a reading."""
        return self.kind in STATED


def source_text(source: str | Source) -> str:
    """A source on one line: where a statement is made and what is said there; a sentence of a user's own as it is."""
    return source if isinstance(source, str) else f"{', '.join(source.kinds)}: {source.where}. {source.says}"


def source_lines(source: str | Source) -> list[tuple[str, str]]:
    """Labels and values that say where a claim comes from and how it is read, one pair a line."""
    if isinstance(source, str):
        return [("source", source)]
    lines = [
        ("source", source.where),
        *((kind, PROVENANCES[kind]) for kind in get_args(Provenance) if kind in source.kinds),
        ("says", source.says),
        ("tested reading", source.reading),
        *(("other reading", other) for other in source.other_readings),
        ("the paper's scale", source.paper_scale),
        ("scale here", source.our_scale),
    ]
    return [(label, value) for label, value in lines if value]

"""A case as the court sees it: a frozen msgspec record of anybody's, and what follows from its one spelling.

A case is data that fixes one instance of a claim. Its canonical JSON names it: the verdict of a case is a pure
function of that text and the root seed, so that a case can be replayed from a report in another process. Two kinds of
randomness are kept apart: Hypothesis draws cases, and what a case leaves open (weights) follows from its seeds.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    # Whichever record the paper on trial has; the court calls none of its fields by name.
    AnyCase: TypeAlias = Any
else:

    class AnyCase:
        """Stands for the record of the paper on trial where records of the court hold a case; see `case_hook`."""


_ENCODER = msgspec.json.Encoder(order="sorted")


@lru_cache(maxsize=16)
def _decoder(record: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(record)


def canonical_json(case: AnyCase) -> str:
    """The one spelling of a case: keys sorted, no spaces, shortest decimals that round-trip.

    Args:
        case: a frozen msgspec.Struct, or the mapping that one of an unknown paper was read as.

    Raises:
        msgspec.ValidationError: a field is not what its type says.
    """
    text = _ENCODER.encode(case)
    if isinstance(case, msgspec.Struct):
        # Read back once, so that a whole number in place of a float is spelt as the float that it means.
        text = _ENCODER.encode(_decoder(type(case)).decode(text))
    return text.decode()


def case_id(
    claim: str, case: AnyCase, *, test: str = "", defect: str | None = None, assumption: str | None = None
) -> str:
    """Twelve hexadecimal digits that name a judged case in reports and on the command line.

    Two properties of one claim may judge the same case, a control judges it with a defect planted, and an ablation with
    an assumption broken: each has a name.
    """
    text = "\0".join([claim, test, defect or "", canonical_json(case), *([assumption] if assumption else [])])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Seeds(msgspec.Struct, frozen=True):
    """Seeds of what the cases of one claim leave open: SHA-256 of root seed, claim, case, stage and replicate.

    Never drawn by Hypothesis and never global: fresh for every case, equal on every rerun.
    """

    root: int
    claim: str

    def of(self, case: AnyCase, *, stage: str = "", replicate: int = 0) -> int:
        """A seed in [0, 2^63) for an explicit generator."""
        text = "\0".join([str(self.root), self.claim, canonical_json(case), stage, str(replicate)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def case_hook(record: type | None) -> Callable[[type, Any], Any]:
    """What msgspec asks when it reads a record that holds a case: `dec_hook=case_hook(paper.case)`.

    Args:
        record: of the cases; None keeps each as the mapping that it is written as.
    """

    def decoded(kind: type, value: Any) -> Any:
        if kind is not AnyCase:
            raise NotImplementedError(f"no way to read {kind.__name__}")
        return value if record is None else msgspec.convert(value, record)

    return decoded

"""Where claims come from: the record, and the paper's table of kinds."""

from itertools import combinations

import msgspec
import pytest

from theory_check.claims.claim import Claim
from theory_check.claims.source import PROVENANCES, Source, source_lines, source_text
from theory_check.neural_ode.claims.provenance import SOURCES
from theory_check.neural_ode.claims.statements import CLAIMS

# From strong to weak, and who speaks: written down once more, so that a change of the record is a change here too.
STRENGTH = ("abstract", "result", "figure", "hedged", "digest")
KINDS = {
    "forward-unique": ("abstract", "result"),
    "backward-unique": ("abstract", "result"),
    "adjoint-gradient": ("abstract", "result"),
    "discretize-optimize": ("result", "figure"),
    "resnet-limit": ("result", "figure"),
    "gaussian-output": ("result", "digest"),
    "nngp-limit": ("result", "digest"),
    "nngp-nondegenerate": ("abstract", "result"),
    "independent-outputs": ("digest",),
    "structure-kept": ("digest",),
    "spread-reduced": ("digest",),
    "limits-commute": ("result",),
    "ntk-limit": ("result", "figure"),
    "ntk-positive-definite": ("abstract", "result"),
    "ntk-stable": ("abstract", "result"),
    "horizon-growth": ("digest",),
    "horizon-training": ("digest",),
    "linear-convergence": ("abstract", "result"),
    "smooth-trains-faster": ("hedged",),
}
READINGS = {
    "independent-outputs",
    "structure-kept",
    "spread-reduced",
    "horizon-growth",
    "horizon-training",
    "smooth-trains-faster",
}
SAID = {"where": "page 1", "says": "it holds", "reading": "it holds for all x"}


def test_thirteen_claims_are_the_authors_and_six_are_readings() -> None:
    """Each has the kinds of the texts that could be read, and the strongest of them decides."""
    assert {name: claim.source.kinds for name, claim in CLAIMS.items() if isinstance(claim.source, Source)} == KINDS
    assert {name for name, claim in CLAIMS.items() if not claim.is_stated} == READINGS
    assert sum(claim.is_stated for claim in CLAIMS.values()) == 13
    assert {name: claim.source for name, claim in CLAIMS.items()} == dict(SOURCES)


@pytest.mark.parametrize("name", CLAIMS)
def test_the_paper_is_told_in_whole_words(name: str) -> None:
    """Where it stands, what it says and how it was read, and the scale here; nothing is quoted."""
    source = SOURCES[name]
    assert source.says.endswith(".")
    assert source.our_scale
    for _, value in source_lines(source):
        assert value.strip() == value
        assert not set(value) & set('"“”«»')
    assert len({source.where, source.says, source.reading, *source.other_readings}) == 3 + len(source.other_readings)


def test_a_claim_says_which_of_its_readings_is_tested() -> None:
    """Of lettered readings one is the tested one, and each stands once."""
    for name, letters in (("backward-unique", "b"), ("spread-reduced", "a"), ("smooth-trains-faster", "ab")):
        source = SOURCES[name]
        tested = {letter for letter in "abc" if f"({letter}) " in source.reading}
        others = [other[:4] for other in source.other_readings]
        assert tested == set(letters)
        assert (
            sorted([*(f"({letter}) " for letter in tested), *others])
            == ["(a) ", "(b) ", "(c) "][: len(tested) + len(others)]
        )
    assert "(a) holds" in SOURCES["backward-unique"].other_readings[0]


@pytest.mark.parametrize("kinds", [c for k in range(1, 6) for c in combinations(reversed(STRENGTH), k)])
def test_the_strongest_kind_decides(kinds: tuple[str, ...]) -> None:
    """Whatever their order: a claim is a reading where it is hedged or in a digest alone."""
    source = Source(kinds=kinds, **SAID)  # type: ignore[arg-type]
    assert source.kind == min(kinds, key=STRENGTH.index)
    stated = bool({"abstract", "result", "figure"} & set(kinds))
    assert source.is_stated is stated
    claim = Claim(id="own", statement="s", source=source)
    assert (claim.is_stated, claim.reading) == (stated, "" if stated else source.kind)


def test_a_sentence_is_a_users_own_statement() -> None:
    """It is stated by whoever wrote it, and both kinds of source come back from JSON."""
    own = Claim(id="own", statement="s", source="our paper, lemma 2")
    assert (own.is_stated, own.reading) == (True, "")
    assert source_lines(own.source) == [("source", "our paper, lemma 2")]
    assert source_text(own.source) == "our paper, lemma 2"
    for claim in (own, CLAIMS["spread-reduced"]):
        assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim


def test_every_part_of_a_source_is_shown_once() -> None:
    """With what its kinds mean; scales that nobody said are left out."""
    source = Source(kinds=("result", "digest"), other_readings=("another", "a third"), our_scale="few", **SAID)
    assert source_lines(source) == [
        ("source", "page 1"),
        ("result", PROVENANCES["result"]),
        ("digest", PROVENANCES["digest"]),
        ("says", "it holds"),
        ("tested reading", "it holds for all x"),
        ("other reading", "another"),
        ("other reading", "a third"),
        ("scale here", "few"),
    ]
    assert source_text(source) == "result, digest: page 1. it holds"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kinds": ()}, "a source must have one kind at least of abstract, result, figure, hedged, digest, got none"),
        ({"kinds": ("abstrct",)}, "unknown kind 'abstrct' of a source; did you mean 'abstract'? known: abstract, "),
        ({"kinds": "digest"}, "kinds of a source must be a tuple, got 'digest'"),
        ({"other_readings": "a third"}, "other_readings of a source must be a tuple, got 'a third'"),
        ({"where": " "}, "where of a source must be words, got ' '"),
        ({"says": ""}, "says of a source must be words, got ''"),
        ({"reading": "\n"}, "reading of a source must be words, got '\\n'"),
    ],
)
def test_a_source_that_says_nothing_is_refused(fields: dict[str, object], said: str) -> None:
    """One line with the bad value."""
    with pytest.raises(ValueError, match="source") as refusal:
        Source(**({"kinds": ("abstract",)} | SAID | fields))  # type: ignore[arg-type]
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("source", [None, 3, ("abstract",), {"kinds": ("abstract",)}])
def test_a_claim_has_a_sentence_or_a_record(source: object) -> None:
    """Nothing else; the message shows what was given."""
    with pytest.raises(ValueError, match="source of claim own must be a sentence or a Source, got "):
        Claim(id="own", statement="s", source=source)  # type: ignore[arg-type]

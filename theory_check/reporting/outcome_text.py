"""A judged case in words, for a reader who never saw the tool."""

from collections.abc import Iterator

from theory_check.case.record import AnyCase, canonical_json
from theory_check.claims.paper import fields_of, paper_on_trial
from theory_check.judge.evidence import Comparison, Eigenvalue, Law, Rate, Ratio, TestedLaw
from theory_check.judge.plain_numbers import Detail
from theory_check.judge.verdict import Outcome


def describe_case(case: AnyCase) -> list[tuple[str, str]]:
    """Labels and values that say what a case is, one pair a line; nothing that fixes the case is left out."""
    paper = paper_on_trial()
    return paper.describe(case) if isinstance(case, paper.case) else fields_of(case)


def headline_of(case: AnyCase) -> tuple[str, str]:
    """What a case is about and where it lies, in a word or two each; the second may be empty."""
    paper = paper_on_trial()
    return paper.headline(case) if isinstance(case, paper.case) else (canonical_json(case), "")


def describe_measurement(outcome: Outcome) -> str:
    """What was measured against what, e.g. "gradient error = 0.012, bound 3e-06 (ratio 4e+03)"."""
    text = str(outcome.quantity)
    if outcome.measured is not None:
        text += f" = {outcome.measured:.4g}"
    if outcome.bound is not None:
        text += f", bound {outcome.bound:.4g}"
    if outcome.ratio is not None:
        text += f" (ratio {outcome.ratio:.4g})"
    return text


def evidence_lines(outcome: Outcome) -> list[tuple[str, Detail]]:
    """Labels and values of all that supports a verdict beside the measured number and its bound."""
    found: list[tuple[str, Detail]] = [line for line in _evidence(outcome) if line[1] is not None]
    if outcome.evidence is not None and not isinstance(outcome.evidence, Law):
        found += sorted(outcome.evidence.numbers.items())
    if outcome.picture_problem:
        found.append(("picture", f"could not be made: {outcome.picture_problem}"))
    return found


def _evidence(outcome: Outcome) -> Iterator[tuple[str, Detail]]:
    match outcome.evidence:
        case Comparison() as seen:
            yield "scale", seen.scale
        case Law() as seen:
            yield "level of a test", seen.level
            for test in seen.tests:
                yield from _test(test)
        case Rate() as seen:
            yield from (("expected", seen.expected), ("margin", seen.margin))
            yield from (("interval low", seen.low), ("interval high", seen.high), ("constant", seen.constant))
            yield from zip((f"at {size:g}" for size in seen.sizes), seen.values, strict=True)
            yield from (("replicates on a rung", seen.replicates), ("replicates needed", seen.replicates_needed))
            yield f"departure beyond the margin seen with power {seen.power:g}", seen.detectable
            yield "level of a test", seen.level
        case Ratio() as seen:
            yield from (("interval low", seen.low), ("interval high", seen.high))
            yield from (("confidence of the interval", seen.confidence), ("no difference", seen.no_difference))
            yield from (("networks", seen.networks), ("mean cost", seen.subject_mean))
            yield from (("mean cost of the reference", seen.reference_mean), ("ratio predicted", seen.predicted))
            yield f"ratio refuted with probability {seen.power:g} from", seen.refuted_from
            yield f"ratio supported with probability {seen.power:g} up to", seen.supported_to
            yield from (("p", seen.p_value), ("level of a test", seen.level))
        case Eigenvalue() as seen:
            yield "estimate of the smallest eigenvalue", seen.estimate


def _test(seen: TestedLaw) -> Iterator[tuple[str, Detail]]:
    name = seen.quantity.text
    yield from ((f"{name}: p", seen.p_value), (f"{name}: samples", seen.samples))
    yield from ((f"{name}: {label}", value) for label, value in seen.numbers.items())
    yield f"{name}: level of one sample", seen.level
    yield f"{name}: power against a {seen.alternative}", seen.power
    yield f"{name}: smallest detectable {seen.effect}", seen.smallest_detectable

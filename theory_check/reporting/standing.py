"""Where claims stand: the verdict of each claim and of each of its subjects, so that two audits can be compared."""

from collections.abc import Iterator, Mapping

import msgspec

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.matrix import described, worst_conclusion, worst_verdict
from theory_check.reporting.records import Subject
from theory_check.reporting.verdicts import TrialVerdict, Verdicts


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What has a verdict: a whole claim, or one of its subjects; hashable.

    claim: its id.
    subject: None for the claim as a whole.
    defect: the planted one that was active, or empty.
    """

    claim: str
    subject: Subject | None = None
    defect: str = ""

    @property
    def words(self) -> str:
        """E.g. "ntk-limit, control, softplus, sphere, defect wrong-sign"."""
        subject = self.subject
        parts = [self.claim] + ([subject.kind, subject.activation, subject.stratum] if subject is not None else [])
        return ", ".join([part for part in parts if part] + ([f"defect {self.defect}"] if self.defect else []))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What it came to.

    verdict: the worst over properties.
    conclusion: what became of the conclusion where assumptions are not met; None for whole claims and random draws.
    as_expected: whether every control of this subject came out as expected; None for all else.
    """

    verdict: Verdict
    conclusion: Conclusion | None = None
    as_expected: bool | None = None

    @property
    def words(self) -> str:
        """The verdict in words."""
        return described(self.verdict, self.conclusion)


def standings(verdicts: Verdicts) -> dict[Place, Standing]:
    """Standings by claim, and by claim and subject with the worst verdict over its properties.

    Over random draws what became of a conclusion outside the claim may change with the seed and is left out, and so is
    a random trial that is inconclusive within the share that a supported claim allows: it counts as supported.
    Ablations are left out: what becomes of a conclusion without an assumption is reported, not gated on.
    """
    found: dict[Place, Standing] = {}
    for claim in verdicts.claims:
        found[Place(claim=claim.id)] = Standing(verdict=claim.verdict)
        groups: dict[Place, list[TrialVerdict]] = {}
        for trial in (trial for of_one in claim.properties for trial in of_one.trials):
            if trial.kind != "ablation":
                subject = Subject(kind=trial.kind, activation=trial.activation, stratum=trial.stratum)
                place = Place(claim=claim.id, subject=subject, defect=trial.defect or "")
                groups.setdefault(place, []).append(trial)
        found |= {place: _standing(trials, claim.verdict) for place, trials in groups.items()}
    return found


def differing(
    before: Mapping[Place, Standing], now: Mapping[Place, Standing]
) -> Iterator[tuple[Place, Standing | None, Standing | None]]:
    """Places whose standing reads otherwise, with both; None where a report does not have the place."""
    for place in dict.fromkeys([*before, *now]):
        then, current = before.get(place), now.get(place)
        if then is None or current is None or then.words != current.words:
            yield place, then, current


def _standing(trials: list[TrialVerdict], claim: Verdict) -> Standing:
    verdict = worst_verdict(trial.verdict for trial in trials)
    kind = trials[0].kind
    if kind == "random":
        within_share = verdict is Verdict.INCONCLUSIVE and claim is Verdict.SUPPORTED
        return Standing(verdict=Verdict.SUPPORTED if within_share else verdict)
    return Standing(
        verdict=verdict,
        conclusion=worst_conclusion(trial.conclusion for trial in trials),
        as_expected=all(trial.as_expected is True for trial in trials) if kind == "control" else None,
    )

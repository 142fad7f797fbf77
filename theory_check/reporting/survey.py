"""Claims against activations, from one report for each activation: a table, and one sentence for each failure."""

from collections.abc import Mapping

from theory_check.claims.paper import paper_on_trial
from theory_check.claims.source import READING
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.reporting.matrix import worst_conclusion, worst_verdict
from theory_check.reporting.readings import is_reading, kind_of
from theory_check.reporting.records import ClaimReport, Report, is_judged


def survey_table(reports: Mapping[str, Report]) -> str:
    """Markdown: a row for each claim, a column for each activation, and why each failing cell fails; readings apart.

    Args:
        reports: by the name of the activation they were asked for; all of one profile and seed.
    """
    names = list(reports)
    claims = {name: {claim.id: claim for claim in report.claims} for name, report in reports.items()}
    some = {identifier: claim for found in claims.values() for identifier, claim in found.items()}
    ids = list(dict.fromkeys(claim for found in claims.values() for claim in found))
    stated = [i for i in ids if not is_reading(some[i])]
    others = [i for i in ids if is_reading(some[i])]

    def rows(first: str, chosen: list[str]) -> list[str]:
        head = [f"| {first} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        label = {i: f"`{i}`" + (f", {kind_of(some[i])}" if i in others else "") for i in chosen}
        return head + [
            f"| {label[i]} | " + " | ".join(cell(claims[name].get(i)) for name in names) + " |" for i in chosen
        ]

    def reasons(chosen: list[str]) -> list[str]:
        found = []
        for identifier in chosen:
            said = {name: sentence(claims[name][identifier]) for name in names if identifier in claims[name]}
            found += [f"- `{identifier}`, {name}: {text}." for name, text in said.items() if text]
        return found

    lines = rows("claim", stated) if stated else []
    if others:
        lines += ["", f"Readings. A reading is {READING}", "", *rows("reading", others)]
    lines += ["", "Why, by claim (the smallest case of each is in `activations.json`):", "", *reasons(stated)]
    if others:
        lines += ["", "Why, by reading:", "", *reasons(others)]
    return "\n".join(lines) + "\n"


def cell(claim: ClaimReport | None) -> str:
    """A verdict in a word or two."""
    if claim is None:
        return ""
    trials = [trial for trial in claim.trials if is_judged(trial)]
    verdict = worst_verdict(trial.verdict for trial in trials)
    unmet = [trial for trial in trials if trial.verdict is Verdict.ASSUMPTIONS_NOT_MET]
    if verdict is Verdict.SUPPORTED and len(unmet) < len(trials):
        return "supported"
    if unmet and len(unmet) == len(trials):
        conclusion = worst_conclusion(trial.conclusion for trial in unmet)
        return f"not met: {conclusion}"
    return verdict.value


def sentence(claim: ClaimReport) -> str:
    """Why a conclusion fails in the smallest case, or could not be judged; empty where it holds in all."""
    outcome = failing_outcome(claim)
    if outcome is None:
        undecided = [trial.reason for trial in claim.trials if is_judged(trial) and trial.verdict in _OPEN]
        return f"undecided, {undecided[0]}" if undecided and undecided[0] else _outside_undecided(claim)
    template = paper_on_trial().failures.get(
        outcome.quantity.id, f"{outcome.quantity} is {{measured:.3g}}, at most {{bound:.3g}} is allowed"
    )
    said = template.format(measured=outcome.measured or 0.0, bound=outcome.bound or 0.0)
    return f"outside the claim ({outcome.unmet}): {said}" if outcome.unmet else said


def _outside_undecided(claim: ClaimReport) -> str:
    """Why a conclusion could not be judged where the assumptions are not met, or empty where it could."""
    for outcome in claim.outcomes:
        if outcome.verdict is Verdict.ASSUMPTIONS_NOT_MET and outcome.conclusion is Conclusion.UNDECIDED:
            return f"outside the claim ({outcome.unmet}): undecided, {outcome.reason}" if outcome.reason else ""
    return ""


def failing_outcome(claim: ClaimReport) -> Outcome | None:
    """The smallest failing case of the first trial that has one; refutations go first."""
    trials = [trial for trial in claim.trials if is_judged(trial) and trial.minimal is not None]
    trials.sort(key=lambda trial: trial.verdict is not Verdict.REFUTED)
    minimal = trials[0].minimal if trials else None
    failing = (o for o in claim.outcomes if o.case_id == minimal and o.conclusion is Conclusion.FAILS)
    return next(failing, None)


_OPEN = {Verdict.INCONCLUSIVE, Verdict.ERROR}

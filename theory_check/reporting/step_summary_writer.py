"""summary.md: the report for the summary of a CI step, limited in size; report.md beside it has everything.

GitHub refuses a step's summary above 1 MiB, other tools of the step included, and nobody reads a hundred pages there.
What matters goes first, so that what is cut matters least: verdict, warnings, table, then findings, the worst first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.claim_reading import minimal_outcome
from theory_check.reporting.headline import headline, status_words, verdict_words
from theory_check.reporting.markdown_text import as_markdown, code, escaped
from theory_check.reporting.matrix import CONTROLS, claim_matrix, described
from theory_check.reporting.outcome_text import describe_case, describe_measurement
from theory_check.reporting.readings import is_reading, readings, stated
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged
from theory_check.reporting.replay_command import replay_command

MOST_BYTES = 64_000
MOST_TEXT = 300
_RANKS = (Verdict.REFUTED, Verdict.ERROR, Verdict.INCONCLUSIVE)


def render(report: Report, notes: Sequence[str] = ()) -> str:
    """The summary as GitHub Markdown, at most `MOST_BYTES` of UTF-8.

    Args:
        report: what to sum up.
        notes: lines to stand below the verdict, e.g. how it compares with a baseline.
    """
    head = [f"## theory-check: {verdict_words(report)}", "", escaped(_cut(report.paper)), ""]
    counted, status = escaped(_cut(headline(report))), escaped(_cut(status_words(report)))
    head += [f"{counted}. Exit status {report.exit_status}: {status}.", ""]
    head += [f"{escaped(_cut(note))}\n" for note in notes[:20]]
    sections = [
        Section("warnings", "### Warnings\n", [f"- {escaped(_cut(warning))}" for warning in report.warnings], 0.25),
        Section("rows of the table", _table_head(report), _table_rows(report), 0.5),
        Section("findings", "\n### Findings\n", _findings(report), 1.0),
    ]
    foot = f"\nProfile {code(_cut(report.profile))}, seed {report.seed}, {report.seconds:.0f} s."
    return _limited("\n".join(head), sections, foot)


class Section(NamedTuple):
    """What the items of a part are called, its title, its items, and the most it takes of the room that is left."""

    name: str
    title: str
    items: list[str]
    share: float


def _limited(head: str, sections: list[Section], foot: str) -> str:
    """Whole items of each section while there is room; the last line says how many of what were cut."""
    room = MOST_BYTES - 1_000 - len(head.encode()) - len(foot.encode())
    lines, cut = [head], []
    for name, title, items, share in sections:
        most, size = share * room, len(title.encode()) + 1
        kept = []
        for item in items:
            size += len(item.encode()) + 1
            if size > most:
                break
            kept.append(item)
        if kept:
            block = [title, *kept]
            lines += block
            room -= sum(len(line.encode()) + 1 for line in block)
        if len(kept) < len(items):
            cut.append(f"{len(items) - len(kept)} of {len(items)} {name}")
    lines.append(foot)
    if cut:
        lines.append(f"\nCut to {MOST_BYTES} bytes, left out: {', '.join(cut)}; report.md of the run has them all.")
    return "\n".join(lines) + "\n"


def _table_head(report: Report) -> str:
    rows = claim_matrix(report)
    columns = list(rows[0].cells) if rows else []
    shown = [column if column == CONTROLS else code(_cut(column), table=True) for column in columns]
    return "\n".join(["", f"| {' | '.join(['claim', 'verdict', *shown])} |", "|---" * (len(columns) + 2) + "|"])


def _table_rows(report: Report) -> list[str]:
    return [
        f"| {code(_cut(row.claim), table=True)}{f', a reading ({row.reading})' if row.reading else ''} "
        f"| **{row.verdict}** | " + "".join(f"{escaped(cell.text)} | " for cell in row.cells.values()).rstrip()
        for row in claim_matrix(report)
    ]


def _findings(report: Report) -> list[str]:
    """Failing, broken and undecided trials, then conclusions that fail outside their claim; those of readings last."""
    found = [
        (claim, trial)
        for claim in (*stated(report.claims), *readings(report.claims))
        for trial in claim.trials
        if is_judged(trial) and (trial.verdict in _RANKS or trial.conclusion is Conclusion.FAILS)
    ]
    rank = {verdict: place for place, verdict in enumerate(_RANKS)}
    found.sort(key=lambda pair: (is_reading(pair[0]), rank.get(pair[1].verdict, len(rank))))
    return [_finding(claim, trial) for claim, trial in found]


def _finding(claim: ClaimReport, trial: Trial) -> str:
    subject = f"{code(_cut(claim.id))} for {code(_cut(trial.activation))}, {escaped(_cut(trial.stratum))}"
    reason = f": {escaped(_cut(trial.reason))}" if trial.reason else ""
    whose = " (a reading)" if is_reading(claim) else ""
    lines = [f"- **{described(trial.verdict, trial.conclusion)}**{whose} {subject}{reason}"]
    outcome = minimal_outcome(claim, trial)
    if outcome is not None:
        lines.append(f"  - {escaped(_cut(describe_measurement(outcome)))}")
        case = (f"{as_markdown(label)} {code(_cut(value))}" for label, value in describe_case(outcome.case))
        lines.append(f"  - minimal case: {', '.join(case)}")
        lines.append(f"  - replay: {code(replay_command(outcome))}")
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}... ({len(text)} characters)"

"""The report of a library in text: JSON, Markdown, and a badge; pure functions, and one that writes a folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from theory_check.conformance.checks import CHECKS
from theory_check.conformance.records import CheckResult, ConformanceReport
from theory_check.judge.verdict import Verdict
from theory_check.reporting.badge_writer import COLOURS
from theory_check.reporting.markdown_text import code, escaped
from theory_check.reporting.records import ReportError
from theory_check.reporting.schema import schema_of, schema_text
from theory_check.runs.publication import publish_folder

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


def render_json(report: ConformanceReport) -> str:
    """The report itself; numbers that are not finite never get this far (judge.py)."""
    encoded = msgspec.json.encode(report)
    msgspec.json.decode(encoded, type=ConformanceReport)
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def conformance_schema() -> dict[str, Any]:
    """The JSON Schema of a written report, which `report.schema.json` holds."""
    identifier = "https://theory-check.invalid/schema/conformance-1.json"
    return schema_of(ConformanceReport, identifier, "Report of theory-check conformance, format 1")


def load(path: Path) -> ConformanceReport:
    """Read a report back.

    Raises:
        ReportError: it cannot be read, or breaks the schema.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ConformanceReport)
    except (OSError, msgspec.DecodeError) as error:
        raise ReportError(f"cannot read {str(path)!r}: {error}") from None


def render_badge(report: ConformanceReport) -> str:
    """For shields.io: how many checks came out how."""
    counts = ", ".join(f"{count} {word}" for word, count in tally(report).items())
    colour = COLOURS[Verdict.REFUTED] if report.unexpected_passes else COLOURS[report.verdict]
    badge = {
        "schemaVersion": 1,
        "label": f"conformance: {report.library} {report.version}",
        "message": counts,
        "color": colour,
    }
    return json.dumps(badge, indent=2) + "\n"


def tally(report: ConformanceReport) -> dict[str, int]:
    """Results by verdict, expected failures apart."""
    found: dict[str, int] = {}
    for result in report.results:
        expected = result.expected_failure is not None and result.fails
        word = "expected failures" if expected else str(result.verdict)
        found[word] = found.get(word, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def render_markdown(report: ConformanceReport) -> str:
    """A table of verdicts, then each failure with its smallest case and where its error comes from."""
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    lines = [
        f"# Conformance: {escaped(report.library)} {escaped(report.version)}",
        "",
        f"{', '.join(f'{count} {word}' for word, count in tally(report).items())}; exit status {report.exit_status}.",
        "",
        f"Made by {code(report.command)} (profile {report.profile}, seed {report.seed}), "
        f"{report.started}, {report.seconds:.0f} s.",
        f"Python {report.python}; {versions}.",
        f"Activations: {', '.join(code(e) for e in report.activations)}.",
    ]
    if report.left_out:
        lines += [
            "",
            f"Left out by this profile ({len(report.left_out)}): {', '.join(code(n) for n in report.left_out)}.",
        ]
    lines += ["", "| check | what must hold |", "|---|---|"]
    lines += [f"| {check.id} | {escaped(check.statement)} |" for check in CHECKS.values()]
    lines += ["", "| solver | check | verdict | cases | largest share of a bound | |", "|---|---|---|---|---|---|"]
    lines += [_row(result) for result in report.results]
    failing = [result for result in report.results if result.failure or result.verdict is Verdict.ERROR]
    if report.unexpected_passes:
        lines += ["", "## Expected failures that no longer fail", ""]
        lines += [f"- {code(name)}" for name in report.unexpected_passes]
    if failing:
        lines += ["", "## Failures"]
    for result in failing:
        lines += ["", f"### {escaped(result.check)}: {escaped(result.solver)}", "", *failure_lines(result)]
    return "\n".join(lines) + "\n"


def _row(result: CheckResult) -> str:
    expected = " (expected)" if result.expected_failure and result.fails else ""
    share = "" if result.worst_ratio is None else f"{result.worst_ratio:.2g}"
    cases = f"{result.executed}, {result.drawn_again} drawn again" if result.drawn_again else str(result.executed)
    said = result.reason if result.verdict is not Verdict.SUPPORTED or share == "" else ""
    return (
        f"| {escaped(result.solver)} | {result.check} | {result.verdict}{expected} | {cases} | {share} "
        f"| {escaped(said[:160])} |"
    )


def failure_lines(result: CheckResult) -> list[str]:
    """A failure: what was measured, where it comes from, and the case."""
    if result.failure is None:
        return [f"- {escaped(result.reason)}"]
    failure, case = result.failure, result.failure.case.case
    measured = "not finite" if failure.measured is None else f"{failure.measured:.3g}"
    lines = [f"- {escaped(failure.quantity)}: {measured}, bound {failure.bound:.3g}"]
    if failure.attribution:
        parts = (
            f"{name} {value:.2g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in failure.attribution.items()
        )
        lines.append(f"- attribution: {escaped('; '.join(parts))}")
    model = case.neural_ode
    lines.append(
        f"- case: phi {code(case.activation)}, width {case.width}, sigma_w {model.sigma_w:g}, horizon {model.horizon:g}"
        f"{', contracting' if failure.case.contracting else ''}, W {case.weights.structure}; "
        f"{result.shrink_calls} runs to make it small"
    )
    if result.expected_failure:
        lines.append(f"- expected: {escaped(result.expected_failure)}")
    return lines


def write(report: ConformanceReport, folder: Path) -> Path:
    """Write report.json, report.md and badge.json into a folder of the library's name, replaced as a whole.

    Raises:
        ReportError: the folder cannot be written; nothing half-written stays.
    """
    target = folder / report.library.replace("/", "-")
    texts = {
        "report.json": render_json(report),
        "report.md": render_markdown(report),
        "badge.json": render_badge(report),
    }

    def fill(partial: Path) -> None:
        # What a person keeps beside a report, such as its expected failures, stays.
        for other in target.iterdir() if target.is_dir() else ():
            if other.name not in texts and other.is_file():
                shutil.copy2(other, partial / other.name)
        for name, text in texts.items():
            (partial / name).write_text(text, encoding="utf-8", newline="\n")

    publish_folder(target, fill)
    return target


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(conformance_schema()), encoding="utf-8")

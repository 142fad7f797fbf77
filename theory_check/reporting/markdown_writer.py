"""report.md: the report for a reader, an artifact reviewer who never saw the tool included."""

from functools import lru_cache

import jinja2

from theory_check.claims.source import READING, source_lines
from theory_check.judge.verdict import INCONCLUSIVE_SHARE
from theory_check.reporting.claim_reading import (
    QUANTIFIERS,
    closest_outcome,
    closest_trial,
    controls,
    failures,
    judged_trials,
    minimal_outcome,
    undecided,
)
from theory_check.reporting.coverage import ablation_table, coverage_of
from theory_check.reporting.exit_status import expectation
from theory_check.reporting.headline import headline, status_words, verdict_words
from theory_check.reporting.markdown_text import Markdown, as_markdown, code, fenced
from theory_check.reporting.matrix import claim_matrix, described
from theory_check.reporting.outcome_text import describe_case, describe_measurement, evidence_lines, headline_of
from theory_check.reporting.readings import kind_of, readings, stated
from theory_check.reporting.records import Report
from theory_check.reporting.replay_command import replay_command


def render(report: Report) -> str:
    """The report as GitHub Markdown: verdict and warnings first, then the table, each claim, and how it was made."""
    return _template().render(
        report=report,
        verdict=verdict_words(report),
        headline=headline(report),
        status_words=status_words(report),
        groups=[("Claims", stated(report.claims)), ("Readings", readings(report.claims))],
        meaning_of_reading=READING,
        rows=claim_matrix(report),
        ablations=ablation_table(report),
        quantifiers=QUANTIFIERS,
        inconclusive_share=f"{INCONCLUSIVE_SHARE:.0%}",
    )


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("theory_check.reporting"),
        autoescape=False,  # noqa: S701  this is Markdown: `finalize` escapes, HTML's rules would spoil code spans
        finalize=as_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "cell": lambda value: code(value, table=True),
        "fenced": fenced,
        "judged": judged_trials,
        "coverage": coverage_of,
        "controls": controls,
        "kind_of": kind_of,
        "source_lines": source_lines,
        "failures": failures,
        "undecided": undecided,
        "closest_trial": closest_trial,
        "closest_outcome": closest_outcome,
        "described": lambda trial: described(trial.verdict, trial.conclusion),
        "expectation": expectation,
        "headline": headline_of,
        "lines": describe_case,
        "measurement": describe_measurement,
        "evidence": evidence_lines,
        "replay": replay_command,
        "bold": lambda value: Markdown(f"**{as_markdown(value)}**"),
    }
    environment.globals |= {"minimal_outcome": minimal_outcome}
    return environment.get_template("report.md.j2")

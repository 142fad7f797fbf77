"""report.html: the report as one page that needs nothing else, neither a network nor a script."""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

import jinja2
from markupsafe import Markup

from theory_check.claims.source import PROVENANCES, READING, source_lines
from theory_check.judge.evidence import Rate, interval_of
from theory_check.judge.figure import Figure
from theory_check.judge.verdict import INCONCLUSIVE_SHARE, Verdict
from theory_check.pictures.drawing import draw_svg
from theory_check.pictures.palette import colour_properties
from theory_check.reporting.caveats import caveats_of
from theory_check.reporting.claim_reading import (
    QUANTIFIERS,
    controls,
    failures,
    judged_outcomes,
    judged_trials,
    minimal_outcome,
)
from theory_check.reporting.coverage import ablation_table, coverage_of
from theory_check.reporting.exit_status import expectation
from theory_check.reporting.figures import inline_figures
from theory_check.reporting.headline import headline, status_words, verdict_words
from theory_check.reporting.matrix import claim_matrix, described
from theory_check.reporting.outcome_text import describe_case, describe_measurement, evidence_lines, headline_of
from theory_check.reporting.page_text import anchor, counted, shown
from theory_check.reporting.power import EVEN_ODDS, power_of
from theory_check.reporting.readings import is_reading, kind_of, readings, stated
from theory_check.reporting.records import Report
from theory_check.reporting.replay_command import replay_command
from theory_check.reporting.shown_cases import ShownCases, compared, shown_cases


def render(report: Report, paper_figures: Sequence[Figure] = ()) -> str:
    """The report as one HTML page, with figures of the paper where it is published.

    Everything that the report says is escaped. The policy in the page's head allows its own style sheet, by hash, and
    nothing else: no script, no request. Cases that decide are shown in full, the others are counted.
    """
    shown_of = {claim.id: shown_cases(claim) for claim in report.claims}
    figures = inline_figures(cases.all() for cases in shown_of.values())
    return page_of(
        "report.html.j2",
        report=report,
        caveats=caveats_of(report),
        rows=claim_matrix(report),
        ablations=ablation_table(report),
        verdict_words=verdict_words(report),
        headline=headline(report),
        status_words=status_words(report),
        groups=[("claims", stated(report.claims)), ("readings", readings(report.claims))],
        shown_of=shown_of,
        # Names in a picture are escaped where it is drawn.
        figures={case: Markup(svg) for case, svg in figures.items()},  # noqa: S704
        owner=_owners(report, shown_of),
        paper_figures=paper_figures,
        drawn_figures={
            figure.name: Markup(draw_svg(figure.picture, ident=f"figure-of-{figure.name}"))  # noqa: S704 - as above
            for figure in paper_figures
        },
        placed=set(),
    )


def page_of(template: str, **values: object) -> str:
    """A page from one of our templates, with the style sheet that all share and a policy that allows nothing else."""
    style = _style()
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file
            policy=_policy(style),
            **values,
        )
    )


def _owners(report: Report, shown_of: dict[str, ShownCases]) -> dict[str, str]:
    """By case the claim whose section shows it: an id of a page stands once, whatever a report repeats."""
    owners: dict[str, str] = {}
    for claim in report.claims:
        for outcome in shown_of[claim.id].all():
            owners.setdefault(outcome.case_id, claim.id)
    return owners


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _style() -> str:
    environment = _environment()
    return environment.get_template("page/style.css.j2").render(
        light=Markup(colour_properties("light")),  # noqa: S704 - our own colours
        dark=Markup(colour_properties("dark")),  # noqa: S704 - the same
    )


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("theory_check.reporting"),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "judged": judged_trials,
        "judged_outcomes": judged_outcomes,
        "controls": controls,
        "is_reading": is_reading,
        "kind_of": kind_of,
        "source_lines": source_lines,
        "failures": failures,
        "compared": compared,
        "coverage": coverage_of,
        "power": power_of,
        "described": lambda trial: described(trial.verdict, trial.conclusion),
        "expectation": expectation,
        "headline": headline_of,
        "lines": describe_case,
        "measurement": describe_measurement,
        "evidence": evidence_lines,
        "interval": interval_of,
        "is_rate": lambda outcome: isinstance(outcome.evidence, Rate),
        "counted": counted,
        "replay": replay_command,
    }
    environment.globals |= {
        "anchor": anchor,
        "minimal_outcome": minimal_outcome,
        "quantifiers": QUANTIFIERS,
        "provenances": PROVENANCES,
        "meaning_of_reading": READING,
        "inconclusive_share": f"{INCONCLUSIVE_SHARE:.0%}",
        "even_odds": EVEN_ODDS,
        "verdicts": [verdict.value for verdict in Verdict],
    }
    return environment

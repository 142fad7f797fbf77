"""The table of pairs as Markdown: what smoothing the kinks of an activation costs, with intervals and verdicts."""

from collections.abc import Iterable

from theory_check.judge.evidence import Ratio
from theory_check.judge.figure import MINUS, Figure
from theory_check.judge.plain_numbers import Detail
from theory_check.judge.verdict import Outcome, Verdict
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.smooth_trains_faster import COARSE, FINE
from theory_check.reporting.markdown_text import code, escaped

# What each quantity counts, and the smoothing in standard deviations of the state.
READINGS = {
    q.FINE_EVALUATIONS.id: ("evaluations", FINE),
    q.COARSE_EVALUATIONS.id: ("evaluations", COARSE),
    q.FINE_STEPS.id: ("steps", FINE),
    q.COARSE_STEPS.id: ("steps", COARSE),
}
VERDICTS = {
    Verdict.SUPPORTED: "no more",
    Verdict.REFUTED: "more",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.ASSUMPTIONS_NOT_MET: "outside the claim",
    Verdict.ERROR: "error",
}
HEAD = ("phi", "inputs", "smoothing", "cost", "ratio", "99.9 % interval", "seen", "predicted", "with kinks", "smoothed")


def pairs_table(outcomes: Iterable[Outcome]) -> str:
    """A row for each outcome, in the order given."""
    rows = [_row(outcome) for outcome in outcomes]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def pairs_page(outcomes: Iterable[Outcome], figure: Figure, command: str, seed: int, picture: str) -> str:
    """Markdown that lies beside the SVG file named `picture`.

    Args:
        outcomes: of the pairs.
        figure: of steps predicted and taken.
        command: that wrote this.
        seed: root seed.
        picture: name of the figure's file.
    """
    lines = [
        "# Kinks smoothed, and what that costs",
        "",
        f"Made by {code(command)}, root seed {seed}.",
        "",
        "A piecewise linear phi beside its Gaussian mollification E[phi(x + eps Z)], on the same networks, inputs and "
        "targets: the two differ in smoothness alone. Smoothing is eps in standard deviations of the state at the "
        "start. A ratio is the total over networks with the kinks smoothed, over that with the kinks. Evaluations are "
        "those of dopri5 in a forward solve; steps are those of gradient descent to one target. "
        '"No more": the whole interval lies below 1.05. "No difference": within 5 % of 1. "More": above 1.05 in three '
        "samples that agree, at the level of an audit's error budget; an interval above 1.05 need not be enough for "
        'that, and is then "undecided". Predicted: the ratio of steps by the spectra of both limiting kernels. Last: '
        "means over networks.",
        "",
        pairs_table(outcomes),
        f"## {escaped(figure.picture.title)}",
        "",
        f"![{escaped(figure.picture.title)}]({picture})",
        "",
        escaped(figure.seen),
        "",
        escaped(figure.picture.note),
    ]
    return "\n".join(lines) + "\n"


def _row(outcome: Outcome) -> tuple[str, ...]:
    reading, smoothing = READINGS[outcome.quantity.id]
    seen = outcome.evidence if isinstance(outcome.evidence, Ratio) else None
    named = code(outcome.case.activation), outcome.case.stratum, _number(smoothing), reading, _number(outcome.measured)
    if seen is None:
        return (*named, "", VERDICTS[outcome.verdict], "", "", "")
    return (
        *named,
        "" if seen.low is None else f"[{_number(seen.low)}, {_number(seen.high) if seen.high is not None else 'none'}]",
        "no difference" if seen.no_difference else VERDICTS[outcome.verdict],
        _number(seen.predicted),
        _number(seen.reference_mean),
        _number(seen.subject_mean),
    )


def _number(value: Detail) -> str:
    """Four significant digits; empty for none."""
    return "" if value is None else f"{float(value):.4g}".replace("-", MINUS)

"""Pictures as records: what they refuse, what the judge makes of them, how ladders and samples look in them."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from theory_check.case.record import Seeds
from theory_check.claims.quantity import quantity_of
from theory_check.judge.audit import Audit
from theory_check.judge.counts_picture import counts_picture
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.error_budget import ErrorBudget
from theory_check.judge.evidence import interval_of
from theory_check.judge.ladder_picture import ladder_picture
from theory_check.judge.non_inferiority import PairedCosts
from theory_check.judge.quantile_picture import quantile_picture
from theory_check.judge.rates import RateResult, fit_rate, fit_slope
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Matrix, Picture, Series
from theory_check.pictures.sketch import PictureMissing, finished

CASE = Case(activation="tanh(x)", data=Sphere(2, 3, 0), width=8)
PICTURE = Picture(kind="loss", title="one")
WIDTHS = np.array([32.0, 56.0, 96.0, 168.0, 288.0])


SIZE = quantity_of("error", "slope")


def ladder(slope: float = -0.5, *, spread: float = 0.05, **stated: object) -> RateResult:
    """Forty errors on each rung, of a known slope."""
    errors = WIDTHS[:, None] ** slope * np.exp(spread * np.random.default_rng(1).standard_normal((5, 40)))
    return fit_rate(WIDTHS, errors, **({"expected": -0.5, "margin": 0.15, "refute_level": 1e-4} | stated))


def judged(act: Callable[[Audit], object]) -> Outcome:
    """The outcome of one case whose assumptions are met."""
    audit = Audit(
        claim=CLAIMS["forward-unique"],
        test="test_file.py::test_it",
        setting=Setting(Seeds(7, "forward-unique"), load=activation),
        budget=ErrorBudget(1e-6, 100),
        unmet=lambda _case: None,
    )
    act(audit)
    (outcome,) = audit.judged.values()
    return outcome


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": (1.0,), "y": (1.0, 2.0)}, r"'a' must have columns of one length up to 400, got \[1, 2\]"),
        ({"x": (1.0,), "y": (1.0,), "low": ()}, r"'a' must have columns of one length up to 400, got \[1, 1, 0\]"),
        ({"x": (0.0,) * 401, "y": (0.0,) * 401}, r"up to 400, got \[401, 401\]"),
        ({"x": (math.nan,), "y": (1.0,)}, "series 'a' must be finite"),
        ({"x": (1.0,), "y": (math.inf,)}, "series 'a' must be finite"),
    ],
)
def test_series_that_cannot_be_drawn_is_refused(columns: dict[str, tuple[float, ...]], message: str) -> None:
    """Lengths that differ, too many points, what is no number; a gap is none of these."""
    with pytest.raises(ValueError, match=message):
        Series(name="a", **columns)
    assert Series(name="a", x=(1.0,), y=(None,)).y == (None,)


@pytest.mark.parametrize("rows", [((1.0,), (1.0, 2.0)), ((math.nan,),)])
def test_matrix_that_cannot_be_drawn_is_refused(rows: tuple[tuple[float, ...], ...]) -> None:
    """Rows of several lengths, or what is no number."""
    with pytest.raises(ValueError, match="matrix 'a' must have finite rows of one length"):
        Matrix(name="a", rows=rows)


def test_long_curve_is_thinned_and_says_so() -> None:
    """Two hundred of a thousand points, first and last among them, each as it was; a short curve is left alone."""
    x = np.arange(1000.0)
    thin = curve("loss", x, x**2, low=x**2 - 1, high=x**2 + 1)
    assert (len(thin.x), thin.x[0], thin.x[-1]) == (200, 0.0, 999.0)
    assert thin.name == "loss (200 of 1000 points)"
    assert thin.y == tuple(value**2 for value in thin.x)
    assert thin.low == tuple(value**2 - 1 for value in thin.x)
    short = curve("loss", x[:200], x[:200])
    assert (short.name, short.x) == ("loss", tuple(x[:200].tolist()))


def test_curve_has_gaps_where_there_is_no_number() -> None:
    """NaN and infinity leave gaps; the open end of an interval is drawn as far as numbers go."""
    seen = curve("loss", [0, 1, 2], [1.0, math.nan, math.inf], low=[0.0, 0.0, -math.inf], high=[2.0, 2.0, math.inf])
    assert seen.y == (1.0, None, None)
    assert (seen.low[2], seen.high[2]) == (-1e300, 1e300)
    assert curve("nothing", [], []).x == ()
    with pytest.raises(ValueError, match=r"'loss' must have columns of one length, got \[2, 3\]"):
        curve("loss", [0, 1], [1, 2, 3])


def test_sketch_that_fails_is_no_silence() -> None:
    """It is a warning, which tests turn into an error, and one line of reason; a picture is passed on."""
    assert finished(PICTURE) == (PICTURE, "")
    assert finished(lambda: PICTURE) == (PICTURE, "")
    assert finished(None) == (None, "")

    def broken() -> Picture:
        raise ZeroDivisionError("by\nnothing")

    with pytest.warns(PictureMissing, match="a picture could not be made: ZeroDivisionError: by nothing"):
        assert finished(broken) == (None, "ZeroDivisionError: by nothing")
    with pytest.raises(PictureMissing):
        finished(broken)


def test_failing_sketch_changes_no_verdict() -> None:
    """Verdict, numbers and conclusion are those of the same case with a picture; the outcome says what failed."""

    def broken() -> Picture:
        raise RuntimeError("no ink")

    good = Discrepancy("good", 0.5, 1.0, 1e6)
    with pytest.warns(PictureMissing):
        without = judged(lambda audit: audit.at_most(CASE, good, picture=broken))
    with_one = judged(lambda audit: audit.at_most(CASE, good, picture=PICTURE))
    assert (without.picture, with_one.picture) == (None, PICTURE)
    assert without.picture_problem == "RuntimeError: no ink"
    for name in ("verdict", "conclusion", "measured", "bound", "ratio", "evidence", "comparisons", "reason"):
        assert getattr(without, name) == getattr(with_one, name)


def test_sketch_is_made_after_the_judgement() -> None:
    """At most once, and not at all for a case that could not be compared."""
    calls: list[str] = []

    def sketch() -> Picture:
        calls.append("made")
        return PICTURE

    judged(lambda audit: audit.at_most(CASE, Discrepancy("good", 0.5, 1.0, 1e6, sketch=sketch)))
    assert calls == ["made"]
    judged(lambda audit: audit.rate(CASE, "slope", lambda _: ladder(), expected=-0.5, margin=0.15, unusable="no"))
    assert calls == ["made"]


def test_comparison_that_decides_is_shown() -> None:
    """Of several comparisons the worst has its picture shown; where it has none, another's."""
    one, other = Picture(kind="loss", title="one"), Picture(kind="loss", title="other")
    near = Discrepancy("near", 0.9, 1.0, 1e6, sketch=lambda: one)
    far = Discrepancy("far", 0.1, 1.0, 1e6, sketch=lambda: other)
    plain = Discrepancy("plain", 0.99, 1.0, 1e6)
    assert judged(lambda audit: audit.at_most(CASE, far, near)).picture == one
    assert judged(lambda audit: audit.at_most(CASE, plain, far)).picture == other


def test_rate_is_shown_with_its_ladder() -> None:
    """Every rung with its interval, the expected slope through the last rung, and the slopes that agree."""
    result = ladder()
    outcome = judged(lambda audit: audit.rate(CASE, "error", lambda _: result, expected=-0.5, margin=0.15))
    assert outcome.verdict is Verdict.SUPPORTED
    assert outcome.picture == ladder_picture(SIZE, result, -0.5)
    assert (outcome.picture.title, outcome.picture.y_label) == ("error", "measured")
    measured, expected, band = outcome.picture.series
    assert (measured.x, measured.y) == (result.sizes, result.values)
    slope = math.log(expected.y[1] / expected.y[0]) / math.log(expected.x[1] / expected.x[0])
    assert slope == pytest.approx(-0.5, abs=1e-12)
    assert expected.y[1] == band.low[1] == band.high[1] == result.values[-1]
    ends = [math.log(end / expected.y[1]) / math.log(32 / 288) for end in (band.low[0], band.high[0])]
    assert ends == pytest.approx([-0.35, -0.65], abs=1e-12)


def test_ladder_is_labelled_by_its_quantity() -> None:
    """A slope of the log of A against log B is a picture of A against B."""
    picture = ladder_picture(q.JOINT_RATE, ladder(), -0.5)
    assert picture.title == "Error of empirical NNGP kernels against width, depth growing with width"
    assert (picture.x_label, picture.y_label) == ("width, depth growing with width", "error of empirical NNGP kernels")


def test_one_sided_rate_is_shown_with_its_one_limit() -> None:
    """Slopes that agree without an end are a line, not a band; the picture says which side agrees."""
    picture = ladder_picture(SIZE, ladder(one_sided="at-least"), -0.5)
    assert [series.style for series in picture.series] == ["points", "line", "line"]
    assert picture.series[2].name == "slope −0.35: it or less agrees"
    flat = ladder_picture(SIZE, ladder(0.0, expected=0.0, one_sided="at-most"), 0.0)
    assert flat.series[2].name == "slope 0.15: it or less agrees"


def test_interval_of_a_rung_is_that_of_student() -> None:
    """At 99.9 %: paired, from the logarithms of one rung; from a known standard error, the normal one."""
    errors = np.exp(np.random.default_rng(2).standard_normal((5, 12)))
    result = fit_rate(WIDTHS, errors, expected=0.0, margin=1.0, refute_level=1e-4, paired=True)
    for row, (low, high) in zip(np.log(errors), result.intervals, strict=True):
        right = stats.t.interval(0.999, 11, row.mean(), stats.sem(row))
        assert np.log([low, high]) == pytest.approx(right, rel=1e-9)
    known = fit_slope(WIDTHS, np.zeros(5), np.full(5, 0.1), expected=0.0, margin=1.0, refute_level=1e-4)
    assert np.log(known.intervals[0]) == pytest.approx(stats.norm.interval(0.999, 0, 0.1), rel=1e-9)


def test_enormous_rungs_can_be_shown() -> None:
    """Values near the ends of what a double holds give finite ends of intervals and of lines."""
    result = fit_slope(WIDTHS, np.linspace(700, 705, 5), np.full(5, 90.0), expected=8.0, margin=1.0, refute_level=1e-4)
    picture = ladder_picture(SIZE, result, 8.0)
    assert all(
        math.isfinite(v) for series in picture.series for v in (*series.y, *(series.low or ()), *(series.high or ()))
    )


def test_quantiles_of_normal_samples_lie_in_the_band() -> None:
    """Exact quantiles have no deviation; the band is that of Massart's constant at the median, and covers a sample."""
    count = 1000
    exact = special.ndtri((np.arange(count) + 0.5) / count)
    samples = {"exact": exact, "drawn": np.random.default_rng(3).standard_normal(count)}
    picture = quantile_picture("law", samples)
    assert picture is not None
    ideal, drawn, line, band = picture.series
    assert np.abs(ideal.y[25:-25]).max() < 1e-3  # between far quantiles the line is drawn straight
    assert line.y == (0.0, 0.0)
    width = math.sqrt(math.log(2 / 0.001) / (2 * count))
    assert band.high[50] == pytest.approx(float(special.ndtri(0.5 + width)), rel=1e-12)
    assert all(low <= value <= high for low, value, high in zip(band.low, drawn.y, band.high, strict=True))


def test_quantiles_of_another_law_leave_the_band() -> None:
    """Twice the scale is seen; with an allowance that large it is not; one number is no sample."""
    wide = {"wide": 2 * np.random.default_rng(3).standard_normal(1000)}

    def outside(picture: Picture | None) -> bool:
        assert picture is not None
        curve, _, band = picture.series
        return any(not low <= value <= high for low, value, high in zip(band.low, curve.y, band.high, strict=True))

    assert outside(quantile_picture("law", wide))
    assert not outside(quantile_picture("law", wide, allowance=0.3))
    assert quantile_picture("law", {"one": np.array([1.0])}) is None


def test_counts_show_what_is_still_at_work() -> None:
    """At x the share of networks that need more; means stand in the legend."""
    picture = counts_picture("steps", "steps", {"phi": np.array([1, 2, 4]), "rival": np.array([4, 4, 4])})
    phi, rival = picture.series
    assert phi.x == (0.0, 1.0, 2.0, 3.0, 4.0)
    assert phi.y == pytest.approx((1, 2 / 3, 1 / 3, 1 / 3, 0))
    assert rival.y == (1.0, 1.0, 1.0, 1.0, 0.0)
    assert rival.name == "rival: 4 in the mean over 3 networks"


def test_ratio_of_totals_is_shown_with_those_of_the_networks() -> None:
    """Without a picture of its own a comparison shows the ratios in order and the interval of that of the totals."""
    reference = np.linspace(90.0, 110.0, 30)
    costs = PairedCosts(reference * np.linspace(0.5, 0.9, 30), reference)
    outcome = judged(lambda audit: audit.non_inferior(CASE, "steps", lambda _: costs))
    assert outcome.conclusion is Conclusion.HOLDS
    points, margin, band = outcome.picture.series
    assert points.y == pytest.approx(np.linspace(0.5, 0.9, 30))
    assert margin.y == (1.05, 1.05)
    assert band.y == (outcome.measured,) * 2
    assert (band.low[0], band.high[0]) == interval_of(outcome.evidence)
    own = replace(costs, sketch=lambda: PICTURE)
    assert judged(lambda audit: audit.non_inferior(CASE, "steps", lambda _: own)).picture == PICTURE

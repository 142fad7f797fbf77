"""Claims, activations, assumptions and strategies of a user's own; the example of the README as it stands there."""

from collections.abc import Callable

import pytest

from theory_check.reporting.records import Report

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
ReportIn = Callable[[str], Report]

BOUND = "case.neural_ode.sigma_v**2"

ADDITIONS = """
import msgspec
from hypothesis import strategies as st
from theory_check import activation

def half_step(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.detach().numpy() / 2)  # torch cannot derive it

HALF = activation(half_step, derivative=lambda x: torch.full_like(x, 0.5))

EVEN = Claim(
    id="even-widths", statement="s", source="s", assumptions=("smooth", "the width is even"), strata=("sphere",)
)

@st.composite
def of_half(draw):
    case = draw(cases())
    return msgspec.structs.replace(case, activation=HALF.expression, width=draw(st.integers(1, 9)), stratum="mine")

def is_even(case):
    return case.width % 2 == 0

@checks(EVEN, assumptions={"the width is even": is_even}, activations=[HALF])
@given(case=cases())
def test_even_widths_hold(case, audit):
    audit.at_most(case, Discrepancy("width is odd", float(case.width % 2), 0.5))

@checks(Claim(id="anything", statement="s", source="s"))
@given(case=of_half())
def test_half(case, audit):
    phi = audit.load(case.activation)
    audit.at_most(case, Discrepancy("error of the slope", abs(phi.slope_at(1.0) - 0.5), 0.0))
"""


def test_the_example_of_the_readme_runs_as_written(
    pytester: pytest.Pytester, run: Run, readme_example: str, report_in: ReportIn
) -> None:
    """In about twenty lines of code: one trial for each activation that it names, both supported."""
    assert len([line for line in readme_example.splitlines() if line.strip()]) <= 20
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config")
    pytester.makepyfile(test_variance=readme_example)
    result = run("--theory-check-report-dir=reports", activation="")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*= theory_check =*", "variance-bounded: supported (2 trials, 8 cases)"])
    report = report_in("reports")
    assert (report.paper, report.verdict, report.exit_status) == ("claims of one's own", "supported", 0)
    (claim,) = report.claims
    assert (claim.source, claim.assumptions) == ("our paper, lemma 2", ())
    assert [trial.activation for trial in claim.trials] == ["test_variance:squash", "tanh"]


def test_what_the_readme_shows_of_a_false_claim_is_what_comes_out(
    pytester: pytest.Pytester, run: Run, readme_example: str, readme_section: str, report_in: ReportIn
) -> None:
    """Refuted, shrunk to one input and one neuron, shown, and replayed by the command that is printed."""
    assert BOUND in readme_example
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_variance=readme_example.replace(BOUND, f"{BOUND} / 3"))
    result = run("--theory-check-report-dir=reports", "-q", activation="")
    result.assert_outcomes(failed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    printed = [line.strip() for line in result.stdout.lines]
    shown = [line.strip() for line in readme_section.splitlines() if line.startswith("    ")]
    verdict = next(k for k, line in enumerate(shown) if line.endswith("undivided]: refuted"))
    assert [line for line in shown[verdict:] if line not in printed] == []
    (claim,) = report_in("reports").claims
    for trial in claim.trials:
        minimal = next(outcome for outcome in claim.outcomes if outcome.case_id == trial.minimal)
        assert minimal.case.width == 1
        assert minimal.ratio is not None
        assert minimal.ratio > 1
    (replay,) = [line.removeprefix("replay: ") for line in printed if line.startswith("replay: ")]
    again = pytester.run(*replay.split())
    assert (again.ret, again.outlines[-1]) == (0, "reproduced")


def test_everything_may_be_ones_own(
    pytester: pytest.Pytester, run: Run, readme_example: str, report_in: ReportIn
) -> None:
    """A derivative by hand, an assumption in one's own words, a composite strategy; in workers, too."""
    pytester.makeini("[pytest]\nfilterwarnings = error")
    pytester.makepyfile(test_all=readme_example + ADDITIONS)
    result = run("-n", "2", "-k", "even or half", "--theory-check-report-dir=reports", activation="")
    result.assert_outcomes(skipped=0, failed=1, passed=1)
    report = report_in("reports")
    even, anything = sorted(report.claims, key=lambda claim: claim.id, reverse=True)
    assert even.assumptions == ("phi and its derivative are Lipschitz", "the width is even")
    (trial,) = even.trials
    # What fails at an odd width does not refute the claim.
    assert (trial.verdict, trial.conclusion) == ("assumptions-not-met", "fails")
    (minimal,) = [outcome for outcome in even.outcomes if outcome.case_id == trial.minimal]
    assert (minimal.case.width, str(minimal.unmet)) == (1, "the width is even: not met")
    (trial,) = anything.trials
    assert (trial.kind, trial.activation, trial.stratum, trial.verdict) == (
        "random",
        "random",
        "undivided",
        "supported",
    )
    assert {outcome.case.activation for outcome in anything.outcomes} == {"test_all:half_step"}


def test_a_strategy_that_ignores_its_trial_is_an_error(
    pytester: pytest.Pytester, run: Run, readme_example: str
) -> None:
    """Asked for relu it draws another function: relu gets no verdict."""
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_all=readme_example + ADDITIONS)
    result = run("-k", "half")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["anything [[]named relu, undivided[]]: error: the strategy drew a case of test_all:half_step in *"]
    )

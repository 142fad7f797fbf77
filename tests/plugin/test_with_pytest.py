"""The plugin beside pytest's own options, other plugins and the habits of other repositories."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from theory_check.reporting.records import ClaimReport, Report

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
ReportIn = Callable[[str], Report]
Comparable = Callable[[Report], list[ClaimReport]]


def test_an_ordinary_project_notices_nothing(pytester: pytest.Pytester, run: Run) -> None:
    """No report, no section, no torch, and of the package what the plugin itself consists of."""
    settings = "theory_check_activation = relu\ntheory_check_profile = gate"
    pytester.makeini(f"[pytest]\naddopts = --strict-markers --strict-config\n{settings}")
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {name for name in sys.modules if name.partition(".")[0] == "theory_check"}
            plugin = {"theory_check.plugin", "theory_check.plugin.plugin", "theory_check.plugin.selection"}
            assert loaded == {"theory_check", *plugin}
            assert not {"torch", "numpy", "msgspec", "hypothesis.strategies"} & set(sys.modules)
        """
    )
    others = [word for name in ("hypothesispytest", "jaxtyping", "torchtyping") for word in ("-p", f"no:{name}")]
    result = run("--theory-check-report-dir=reports", *others, activation="")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= theory_check =*")
    assert not (pytester.path / "reports").exists()


@pytest.mark.usefixtures("project")
def test_the_plugin_can_be_switched_off(run: Run) -> None:
    """Its options are gone with it, and a property that nobody judges fails."""
    result = run("-p", "no:theory_check")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --theory-check-activation=relu*"])
    result = run("-p", "no:theory_check", activation="")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*test_numbers_are_small judged nothing: a property runs in pytest with the plugin*"])


def test_collecting_only_writes_nothing(project: pytest.Pytester, run: Run) -> None:
    """One test for each trial is listed; none was lost."""
    result = run("--theory-check-report-dir=reports", "--collect-only", "-q", here=True)
    result.stdout.fnmatch_lines(
        ["test_own.py::test_numbers_are_small[[]trial-named-relu-sphere[]]", "5 tests collected*"]
    )
    result.stdout.no_fnmatch_line("*= theory_check =*")
    assert not (project.path / "reports").exists()


def test_what_failed_last_is_run_again(project: pytest.Pytester, run: Run, report_in: ReportIn) -> None:
    """With --lf only the refuted trials run; the report says that it is none of all, and pytest's has the verdicts."""
    run(cache=True).assert_outcomes(passed=3, failed=2)
    again = run("--lf", "-q", "--junitxml=junit.xml", "--theory-check-report-dir=reports", cache=True)
    again.assert_outcomes(failed=2)
    again.stdout.fnmatch_lines(["warning: 2 trials were left out (by -k, -m, --lf or name)*"])
    assert {trial.property for trial in report_in("reports").claims[0].trials} == {
        "test_own.py::test_numbers_are_small"
    }
    cases = ET.parse(project.path / "junit.xml").getroot().findall(".//testcase")  # noqa: S314 - our own
    said = [{p.get("name"): p.get("value") for p in case.findall(".//property")} for case in cases]
    assert said == [{"theory_check_claim": "numbers-are-small", "theory_check_verdict": "refuted"}] * 2


def test_trials_are_told_apart_by_their_mark(project: pytest.Pytester, run: Run) -> None:
    """Every trial has it, whatever its activation; nothing else has."""
    project.makeini("[pytest]\naddopts = --strict-markers")
    without = run("-m", "not theory_check", activation="", here=True)
    without.assert_outcomes(passed=1, deselected=12)
    without.stdout.no_fnmatch_line("*= theory_check =*")
    alone = run("-m", "theory_check", "--collect-only", "-q", activation="", here=True)
    alone.stdout.fnmatch_lines(["12/13 tests collected (1 deselected)*"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_order_of_the_trials_does_not_matter(
    project: pytest.Pytester, run: Run, report_in: ReportIn, comparable: Comparable, workers: str
) -> None:
    """A conftest that shuffles items, and seeds every generator as it likes, changes no number of a report."""
    run("--theory-check-report-dir=one").assert_outcomes(passed=3, failed=2)
    project.makeconftest(
        """
        import random

        import numpy
        import pytest

        def pytest_collection_modifyitems(items):
            random.Random(4).shuffle(items)

        @pytest.fixture(autouse=True)
        def seeded():
            random.seed(7)
            numpy.random.seed(7)
        """
    )
    run("--theory-check-report-dir=two", "-n", workers).assert_outcomes(passed=3, failed=2)
    assert comparable(report_in("two")) == comparable(report_in("one"))


def test_the_environment_gives_a_trial_no_second_thread(
    pytester: pytest.Pytester, own: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its variables say, products are made by one thread while a trial runs, and torch has more outside."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "3")
    monkeypatch.setenv("MKL_DOMAIN_NUM_THREADS", "MKL_DOMAIN_ALL=3")
    counted = """
import scipy.linalg
from threadpoolctl import threadpool_info

def most_threads():
    # scikit-learn, which the first digits load, brings an OpenMP that reading digits does not use.
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(torch.get_num_threads(), *blas)
"""
    counts = own.replace("float(case.data.seed), 20.0", "float(most_threads()), 1.0")
    counts = counts.replace("torch.get_num_threads() == 3", "most_threads() == 3").replace(
        "OWN = Claim", counted + "OWN = Claim"
    )
    assert counts.count("most_threads()") == 3
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_own=counts)
    run("-k", "small or ordinary").assert_outcomes(passed=3, deselected=2)


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_files_of_one_name_are_told_apart(
    pytester: pytest.Pytester, own: str, run: Run, report_in: ReportIn, mode: str
) -> None:
    """In folders and under both ways to import a test, with a conftest of the repository's own."""
    pytester.makeini("[pytest]")
    for folder in ("a", "b"):
        path = pytester.mkpydir(folder)
        (path / "conftest.py").write_text("import pytest\n\n@pytest.fixture(autouse=True)\ndef mine(): yield\n")
        (path / "test_own.py").write_text(own)
    options = (f"--import-mode={mode}", "--theory-check-report-dir=reports", "-k", "numbers_are_small and sphere")
    run(*options).assert_outcomes(failed=2, deselected=8)
    trials = report_in("reports").claims[0].trials
    assert [trial.property for trial in trials] == [f"{name}/test_own.py::test_numbers_are_small" for name in "ab"]

"""Options, their twins in the ini file, the marker: what they change, and the line for what means nothing."""

from collections.abc import Callable

import pytest

from theory_check.reporting.records import Report

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
ReportIn = Callable[[str], Report]

NOT_THERE = (
    "no property checks the claim 'numbers-are-smal'; did you mean 'numbers-are-small'? known: numbers-are-small"
)
WRONG = [
    ("seed", "x", "the seed must be a whole number, got 'x'"),
    ("profile", "quik", "unknown profile 'quik'; did you mean 'quick'?*"),
    ("data", "none.npy", "cannot read 'none.npy': No such file or directory"),
    ("activation", "relo", "unknown activation 'relo': did you mean 'relu'*"),
    ("mode", "audits", "unknown mode 'audits'; did you mean 'audit'?*"),
    ("device", "tpu", "unknown device 'tpu'; known: cpu, cuda, cuda:N"),
]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("option", "value", "said"), WRONG)
def test_an_option_that_means_nothing_is_refused(run: Run, option: str, value: str, said: str) -> None:
    """One line, before any trial."""
    _check_refused(run(f"--theory-check-{option}={value}", activation="", here=True), said)


@pytest.mark.parametrize(("option", "value", "said"), WRONG[:2])
def test_so_is_its_twin(project: pytest.Pytester, run: Run, option: str, value: str, said: str) -> None:
    """As soon as there is a property; runs of other tests are not kept from anything."""
    project.makeini(f"[pytest]\ntheory_check_{option} = {value}")
    _check_refused(run(activation="", here=True), said)
    project.makepyfile(test_other="def test_it(): pass")
    run("test_other.py", activation="", here=True).assert_outcomes(passed=1)


def _check_refused(result: pytest.RunResult, said: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "passed" not in result.stdout.str()


@pytest.mark.usefixtures("project")
def test_a_claim_that_nobody_checks_is_refused(run: Run) -> None:
    """The line names the claims that there are, the nearest first."""
    _check_refused(run("--theory-check-claim=numbers-are-smal", here=True), NOT_THERE)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--theory-check-claim=numbers-are-smal"], NOT_THERE), ([], "the seed must be a whole number, got 'x'")],
)
def test_workers_refuse_as_one_process_does(
    project: pytest.Pytester, run: Run, arguments: list[str], said: str
) -> None:
    """They alone collect: the controller hears of it, runs nothing and ends as after any wrong usage."""
    if not arguments:
        project.makeini("[pytest]\ntheory_check_seed = x")
    result = run("-n", "2", *arguments, activation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines([f"ERROR: {said}"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    result.assert_outcomes()


def test_claims_are_chosen(project: pytest.Pytester, own: str, run: Run, report_in: ReportIn) -> None:
    """By the option or its twin; properties of other claims are deselected, ordinary tests are none of its business."""
    other = own.replace("numbers-are-small", "others").replace("OWN", "OTHER")
    project.makepyfile(test_other=other)
    run("--theory-check-claim=others", "--theory-check-report-dir=one").assert_outcomes(
        passed=4, failed=2, deselected=2
    )
    assert [claim.id for claim in report_in("one").claims] == ["others"]
    # A twin may speak of a file that is not run.
    project.makeini("[pytest]\ntheory_check_claim =\n  others\n  elsewhere")
    run("--theory-check-report-dir=two").assert_outcomes(passed=4, failed=2, deselected=2)
    assert report_in("two").warnings == ()


@pytest.mark.usefixtures("project")
def test_two_claims_of_one_name_are_refused(project: pytest.Pytester, own: str, run: Run) -> None:
    """Their verdicts would be added up."""
    project.makepyfile(test_other=own.replace("at most 20.", "at most 21."))
    said = "two claims are called 'numbers-are-small': in test_other.py::* and in test_own.py::*"
    _check_refused(run(here=True), said)


def test_a_property_that_moved_keeps_its_name(
    project: pytest.Pytester, own: str, run: Run, report_in: ReportIn
) -> None:
    """Its trials draw the cases of the file that it lay in, and they have the same ids."""
    ids = []
    chosen = ("-k", "numbers_are_small and sphere")
    for folder, file in (("before", "test_own.py"), ("after", "test_moved.py"), ("unknown", "test_moved.py")):
        if folder == "after":
            (project.path / "test_own.py").unlink()
            known = own.replace("@checks(OWN)", '@checks(OWN, known_as="test_own.py")')
            (project.path / file).write_text(known)
        elif folder == "unknown":
            (project.path / file).write_text(own)
        run(f"--theory-check-report-dir={folder}", *chosen, here=False)
        claim = report_in(folder).claims[0]
        ids.append([(trial.property, trial.minimal) for trial in claim.trials] + [o.case_id for o in claim.outcomes])
    before, after, unknown = ids
    assert before == after
    assert before[0][0] == "test_own.py::test_numbers_are_small"
    assert unknown != before


@pytest.mark.usefixtures("project")
def test_two_properties_of_one_name_are_refused(project: pytest.Pytester, own: str, run: Run) -> None:
    """A copy that says it is known by the original's file: their cases would be told apart by nothing."""
    project.makepyfile(test_other=own.replace("@checks(OWN)", '@checks(OWN, known_as="test_own.py")'))
    name = "test_own.py::test_numbers_are_small"
    said = f"two properties are called '{name}': test_other.py::test_numbers_are_small and {name}"
    _check_refused(run(here=True), said)


def test_the_marker_scales_a_search(project: pytest.Pytester, own: str, run: Run, report_in: ReportIn) -> None:
    """For a whole module; the nearest marker wins over the property's own share."""
    marked = own.replace(
        "torch.set_num_threads(3)", "torch.set_num_threads(3)\npytestmark = pytest.mark.theory_check(share=3)"
    )
    project.makepyfile(test_own=marked.replace("import os", "import pytest"))
    project.makeini("[pytest]\naddopts = --strict-markers")
    run("--theory-check-report-dir=one", "-k", "numbers_are_numbers").assert_outcomes(passed=2, deselected=3)
    assert {trial.requested for trial in report_in("one").claims[0].trials} == {12}


@pytest.mark.parametrize("given", ["share=0", "share='x'", "0.5", "profile='gate'"])
def test_a_marker_that_means_nothing_is_refused(project: pytest.Pytester, own: str, run: Run, given: str) -> None:
    """The file is not collected, in one line."""
    mark = f"import pytest\npytestmark = pytest.mark.theory_check({given})\n"
    project.makepyfile(test_own=own.replace("import os\n", mark))
    result = run("-q", here=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [f"*test_numbers_are_numbers: the marker is theory_check(share=number up to 1000), got theory_check({given})"]
    )

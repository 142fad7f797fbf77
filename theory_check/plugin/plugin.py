"""The pytest plugin: turns properties into trials, collects what they find, writes reports. Alone talks to pytest.

Imports nothing heavy at the top: it is loaded by every pytest run of an environment in which theory_check is
installed. Under pytest-xdist workers run trials and send what they found with their test reports; the controller
collects them in the order of the plan and writes one report.
"""

import datetime as dt
import shlex
import sys
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from theory_check.plugin.selection import PLAN, Selection, is_unasked, plan_of, property_at

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.search.found import Found
    from theory_check.search.request import Request

FOUND = "theory_check_found"
PLAN_ID = "trial-"
MARKER = "theory_check(share=1.0): a trial of a claim; share scales the cases that it searches"
ASKED = ("profile", "seed", "data", "device", "mode", "model", "claim", "activation")

REPORT: "pytest.StashKey[Report]" = pytest.StashKey()
WRITTEN = pytest.StashKey[Path]()
PROBLEM = pytest.StashKey[str]()
_COLLECTOR = pytest.StashKey["_Collector"]()
_REQUEST: "pytest.StashKey[Request]" = pytest.StashKey()
_SELECTION = pytest.StashKey[Selection]()
_RESULT = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of an audit, each with its twin in the ini file."""
    group = parser.getgroup("theory_check", "claims on trial")
    for name, default, text in (
        ("profile", "quick", "how hard to try: quick, gate or full"),
        ("seed", "0", "root seed of all weights and searches"),
        ("data", "", "digits, sphere, or FILE.npy / FILE.csv: audit on these inputs"),
        ("device", "cpu", "where networks run: cpu or cuda"),
        ("report-dir", "", "write reports into a new folder below this one"),
        ("paper", "", "what is on trial: the title of reports"),
        ("model", "", "package.module:build: audit this torch.nn.Module (with trust-code)"),
        (
            "mode",
            "audit",
            "audit, ablation (each assumption broken as well), selftest (controls only) or survey (no controls)",
        ),
    ):
        group.addoption(f"--theory-check-{name}", default=None, help=f"{text} (default: {default or 'none'})")
        parser.addini(f"theory_check_{name.replace('-', '_')}", text, default=default)
    for name in ("claim", "activation"):
        text = f"audit this {name} only (repeatable)"
        group.addoption(f"--theory-check-{name}", action="append", default=None, help=text)
        parser.addini(f"theory_check_{name}", f"{text}, one a line", type="linelist", default=[])
    text = "allow package.module:name activations, which runs their code"
    group.addoption("--theory-check-trust-code", action="store_true", default=None, help=text)
    parser.addini("theory_check_trust_code", text, type="bool", default=False)
    text = "readings, which nobody states as a claim, fail a run as claims do"
    group.addoption("--theory-check-strict", action="store_true", default=None, help=text)
    parser.addini("theory_check_strict", text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Set up the collection of results; refuse options that mean nothing before anything is collected."""
    config.stash[_COLLECTOR] = _Collector()
    config.addinivalue_line("markers", MARKER)
    config.stash[_SELECTION] = Selection(config, _asked_claims(config))
    config.pluginmanager.register(config.stash[_SELECTION], "theory_check_selection")
    # What the ini file says is checked once there is a property: other runs of the repository must not wait for it.
    if any(config.getoption(f"--theory-check-{name}") for name in ASKED):
        request_of(config)


def _option(config: pytest.Config, name: str) -> str:
    given = config.getoption(f"--theory-check-{name}")
    return str(given if given is not None else config.getini(f"theory_check_{name.replace('-', '_')}"))


def _options(config: pytest.Config, name: str) -> list[str]:
    given = config.getoption(f"--theory-check-{name}")
    return list(given if given is not None else config.getini(f"theory_check_{name}"))


def _asked_claims(config: pytest.Config) -> tuple[str, ...]:
    """Those of the command line: each must be there. In the ini file they may belong to files that are not run."""
    return tuple(config.getoption("--theory-check-claim") or ())


def request_of(config: pytest.Config) -> "Request":
    """The audit that the options ask for.

    Raises:
        pytest.UsageError: a value that means nothing; one line.
    """
    from theory_check.search.request import RequestError, make_request

    if _REQUEST in config.stash:
        return config.stash[_REQUEST]
    try:
        config.stash[_REQUEST] = make_request(
            profile=_option(config, "profile"),
            seed=_option(config, "seed"),
            data=_option(config, "data"),
            device=_option(config, "device"),
            claims=_options(config, "claim"),
            activations=_options(config, "activation"),
            trust_code=config.getoption("--theory-check-trust-code") or config.getini("theory_check_trust_code"),
            mode=_option(config, "mode"),
            paper_title=_option(config, "paper"),
            own_claims=True,
            model=_option(config, "model"),
            strict=config.getoption("--theory-check-strict") or config.getini("theory_check_strict"),
        )
    except RequestError as error:
        raise pytest.UsageError(str(error)) from None
    return config.stash[_REQUEST]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each trial of a property."""
    prop = property_at(metafunc.function, metafunc.definition)
    if prop is None:
        return
    from theory_check.search.plan import plans_of

    selection = metafunc.config.stash[_SELECTION]
    try:
        request = request_of(metafunc.config)
    except pytest.UsageError as error:
        selection.refuse(str(error))
        return
    wanted = plans_of(prop, request)
    selection.plan(prop, len(wanted))
    # No argument of the function: without this plugin it is called, and says what is missing.
    metafunc.fixturenames.append(PLAN)
    metafunc.parametrize(PLAN, wanted, ids=[f"{PLAN_ID}{plan.name}" for plan in wanted])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect properties of claims that were not asked for: pytest would skip them, as if something were missing."""
    unasked = [item for item in items if is_unasked(item)]
    if unasked:
        items[:] = [item for item in items if not is_unasked(item)]
        config.hook.pytest_deselected(items=unasked)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a trial in place of the body of a property."""
    plan, prop = plan_of(pyfuncitem), property_at(pyfuncitem.function, pyfuncitem)
    if prop is None or plan is None:
        return None
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.search.found import encode
    from theory_check.search.trial import run_trial

    # One compute thread: sums are then taken in one order, and a rerun is identical to the last bit.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            found = run_trial(prop, plan, request_of(pyfuncitem.config))
    finally:
        torch.set_num_threads(threads)
    pyfuncitem.stash[_RESULT] = encode(found)
    # For pytest's own --junitxml; plain text, as it travels between processes.
    pyfuncitem.user_properties.append(("theory_check_claim", found.claim.id))
    pyfuncitem.user_properties.append(("theory_check_verdict", found.trial.verdict.value))
    _tell_pytest(found, counts=request_of(pyfuncitem.config).counts(found.claim))
    return True


def _tell_pytest(found: "Found", *, counts: bool) -> None:
    """Fail unless the trial supports its claim; assumptions that are not met are a visible skip while nothing fails.

    Of a reading that does not count a trial is expected to fail where it does; an error is the harness's, and fails.
    """
    from theory_check.case.record import canonical_json

    trial = found.trial
    text = f"{found.claim.id} [{trial.kind} {trial.activation}, {trial.stratum}]: {trial.verdict}"
    if trial.conclusion is not None:
        text += f", conclusion {trial.conclusion}"
    if trial.reason:
        text += f": {trial.reason}"
    if trial.kind == "control":
        if not trial.as_expected:
            pytest.fail(f"control did not come out as expected ({trial.expected_verdict}): {text}", pytrace=False)
    elif trial.kind == "ablation":
        pass  # without an assumption the conclusion may do as it likes
    elif trial.verdict == "assumptions-not-met" and trial.conclusion != "fails":
        # Neither passed nor failed: the claim says nothing here. The trial is counted in the report all the same.
        pytest.skip(text)
    elif trial.verdict != "supported":
        shown = next((o for o in found.outcomes if o.case_id == trial.minimal), None)
        case = f"\nminimal case {shown.case_id}: {canonical_json(shown.case)}" if shown else ""
        measured = f"\n{shown.quantity}: {shown.measured} against {shown.bound}" if shown else ""
        if not counts and trial.verdict != "error":
            pytest.xfail(f"a reading, which does not count: {text}{measured}{case}")
        pytest.fail(text + measured + case, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what a trial found travel with its test report, across processes too."""
    report = yield
    if report.when == "call" and _RESULT in item.stash:
        setattr(report, FOUND, item.stash[_RESULT])
    return report


class _Collector:
    """What the trials of a session found."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.lost: list[str] = []
        self.answered: dict[str, bool] = {}
        self.stopped_by_hand = False
        self.started = dt.datetime.now(dt.UTC)
        self.clock = time.perf_counter()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect on the controller only."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(_Listener(session.config), "theory_check_listener")


class _Listener:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._await(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._await(ids)

    def _await(self, node_ids: Iterable[str]) -> None:
        for name in node_ids:
            if f"[{PLAN_ID}" in name:
                self.config.stash[_COLLECTOR].answered.setdefault(name, False)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        collector = self.config.stash[_COLLECTOR]
        text = getattr(report, FOUND, None)
        if text is not None:
            from theory_check.search.found import decode

            collector.found.append(decode(text))
            collector.answered[report.nodeid] = True
        elif not report.passed and collector.answered.get(report.nodeid) is False:
            collector.answered[report.nodeid] = True
            collector.lost.append(f"{report.nodeid}: {' '.join(str(report.longrepr).split())[-300:]}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # A kind of KeyboardInterrupt is how pytest itself stops, after --maxfail or too many crashed workers.
        self.config.stash[_COLLECTOR].stopped_by_hand = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        collector = self.config.stash[_COLLECTOR]
        if collector.stopped_by_hand:
            return  # a report of some of the trials would pass for one of all
        if not collector.found and not collector.lost:
            return
        from theory_check.reporting.records import ReportError
        from theory_check.runs.assembly import assemble
        from theory_check.runs.writing import new_run_name, write_reports

        report = assemble(
            collector.found,
            request=request_of(self.config),
            command=shlex.join([Path(sys.argv[0]).name, *self.config.invocation_params.args]),
            started=collector.started,
            seconds=time.perf_counter() - collector.clock,
            lost=[*collector.lost, *(f"{name}: never run" for name, done in collector.answered.items() if not done)],
        )
        self.config.stash[REPORT] = report = self.config.stash[_SELECTION].noted(report)
        folder = _option(self.config, "report-dir")
        if folder:
            try:
                target = Path(folder) / new_run_name(report.started, report.seed)
                self.config.stash[WRITTEN] = write_reports(report, target)
            except ReportError as error:
                self.config.stash[PROBLEM] = str(error)
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        report = self.config.stash.get(REPORT, None)
        if report is None:
            return
        from theory_check.reporting.terminal_lines import terminal_lines

        folder, problem = self.config.stash.get(WRITTEN, None), self.config.stash.get(PROBLEM, "")
        terminalreporter.section("theory_check")
        for line in terminal_lines(report, folder, self.config.rootpath, problem):
            terminalreporter.write_line(line)

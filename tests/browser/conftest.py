"""Pages in real Chromium: those of recorded reports, and one of everything that a page can hold."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.case import Case
from theory_check.pictures.picture import Matrix, Picture, Series
from theory_check.reporting.document import load_report
from theory_check.reporting.html_writer import render
from theory_check.reporting.records import ClaimReport, Report, is_judged

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
COMMITTED = sorted(RECORDED.glob("**/report.html"))
HOSTILE = "<script>alert(1)</script>"
DESK, PHONE = 1280, 360
Opened = tuple["Page", list[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where screenshots go, for people who want to look at them."""
    parser.addoption("--screenshots", default=None, metavar="DIR", help="Keep screenshots of the pages in this folder.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a page runs on a page with everything, on one of a recorded report, and on the committed ones."""
    if "page_file" in metafunc.fixturenames:
        names = ["everything", "gate", *(str(path.relative_to(RECORDED)) for path in COMMITTED)]
        metafunc.parametrize("page_file", names, indirect=True)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """The system's Chromium, headless. Without one these tests fail: they are run by name only."""
    from playwright.sync_api import sync_playwright  # other tests are run without it

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program is not None, "no Chromium on the path: apt-get install chromium"
    with sync_playwright() as playwright:
        # Chromium refuses its own sandbox to root, as whom containers run.
        started = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        yield started
        started.close()


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that was asked for, or one that goes with the run."""
    wanted = request.config.getoption("--screenshots", default=None)
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page as a file, by its name in `pytest_generate_tests`."""
    name: str = request.param
    if name not in {"everything", "gate"}:
        return RECORDED / name
    report = load_report(RECORDED / "full")
    target = tmp_path_factory.mktemp("page") / f"{name}.html"
    target.write_text(render(with_everything(report) if name == "everything" else report), encoding="utf-8")
    return target


@pytest.fixture
def opened(browser: "Browser", page_file: Path) -> Iterator[Callable[..., Opened]]:
    """Open the page; what it says on the console, asks for or shows as a dialog is listed, its own file excepted."""
    contexts: list[BrowserContext] = []

    def opened(width: int = DESK, scheme: str = "light", fragment: str = "") -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            has_touch=width == PHONE,
            is_mobile=width == PHONE,
        )
        contexts.append(context)
        page = context.new_page()
        noise: list[str] = []
        address = page_file.as_uri()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda made: None if made.url == address else noise.append(f"request: {made.url[:200]}"))
        page.goto(address + fragment)
        return page, noise

    yield opened
    for context in contexts:
        context.close()


def with_everything(report: Report) -> Report:
    """A recorded report with a warning, a picture of each kind, a hostile name and cases of every verdict besides."""
    first, *others = report.claims
    odd = [
        msgspec.structs.replace(
            first.outcomes[place],
            case=Case(activation=HOSTILE, data=first.outcomes[place].case.data, width=3, stratum="<b>bold</b>" * 9),
            case_id=f"{place:012x}",
            verdict=verdict,
            conclusion=Conclusion.UNDECIDED,
            reason="a reason with aVeryLongWordThatNoLineOfAPhoneCouldEverHoldWithoutBreakingItSomewhereInTheMiddle",
        )
        for place, verdict in enumerate((Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.ERROR))
    ]
    trial = msgspec.structs.replace(
        next(trial for trial in first.trials if is_judged(trial)),
        kind="named",
        activation=HOSTILE,
        verdict=Verdict.REFUTED,
        conclusion=Conclusion.FAILS,
        minimal=odd[0].case_id,
        reason=HOSTILE,
    )
    first = msgspec.structs.replace(
        first, trials=(*first.trials, trial), outcomes=(*first.outcomes, *odd), verdict=Verdict.REFUTED
    )
    claims = [_pictured(claim, k) for k, claim in enumerate((first, *others))]
    return msgspec.structs.replace(report, claims=tuple(claims), warnings=("the processor was busy",))


def _pictured(claim: ClaimReport, place: int) -> ClaimReport:
    def with_picture(k: int, outcome: Outcome) -> Outcome:
        return msgspec.structs.replace(outcome, picture=PICTURES[(place + k) % len(PICTURES)])

    return msgspec.structs.replace(
        claim,
        outcomes=tuple(with_picture(k, o) if k < 2 else o for k, o in enumerate(claim.outcomes)),
    )


_WIDTHS = (64.0, 128.0, 256.0, 512.0, 1024.0)
_STEPS = tuple(float(k) for k in range(120))
PICTURES = (
    Picture(
        kind="ladder",
        title="Error of the tangent kernel against width, with 99.9 % intervals and the expected slope",
        x_label="width n",
        y_label="error, whitened by the limit",
        x_scale="log",
        y_scale="log",
        series=(
            Series(
                name="measured",
                x=_WIDTHS,
                y=tuple(1.1 * n**-0.5 for n in _WIDTHS),
                low=tuple(n**-0.5 for n in _WIDTHS),
                high=tuple(1.2 * n**-0.5 for n in _WIDTHS),
            ),
            Series(name="expected slope -1/2", x=_WIDTHS, y=tuple(1.1 * n**-0.5 for n in _WIDTHS), style="line"),
        ),
        note="A claim of this rate holds where the points follow the line.",
    ),
    Picture(
        kind="loss",
        title=f"Loss of {HOSTILE} beside its prediction",
        x_label="step of gradient descent",
        y_label="loss over that of the start",
        y_scale="log",
        series=(
            Series(name="measured", x=_STEPS, y=tuple(0.9**k for k in _STEPS)),
            Series(name="(I - eta Theta)^k", x=_STEPS, y=tuple(0.91**k for k in _STEPS), style="line"),
            Series(
                name="allowed",
                x=_STEPS,
                y=tuple(0.95**k for k in _STEPS),
                low=tuple(0.85**k for k in _STEPS),
                high=tuple(0.97**k for k in _STEPS),
                style="band",
            ),
        ),
    ),
    Picture(
        kind="kernel",
        title="Limiting kernel beside the empirical one",
        x_label="input",
        y_label="input",
        matrices=tuple(
            Matrix(name=name, rows=tuple(tuple(1 / (1 + abs(i - j)) + e for j in range(8)) for i in range(8)))
            for name, e in (("limit", 0.0), ("empirical, n = 1,024", 0.03))
        ),
        note="Equal shades are equal entries.",
    ),
)

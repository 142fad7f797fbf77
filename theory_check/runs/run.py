"""Properties in worker processes, with progress: what every command that puts claims on trial does."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.runs.unfinished import UnfinishedRun
    from theory_check.search.request import Request

# One compute thread a process: sums are taken in one order, and more processes use the cores better than threads.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ERROR_STATUS = 4


def run_properties(
    request: "Request", *, report_dir: str, workers: int | None, data: str = "", run: "UnfinishedRun | None" = None
) -> tuple["Report", Path]:
    """Run every trial that a request asks for and write the reports.

    Args:
        request: what is asked for.
        report_dir: the folder below which they go.
        workers: processes; one for each core by default.
        data: what the user wrote for `--data`, which workers read again.
        run: keeps outcomes as they are reached; without it an interrupted command leaves nothing.

    Returns:
        the report, and the folder it was written to.

    Raises:
        click.Abort: interrupted; no report was written.
        click.exceptions.Exit: no report could be made; the reason has been printed.
    """
    import pytest

    from theory_check.plugin.plugin import INTERRUPTED
    from theory_check.runs.progress import Progress
    from theory_check.runs.properties import properties_folder

    folder = properties_folder()
    count = workers or os.cpu_count() or 1
    arguments = [
        str(folder),
        *("-c", str(folder / "pytest.ini"), "--rootdir", str(folder)),
        *("-p", "theory_check.plugin.plugin", "-p", "xdist.plugin", "-p", "no:terminal", "-p", "no:cacheprovider"),
        *("-n", str(count), "--dist", "worksteal"),
        *(f"--theory-check-profile={request.profile.name}", f"--theory-check-seed={request.seed}"),
        *(f"--theory-check-device={request.device}", f"--theory-check-report-dir={report_dir}"),
        *(f"--theory-check-mode={request.mode}", f"--theory-check-command={typed_command()}"),
        f"--theory-check-data={data}",
        *(f"--theory-check-claim={claim}" for claim in request.claims),
        *(f"--theory-check-activation={name}" for name in request.activations),
        *([f"--theory-check-model={request.model.reference}"] if request.model else []),
        *(["--theory-check-trust-code"] if request.trust_code else []),
        *(["--theory-check-strict"] if request.strict else []),
        *([f"--theory-check-on-trial={request.on_trial}"] if request.on_trial else []),
        *([f"--theory-check-run={run.folder}"] if run else []),
        f"--theory-check-searches={request.searches}",
        *([f"--theory-check-shard={'{}/{}'.format(*request.shard)}"] if request.shard else []),
    ]
    with Progress() as progress, worker_environment():
        pytest.main(arguments, plugins=[progress])
    if progress.problem == INTERRUPTED:
        raise click.Abort
    if progress.report is None or progress.folder is None:
        click.echo(f"theory-check: no report: {progress.problem or 'the properties could not be collected'}", err=True)
        click.get_current_context().exit(ERROR_STATUS)
    return progress.report, progress.folder


def typed_command() -> str:
    """The command line of this process, shell-quoted."""
    return shlex.join(["theory-check", *sys.argv[1:]])


@contextmanager
def worker_environment() -> Iterator[None]:
    """What worker processes inherit; this process gets its own back."""
    before = dict(os.environ)
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    # Options and plugins of the user's own test runs have no say in an audit.
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

"""`theory-check audit`: run the properties in worker processes, show progress, write reports, print the verdicts."""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory_check.cli.gate import end_with
from theory_check.cli.own_paper import put_named_on_trial
from theory_check.runs.run import ERROR_STATUS

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.runs.unfinished import UnfinishedRun
    from theory_check.search.request import Request


@click.command()
@click.option("--claim", "claims", multiple=True, metavar="ID", help="Audit this claim only (repeatable).")
@click.option(
    "--activation",
    "activations",
    multiple=True,
    metavar="NAME|EXPRESSION|MODULE:NAME",
    help='Audit this activation, e.g. softplus, "tanh(2*x) + 0.1*x" (repeatable).',
)
@click.option(
    "--model", default=None, metavar="MODULE:NAME", help="Audit the torch.nn.Module that this function builds."
)
@click.option("--paper", default="", metavar="MODULE:NAME", help="Put this theory_check.Paper on trial, not ours.")
@click.option("--data", default=None, metavar="digits|sphere|FILE.npy|FILE.csv", help="Audit on these inputs.")
@click.option("--profile", default="quick", show_default=True, metavar="quick|gate|full", help="How hard to try.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of all weights and searches.")
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where networks run.")
@click.option("--report-dir", default="reports", show_default=True, metavar="DIR", help="Reports go below this folder.")
@click.option(
    "--baseline",
    default=None,
    metavar="REPORT",
    help="Exit 0 if every verdict that both were asked for matches this report's, else 1.",
)
@click.option(
    "--workers",
    default=None,
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes of this machine; one for each core by default.",
)
@click.option("--dask", default=None, metavar="ADDRESS", help="Run on the workers of this Dask scheduler.")
@click.option("--shard", default=None, metavar="I/N", help="Run the I-th of N parts only, for `theory-check merge`.")
@click.option(
    "--searches", default="1", metavar="K", help="Divide the cases of a trial among K searches, for many workers."
)
@click.option("--ablate", is_flag=True, help="Break each assumption as well and report which were needed.")
@click.option("--strict", is_flag=True, help="Readings, which nobody states as a claim, count towards the exit status.")
@click.option("--resume", default=None, metavar="RUN", help="Resume an interrupted run.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def audit(
    claims: tuple[str, ...],
    activations: tuple[str, ...],
    model: str | None,
    paper: str,
    data: str | None,
    profile: str,
    seed: str,
    device: str,
    report_dir: str,
    baseline: str | None,
    workers: int | None,
    dask: str | None,
    shard: str | None,
    searches: str,
    resume: str | None,
    *,
    ablate: bool,
    strict: bool,
    trust_code: bool,
) -> None:
    """Search for counterexamples to each claim and write the verdicts to a new folder below reports/.

    What the authors state counts towards the exit status. What they hedge, or a digest of the paper alone says, is a
    reading: it counts with --strict, or where --claim names it.
    """
    from theory_check.reporting.recorded import load_recorded
    from theory_check.reporting.records import ReportError
    from theory_check.runs.cluster import cluster_workers
    from theory_check.runs.run import run_properties
    from theory_check.search.request import RequestError

    _check_words()
    put_named_on_trial(paper, trust_code=trust_code)
    options = {
        "profile": profile,
        "seed": seed,
        "device": device,
        "claims": claims,
        "activations": activations,
        "mode": "ablation" if ablate else "audit",
        "shard": shard or "",
        "searches": searches,
        "model": model or "",
        "strict": strict,
        "on_trial": paper,
    }
    try:
        recorded = load_recorded(Path(baseline)) if baseline is not None else None
        if resume is None:
            request, run = _begin(options, data or "", report_dir, dask, trust_code=trust_code)
        else:
            request, run, data = _resume(Path(resume), dask, trust_code=trust_code)
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    try:
        with cluster_workers(dask) if dask else nullcontext() as elsewhere:
            report, folder = run_properties(
                request, report_dir=report_dir, workers=workers, run=run, elsewhere=elsewhere
            )
    except (click.Abort, click.exceptions.Exit, KeyboardInterrupt):
        trust = " --trust-code" if request.trust_code else ""
        again = f"theory-check audit --resume {shlex.quote(str(run.folder))}{trust}"
        click.echo(f"theory-check: to resume: {again}", err=True)
        raise
    finally:
        run.release()
    if request.shard is not None:
        _end_shard(report, folder, request.shard)
    end_with(report, folder, request, baseline=baseline, recorded=recorded)


def _check_words() -> None:
    """Refuse options that are empty, or that cannot be said together."""
    given = click.get_current_context().params
    if "" in given["activations"]:
        raise click.ClickException("an activation must be a name or an expression, got an empty one")
    for name in ("report_dir", "baseline", "data", "model", "resume", "dask", "shard"):
        if given[name] == "":
            option = f"--{name.replace('_', '-')}"
            raise click.ClickException(f"{option} must name something, got ''; leave the option out for its default")
    if given["dask"] and given["workers"]:
        raise click.ClickException(f"--dask has workers of its own, got --workers {given['workers']}; leave one out")
    if given["shard"] and given["baseline"]:
        raise click.ClickException(
            f"a part has no verdicts to compare, got --baseline with --shard {given['shard']}; merge takes --baseline"
        )


def _end_shard(report: "Report", folder: Path, shard: tuple[int, int]) -> None:
    """A shard has no verdict; its exit status says whether all its trials were run."""
    number, of = shard
    for trial in report.lost_trials:
        click.echo(f"warning: a trial was lost: {trial}")
    trials = sum(len(claim.trials) for claim in report.claims)
    click.echo(f"shard {number}/{of}: {trials} trials, {report.seconds:.0f} s, in {folder}")
    click.echo(f"verdicts come of all {of} shards: theory-check merge DIR...")
    click.get_current_context().exit(ERROR_STATUS if report.lost_trials else 0)


def _begin(
    options: dict[str, Any], data: str, report_dir: str, dask: str | None, *, trust_code: bool
) -> "tuple[Request, UnfinishedRun]":
    import datetime as dt

    from theory_check.runs.cluster import require_cluster
    from theory_check.runs.properties import code_of
    from theory_check.runs.run import typed_command
    from theory_check.runs.unfinished import begin_run, code_fingerprint
    from theory_check.runs.writing import new_run_name, require_writable
    from theory_check.search.request import make_request

    request = make_request(**options, data=data, trust_code=trust_code)
    require_writable(Path(report_dir))
    if request.shard is not None:
        _require_a_trial(request, request.shard)
    if dask:
        require_cluster(dask, request)
    started = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = begin_run(
        Path(report_dir),
        new_run_name(started, request.seed),
        request=request,
        data=data,
        command=typed_command(),
        started=started,
        code=code_fingerprint(code_of(request.subjects)),
    )
    return request, run


def _require_a_trial(request: "Request", shard: tuple[int, int]) -> None:
    """Refuse a shard that has none: as many shards as trials are the most that help."""
    from dataclasses import replace

    from theory_check.runs.one_trial import trials_of

    trials = len(trials_of(replace(request, shard=None)))
    if shard[1] > trials:
        raise click.ClickException(f"there are {trials} trials to share out: n must be at most that, got {shard[1]}")


# What may be said along with --resume; all else is the run's own.
_WITH_RESUME = {"resume", "workers", "dask", "baseline", "trust_code"}


def _resume(path: Path, dask: str | None, *, trust_code: bool) -> "tuple[Request, UnfinishedRun, str]":
    from theory_check.runs.cluster import require_cluster
    from theory_check.runs.properties import code_of
    from theory_check.runs.unfinished import code_fingerprint, find_run, resume_run, told_of
    from theory_check.search.request import make_request

    context = click.get_current_context()
    given = [
        f"--{name.rstrip('s') if name in {'claims', 'activations'} else name.replace('_', '-')}"
        for name in context.params
        if name not in _WITH_RESUME and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.ClickException(f"--resume takes its options from the run, got {given[0]} as well; leave it out")
    folder = find_run(path)
    options, data = told_of(folder)
    put_named_on_trial(options.get("on_trial", ""), trust_code=trust_code)
    request = make_request(**options, data=data, trust_code=trust_code)
    if dask:
        require_cluster(dask, request)
    return request, resume_run(folder, request, code=code_fingerprint(code_of(request.subjects))), data

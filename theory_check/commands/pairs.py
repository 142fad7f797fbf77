"""`theory-check pairs`: kinked activations beside their mollifications, and steps predicted beside steps taken."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.search.property import Property

TABLE, PICTURE = "training-pairs.md", "training-pairs.svg"
# By which reports know these properties; they lie in properties/test_smooth_trains_faster.py.
FILE = "test_training_speed.py"
TESTS = (
    "test_slightly_smoothed_kinks_take_no_more_evaluations",
    "test_well_smoothed_kinks_take_no_more_evaluations",
    "test_slightly_smoothed_kinks_take_no_more_steps",
    "test_well_smoothed_kinks_take_no_more_steps",
)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|EXPRESSION...]")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of all networks.")
@click.option(
    "--out", default=None, metavar="DIR", help=f"Write {TABLE} and {PICTURE} into this folder, which must be there."
)
def pairs(names: tuple[str, ...], seed: str, out: str | None) -> None:
    """Smooth the kinks of activations, nothing else, and compare what they cost.

    Without names: the kinked functions of the catalogue, and hardtanh(1.5*x + 0.75). With --out the steps that the
    limiting kernel predicts are drawn beside those that networks take, over all activations. What the verdicts are
    does not change how the command ends.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.compare.pairs import KINKED, judged_pairs
    from theory_check.compare.pairs_text import pairs_page, pairs_table
    from theory_check.neural_ode.figures.training_steps import FULL, training_steps
    from theory_check.pictures.drawing import draw_file
    from theory_check.search.request import make_request

    if out is not None and not (Path(out).is_dir() and os.access(out, os.W_OK | os.X_OK)):
        raise click.ClickException(f"--out must be a folder that can be written to, got {out!r}")
    try:
        request = make_request(activations=names, seed=seed)
        # One compute thread, so that sums are taken in one order.
        torch.set_num_threads(1)
        with threadpool_limits(limits=1):
            found = list(judged_pairs(request, _properties(), names or KINKED, lambda line: click.echo(line, err=True)))
            click.echo(pairs_table(found), nl=False)
            if out is None:
                return
            click.echo("steps predicted and steps taken", err=True)
            (figure,) = training_steps(request.seed, FULL)
    except ValueError as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    command = shlex.join(["theory-check", "pairs", *names, "--seed", str(request.seed), "--out", out])
    draw_file(figure.picture, Path(out) / PICTURE)
    text = pairs_page(found, figure, command, request.seed, PICTURE)
    (Path(out) / TABLE).write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"written: {Path(out) / TABLE}, {Path(out) / PICTURE}")


def _properties() -> "dict[str, Property]":
    from theory_check.runs.properties import load_property
    from theory_check.search.property import property_of

    found = {}
    for test in TESTS:
        module, function = load_property(f"{FILE}::{test}")
        prop = property_of(getattr(module, function))
        if prop is None:
            raise click.ClickException(f"{FILE}::{test} is no property here")
        found[test] = prop
    return found

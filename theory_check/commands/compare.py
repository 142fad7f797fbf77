"""`theory-check compare`: activations side by side, ranked by a stated rule, each number with its evidence."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.neural_ode.case import Data
    from theory_check.search.property import Property
    from theory_check.search.request import Request

# Properties by the names that reports give them.
TESTS = (
    "test_unique_solutions.py::test_forward_solution_exists_and_is_unique",
    "test_unique_solutions.py::test_adjoint_solution_is_unique",
)


@click.command()
@click.argument("names", nargs=-1, metavar="NAME|EXPRESSION|MODULE:NAME...")
@click.option("--data", default="digits", show_default=True, metavar="digits|sphere|FILE.npy|FILE.csv", help="Inputs.")
@click.option("--rows", default=8, show_default=True, type=click.IntRange(1, 256), help="Of digits or sphere.")
@click.option("--dimension", default=16, show_default=True, type=click.IntRange(2, 1_000), help="Of sphere.")
@click.option("--width", default=64, show_default=True, type=click.IntRange(1, 4_096), help="Of the networks.")
@click.option(
    "--networks", default=16, show_default=True, type=click.IntRange(8, 1_000), help="The same for all activations."
)
@click.option("--sigma-u", default=1.0, show_default=True, type=float, help="Scale of the input weights.")
@click.option("--sigma-w", default=1.0, show_default=True, type=float, help="Scale of the recurrent weights.")
@click.option("--sigma-v", default=1.0, show_default=True, type=float, help="Scale of the output weights.")
@click.option("--horizon", default=1.0, show_default=True, type=float, help="Final time T.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Of networks and of sphere.")
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where networks run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--page", default=None, metavar="FILE.html", help="Write the table as a page as well.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def compare(
    names: tuple[str, ...],
    data: str,
    rows: int,
    dimension: int,
    width: int,
    networks: int,
    sigma_u: float,
    sigma_w: float,
    sigma_v: float,
    horizon: float,
    seed: str,
    device: str,
    page: str | None,
    *,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Rank activations for a Neural ODE: uniqueness, gradient error, solver evaluations, kernel, convergence.

    What an activation cannot do is a finding in the table.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.compare import comparison
    from theory_check.compare.comparison_writer import render_json, write_comparison_page
    from theory_check.compare.table import print_comparison
    from theory_check.neural_ode.model import NeuralODE
    from theory_check.reporting.records import ReportError
    from theory_check.search.request import make_request

    try:
        request = make_request(activations=names, data=data, seed=seed, device=device, trust_code=trust_code)
        _require_two(request, names)
        model = NeuralODE(sigma_u=sigma_u, sigma_w=sigma_w, sigma_v=sigma_v, horizon=horizon)
        if page is not None:
            _require_page(Path(page))
        inputs = _inputs(request, rows, dimension)
        plan = comparison.Plan(request, inputs, data, model, width, networks)
        # One compute thread, so that sums are taken in one order.
        torch.set_num_threads(1)
        with threadpool_limits(limits=1):
            found = comparison.compare(plan, properties_of_uniqueness(), lambda step: click.echo(step, err=True))
        if page is not None:
            write_comparison_page(found, Path(page))
    except (ValueError, MemoryError, ReportError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    if as_json:
        click.echo(render_json(found), nl=False)
        return
    print_comparison(found)
    if request.data_note:
        click.echo(f"note: {request.data_note}")
    if page is not None:
        click.echo(f"page: {page}")


def _require_two(request: "Request", names: tuple[str, ...]) -> None:
    distinct = {request.load(name).expression: name for name in request.activations}
    if len(distinct) < 2:
        given = ", ".join(names) or "none"
        raise ValueError(f"a comparison needs two different activations at least, got {given}")


def _require_page(page: Path) -> None:
    if page.suffix != ".html" or page.is_dir():
        raise ValueError(f"--page must be a file that ends in .html, got {str(page)!r}")
    if not os.access(page.absolute().parent, os.W_OK | os.X_OK):
        raise ValueError(f"--page must lie in a folder that can be written to, got {str(page)!r}")


def _inputs(request: "Request", rows: int, dimension: int) -> "Data":
    from theory_check.neural_ode.case import Digits, Sphere, materialise

    if isinstance(request.data, str):
        given: Data = Digits(tuple(range(rows))) if request.data == "digits" else Sphere(rows, dimension, request.seed)
        materialise(given)  # too many rows for a dimension are refused here
        return given
    if request.data is None:
        raise ValueError("--data must be digits, sphere, FILE.npy or FILE.csv, got ''")
    given_rows: Data = request.data
    return given_rows


def properties_of_uniqueness() -> "dict[str, Property]":
    """The properties of the claims that a comparison judges, by claim."""
    from theory_check.runs.properties import load_property
    from theory_check.search.property import property_of

    found = {}
    for test in TESTS:
        module, function = load_property(test)
        prop = property_of(getattr(module, function))
        if prop is None:
            raise click.ClickException(f"{test} is no property here")
        found[prop.claim.id] = prop
    return found

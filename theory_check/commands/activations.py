"""`theory-check activations`: the catalogue with its bounds, and what the random strategies draw."""

from collections import Counter

import click

CLASSES = ("smooth", "kinked", "polynomial", "not-lipschitz")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|EXPRESSION]...")
@click.option("--draws", default=0, type=click.IntRange(0, 10_000), help="Draw so many; show the distribution.")
@click.option("--class", "kind", default="smooth", show_default=True, type=click.Choice(CLASSES), help="Class to draw.")
@click.option("--seed", default=0, type=click.IntRange(0, 2**63 - 1), show_default=True, help="Of the draws.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def activations(names: tuple[str, ...], draws: int, kind: str, seed: int, *, trust_code: bool) -> None:
    """Show activations with their bounds (the catalogue, or the given ones), or a sample of random ones."""
    from theory_check.neural_ode.activations.catalogue import CATALOGUE
    from theory_check.search.request import Request, RequestError, make_request

    if draws:
        _show_draws(draws, kind, seed)
        return
    try:
        request: Request = make_request(activations=names, trust_code=trust_code)
    except RequestError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{'name':24} {'class':14} {'L1':>10} {'L2':>10}  {'bounds':9} kinks")
    for name in request.activations or CATALOGUE:
        a = request.load(name)
        kinks = ", ".join(f"{kink:g}" for kink in a.kinks)
        bounds = f"{a.lipschitz:>10.6g} {a.derivative_lipschitz:>10.6g}"
        click.echo(f"{a.name:24} {a.classification:14} {bounds}  {a.bounds:9} {kinks}")


def _show_draws(draws: int, kind: str, seed: int) -> None:
    import hypothesis

    from theory_check.neural_ode import strategies
    from theory_check.neural_ode.activations.activation import Activation

    drawn: list[Activation] = []
    source = {
        "smooth": strategies.smooth_activations,
        "kinked": strategies.kinked_activations,
        "polynomial": strategies.polynomial_activations,
        "not-lipschitz": strategies.not_lipschitz_activations,
    }[kind]()

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=draws, database=None, deadline=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(activation=source)
    def collect(activation: Activation) -> None:
        drawn.append(activation)

    collect()
    sizes = Counter(activation.operators for activation in drawn)
    click.echo(f"{len(drawn)} draws of class {kind}, {len({a.expression for a in drawn})} different")
    for size in sorted(sizes):
        share = sizes[size] / len(drawn)
        click.echo(f"  {size:3} operators: {sizes[size]:5} {share:6.1%} {'#' * round(60 * share)}")
    large = sum(count for size, count in sizes.items() if size >= 3) / len(drawn)
    click.echo(f"three operators or more: {large:.0%}")
    for activation in drawn[:: max(1, len(drawn) // 8)][:8]:
        click.echo(f"  {activation.expression}")

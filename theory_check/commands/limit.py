"""`theory-check limit`: the limiting kernels of given inputs, their eigenvalues and what is proved of the smallest."""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory_check.neural_ode.activations.activation import Activation
    from theory_check.neural_ode.limits.kernels import LimitKernels

SHADES = " .:-=+*#%@"
# A heat map wider than this wraps on a terminal.
WIDEST_MAP = 60


@click.command()
@click.argument("activation", metavar="ACTIVATION")
@click.option("--data", default="digits", show_default=True, metavar="digits|sphere|FILE.npy|FILE.csv", help="Inputs.")
@click.option("--rows", default=16, show_default=True, type=click.IntRange(1, 1_797), help="Of digits or sphere.")
@click.option("--dimension", default=16, show_default=True, type=click.IntRange(2, 10_000), help="Of sphere.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Of sphere.")
@click.option("--sigma-u", default=1.0, show_default=True, type=float, help="Scale of the input weights.")
@click.option("--sigma-w", default=1.0, show_default=True, type=float, help="Scale of the recurrent weights.")
@click.option("--sigma-v", default=1.0, show_default=True, type=float, help="Scale of the output weights.")
@click.option("--horizon", default=1.0, show_default=True, type=float, help="Final time T.")
@click.option("--layers", default=None, type=int, metavar="L", help="Of the residual network in place of the ODE.")
@click.option(
    "--tolerance",
    default=None,
    type=float,
    help="Wanted for every entry.  [default: 1e-10; 1e-6 where a higher derivative of phi jumps, 1e-4 where phi' does]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", default=None, metavar="FILE.npz", help="Write kernels, error bounds and inputs to this file.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def limit(
    activation: str,
    data: str,
    rows: int,
    dimension: int,
    seed: str,
    layers: int | None,
    tolerance: float | None,
    out: str | None,
    *,
    as_json: bool,
    trust_code: bool,
    **scales: float,
) -> None:
    """Compute the NNGP and tangent kernels of the Neural ODE at infinite width, each entry with its error bound.

    Exit status 0 when every bound is within the tolerance, 3 when one is not, 2 when there are no kernels.
    """
    from theory_check.neural_ode.limits.kernels import limit_kernels
    from theory_check.neural_ode.limits.layers import layer_kernels
    from theory_check.neural_ode.model import NeuralODE
    from theory_check.search.request import make_request

    try:
        request = make_request(activations=(activation,), data=data, seed=seed, trust_code=trust_code)
        if out is not None:
            _require_file(Path(out))
        inputs = _inputs(request.data, rows, dimension, request.seed)
        phi, model = request.load(request.activations[0]), NeuralODE(**scales)
        tolerance = reachable_tolerance(phi) if tolerance is None else tolerance
        if layers is None:
            kernels = limit_kernels(phi, inputs, model, tolerance)
        else:
            kernels = layer_kernels(phi, inputs, model, layers, tolerance)
    except OverflowError:
        given = ", ".join(f"{name} = {value:g}" for name, value in scales.items())
        raise click.ClickException(f"the kernels overflow at these scales: {given}; smaller ones would do") from None
    except (ValueError, ArithmeticError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    settings = {"activation": phi.name, "data": data, **scales, "layers": layers, "tolerance": tolerance}
    if out is not None:
        _write(Path(out), kernels, inputs, settings)
    summary = _summary(kernels, settings)
    if request.data_note:
        summary["note"] = request.data_note
    if as_json:
        summary |= {"nngp": kernels.nngp.tolist(), "tangent": kernels.tangent.tolist()}
        click.echo(json.dumps(summary, allow_nan=False, indent=1))
    else:
        _show(summary, kernels)
    click.get_current_context().exit(0 if kernels.error_bound <= tolerance else 3)


def reachable_tolerance(activation: "Activation") -> float:
    """What can be had of every entry for inputs on the sphere and sigma_w T = 1.

    Series converge geometrically for phi with derivatives of every order. Where one of them jumps they converge like a
    power of their length: the bounds that are reached are about 1e-7 for ELU, and 1e-5 for abs.
    """
    if activation.differentiable:
        return 1e-10
    return 1e-6 if activation.is_smooth else 1e-4


def _inputs(data: Any, rows: int, dimension: int, seed: int) -> "NDArray[np.float64]":
    from theory_check.neural_ode.case import Digits, Sphere, materialise

    if data == "digits":
        return materialise(Digits(tuple(range(rows))))
    if data == "sphere":
        return materialise(Sphere(rows, dimension, seed))
    return materialise(data)


def _summary(kernels: "LimitKernels", settings: dict[str, Any]) -> dict[str, Any]:
    """Everything but the matrices; a bound that is infinite is null, since JSON has no infinity."""
    import numpy as np

    from theory_check.judge.definiteness import certified_lower_bound

    spectra = {}
    pairs = {"nngp": (kernels.nngp, kernels.nngp_error), "tangent": (kernels.tangent, kernels.tangent_error)}
    for name, (kernel, error) in pairs.items():
        known = bool(np.isfinite(error).all())
        certificate = certified_lower_bound(kernel, error) if known else None
        lower = certificate.lower_bound if certificate is not None else -np.inf
        spectra[name] = {
            "eigenvalues": np.linalg.eigvalsh(kernel)[::-1].tolist(),
            "smallest_eigenvalue_above": lower if np.isfinite(lower) else None,
            "positive_definite": certificate is not None and certificate.certified,
            "error_bound": float(error.max()) if known else None,
        }
    return {
        **settings,
        "inputs": len(kernels.nngp),
        "error_bound": kernels.error_bound if np.isfinite(kernels.error_bound) else None,
        "rigorous": kernels.rigorous,
        "estimated": list(kernels.estimated),
        "nodes": kernels.nodes,
        "spectra": spectra,
    }


def _show(summary: dict[str, Any], kernels: "LimitKernels") -> None:
    layers = "Neural ODE" if summary["layers"] is None else f"residual network of {summary['layers']} layers"
    click.echo(f"{layers}, {summary['activation']}, {summary['inputs']} inputs, infinite width")
    if "note" in summary:
        click.echo(f"note: {summary['note']}")
    from theory_check.reporting.rounding import rounded_down

    trust = "proved" if summary["rigorous"] else f"of it estimated: {', '.join(summary['estimated'])}"
    bound = "unbounded" if summary["error_bound"] is None else f"at most {summary['error_bound']:.2g}"
    click.echo(f"error of every entry {bound} ({trust}); {summary['nodes']} nodes in time")
    if kernels.error_bound > summary["tolerance"]:
        click.echo(f"the tolerance {summary['tolerance']:g} was not reached")
    for name, kernel in (("nngp", kernels.nngp), ("tangent", kernels.tangent)):
        spectrum = summary["spectra"][name]
        values, lower = spectrum["eigenvalues"], spectrum["smallest_eigenvalue_above"]
        click.echo(f"\n{name} kernel: largest eigenvalue {values[0]:.6g}, smallest {values[-1]:.6g}")
        if spectrum["positive_definite"]:
            click.echo(f"  positive definite: smallest eigenvalue certified above {rounded_down(lower, 6)}")
            if spectrum["error_bound"] > 0:
                click.echo(f"  which is {lower / spectrum['error_bound']:.2g} times the error of an entry")
        else:
            click.echo("  not certified positive definite")
        for line in _heat_map(kernel):
            click.echo(f"  {line}")


def _heat_map(kernel: "NDArray[np.float64]") -> list[str]:
    """One shade for each entry, from the least to the greatest; nothing where it would not fit a terminal."""
    if len(kernel) > WIDEST_MAP:
        return [f"(heat map left out: more than {WIDEST_MAP} inputs; --out has the numbers)"]
    low, high = float(kernel.min()), float(kernel.max())
    span = (high - low) or 1.0
    shades = [[SHADES[min(9, int(10 * (value - low) / span))] * 2 for value in row] for row in kernel]
    return [f"{low:.4g} '{SHADES}' {high:.4g}", *("".join(row) for row in shades)]


def _require_file(out: Path) -> None:
    """Check before the work that the file can be written; nothing stays behind."""
    if out.suffix != ".npz":
        raise ValueError(f"--out must end in .npz, got {str(out)!r}")
    if out.is_dir() or not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise ValueError(f"--out must be a file in a folder that can be written, got {str(out)!r}")


def _write(out: Path, kernels: "LimitKernels", inputs: "NDArray[np.float64]", settings: dict[str, Any]) -> None:
    """The archive in one rename: a reader sees the old file or the new one."""
    import numpy as np

    partial = out.with_name(f".{out.stem}.{secrets.token_hex(8)}.npz")
    try:
        np.savez(
            partial,
            nngp=kernels.nngp,
            tangent=kernels.tangent,
            nngp_error=kernels.nngp_error,
            tangent_error=kernels.tangent_error,
            inputs=inputs,
            settings=json.dumps(settings),
        )
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise click.ClickException(f"cannot write {str(out)!r}: {error.strerror or error}") from None

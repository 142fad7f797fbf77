"""Claim limits-commute: networks whose width and depth grow together converge at the rate of the width."""

from collections.abc import Callable

import msgspec
import pytest

from theory_check.judge.profile import PROFILES
from theory_check.judge.rates import MOST_AFRESH
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.measurements import limits_commute
from theory_check.neural_ode.measurements.limits_commute import FIRST_DEPTH, NETWORKS, JointLadder
from theory_check.neural_ode.measurements.width_ladder import Kind
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.ensemble import EnsembleResult
from theory_check.neural_ode.planted.defects import planted

LADDER = msgspec.structs.replace(PROFILES["quick"], kernel_rungs=(32, 64, 128, 256, 512))
NARROW = msgspec.structs.replace(PROFILES["quick"], kernel_rungs=(4, 8, 16, 32, 64))


def on_sphere(expression: str, *, inputs: int = 2, horizon: float = 1.0) -> Case:
    """Points in three dimensions."""
    return Case(
        activation=expression, data=Sphere(inputs, 3, 0), width=8, neural_ode=NeuralODE(sigma_v=1.5, horizon=horizon)
    )


@pytest.mark.parametrize("kind", ["nngp", "tangent"])
@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)"])
def test_growing_width_and_depth_together_converge_at_the_rate_of_the_width(
    expression: str, kind: Kind, another: Callable[..., object]
) -> None:
    """Widths 32 to 512, depths 4 to 16: supported, -1/2, for both kernels."""
    result = JointLadder(on_sphere(expression), another(profile=LADDER), kind)(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 0.5) <= 0.1
    assert result.sizes == LADDER.kernel_rungs


def test_weights_that_are_not_shared_do_not_converge(another: Callable[..., object]) -> None:
    """Another W in every layer: the error stays, however wide and deep."""
    with planted("weights-resampled"):
        result = JointLadder(on_sphere("tanh(x)"), another(profile=LADDER))(0)
    assert result.verdict is Verdict.REFUTED
    assert result.slope > -0.3


def test_a_tangent_kernel_without_its_recurrent_term_does_not_converge(another: Callable[..., object]) -> None:
    """A quarter of the kernel of the identity is missing: the error stays, however wide and deep."""
    with planted("kernel-without-recurrent-term"):
        result = JointLadder(on_sphere("x"), another(profile=LADDER), "tangent")(0)
    assert result.verdict is Verdict.REFUTED
    assert result.slope > -0.3


def test_networks_are_compared_with_the_kernels_of_their_own_depth(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Depth grows with width, in networks and limit alike; every rung and stage has networks of its own."""
    drawn_right, limit_right = limits_commute.ensemble_variances, limits_commute.layer_kernels
    networks, limits, seeds = [], [], []

    def recorded_networks(*args: object, **kwargs: object) -> EnsembleResult:
        networks.append((kwargs["width"], kwargs["steps"], kwargs["scheme"]))
        seeds.extend(kwargs["seeds"])
        return drawn_right(*args, **kwargs)

    def recorded_limits(*args: object, **kwargs: object) -> LimitKernels:
        limits.append(args[3])
        return limit_right(*args, **kwargs)

    monkeypatch.setattr(limits_commute, "ensemble_variances", recorded_networks)
    monkeypatch.setattr(limits_commute, "layer_kernels", recorded_limits)
    monkeypatch.setattr(limits_commute, "RATE_MARGIN", 0.5)  # every ladder of forty settles that
    ladder = JointLadder(on_sphere("tanh(x)"), another(profile=NARROW))
    first = ladder(0)
    assert first.looks == 2
    assert limits == [FIRST_DEPTH, 6, 8, 11, 4 * FIRST_DEPTH]
    assert networks == [(width, depth, "euler") for width, depth in zip(NARROW.kernel_rungs, limits, strict=True)]
    ladder(1)
    assert len(set(seeds)) == len(seeds) == 10 * NETWORKS
    assert ladder(0).values == first.values


def test_a_joint_ladder_that_cannot_decide_takes_more_networks(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A margin that no ladder can settle: measured afresh, once; a wide one settles it at once."""
    ladder = JointLadder(on_sphere("tanh(x)"), another(profile=NARROW))
    for margin, verdict, networks in (
        (0.5, Verdict.SUPPORTED, NETWORKS),
        (1e-3, Verdict.INCONCLUSIVE, MOST_AFRESH * NETWORKS),
    ):
        monkeypatch.setattr(limits_commute, "RATE_MARGIN", margin)
        result = ladder(0)
        assert (result.verdict, result.replicates) == (verdict, networks)

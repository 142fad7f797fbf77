"""Claim resnet-limit: residual networks of ever more layers become the Neural ODE."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.depth_ladder import DEPTH_MARGIN, DEPTH_RATE, DepthLadder
from theory_check.neural_ode.measurements.resnet_limit import LADDER, ResidualNetworks
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths

FEW = Sizes(inputs=(1, 2), dimensions=(2, 4))


@checks(
    "resnet-limit",
    known_as="test_depth_limit.py",
    share=0.1,
    controls=planted_controls(q.DEPTH_RATE, "layer-kernels-step-off"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0, strong=True))
def test_kernels_of_the_layers_approach_those_of_the_ode(case: Case, audit: Audit) -> None:
    """At infinite width, without any noise, both kernels of L layers approach those of the ODE like 1 / L."""
    audit.rate(case, q.DEPTH_RATE, DepthLadder(case, audit.setting), expected=DEPTH_RATE, margin=DEPTH_MARGIN)


@checks(
    "resnet-limit",
    known_as="test_depth_limit.py",
    share=0.25,
    controls=planted_controls(q.NETWORK_DEPTH_RATE, "euler-step-off"),
)
@given(case=cases(smooth_activations(), width=widths(16, 64), sizes=FEW, most_growth=1.0, strong=True))
def test_states_and_gradients_of_the_layers_approach_those_of_the_ode(case: Case, audit: Audit) -> None:
    """At the width of the case, states and gradients of L layers approach those of the ODE like 1 / L."""
    networks = ResidualNetworks(case, audit.setting)
    audit.rate(
        case,
        q.NETWORK_DEPTH_RATE,
        networks.depth_ladder,
        expected=DEPTH_RATE,
        margin=DEPTH_MARGIN,
        unusable=networks.unusable(),
        details=networks.found,
    )


@checks(
    "resnet-limit",
    known_as="test_depth_limit.py",
    share=0.1,
    controls=planted_controls(q.NETWORK_GROWTH, "weights-scaled-too-little"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0, strong=True))
def test_error_of_the_layers_does_not_grow_with_width(case: Case, audit: Audit) -> None:
    """At a fixed number of layers the relative error of states and gradients stays what it is as networks widen."""
    networks = ResidualNetworks(case, audit.setting)
    audit.rate(
        case,
        q.NETWORK_GROWTH,
        networks.width_ladder,
        expected=0.0,
        margin=LADDER.growth_margin,
        unusable=networks.unusable(LADDER.depth),
    )

"""Random cases of the stratum under trial, of the paper's networks and of a user's own module."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.case.record import canonical_json
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation as load
from theory_check.neural_ode.case import Case, Data, Sphere, Weights, materialise
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strategies.activations import ACTIVATION_CLASSES, PLAIN_OF_CLASS, lipschitz_activations
from theory_check.neural_ode.strategies.data import ANY_SIZE, Sizes, data_of_stratum, rows_of_dimension
from theory_check.neural_ode.strategies.narrowing import current_narrowing
from theory_check.neural_ode.strategies.neural_odes import SCALES, arbitrary_weights, horizons, neural_odes, widths


@st.composite
def _pinned_at(draw: DrawFn, activation: Activation) -> float:
    """A kink of the activation, or any short decimal where it has none; on it or at a short distance from it."""
    points = activation.kinks or (0.0, 1.0, -1.0, 0.5)
    offset = draw(st.sampled_from((0.0, 1e-12, 1e-9, 1e-6, -1e-12, -1e-9, -1e-6)))
    return draw(st.sampled_from(points)) + offset


@st.composite
def cases(
    draw: DrawFn,
    activations: SearchStrategy[Activation] | None = None,
    *,
    width: SearchStrategy[int] | None = None,
    sizes: Sizes = ANY_SIZE,
    most_growth: float = 4.0,
    strong: bool = False,
    any_weights: bool = False,
    scales: SearchStrategy[NeuralODE] | None = None,
    input_scales: tuple[float, ...] = SCALES,
    suited: Callable[[Activation], bool] | None = None,
) -> Case:
    """Whole cases of the stratum under trial.

    Args:
        draw: supplied by Hypothesis.
        activations: where the activation comes from, unless the trial names one; any Lipschitz one by default.
        width: strategy for the width, 1 to 32 by default.
        sizes: numbers and dimensions of inputs.
        most_growth: largest sigma_w x horizon, or sigma_w x horizon x L1 where phi is steeper than 1.
        strong: for claims that a flow which hardly moves says nothing about: half of `most_growth` at least.
        any_weights: for claims about every W: structured and scaled weights beside typical ones.
        scales: strategy for scales and horizon, in place of `most_growth` and `strong`.
        input_scales: values of sigma_u, the simplest first, where `scales` is not given.
        suited: whether a measurement of the claim can see anything with a random phi; one with which it cannot gives
            way to softplus or relu, which the trial's coverage counts. A phi that the trial names stays.
    """
    narrowing = current_narrowing()
    stratum = narrowing.stratum or draw(st.sampled_from(("sphere", "digits")))
    chosen = lipschitz_activations() if activations is None else activations
    if narrowing.activations is not None:
        chosen = ACTIVATION_CLASSES[narrowing.activations]()
    activation = narrowing.activation or draw(chosen)
    # Of other classes (affine, not Lipschitz) there is no plain one to give way to.
    gives_way = (
        suited is not None
        and narrowing.activation is None
        and activation.classification in PLAIN_OF_CLASS
        and not suited(activation)
    )
    if gives_way:
        activation = load(PLAIN_OF_CLASS[activation.classification])
    data = draw(data_of_stratum(stratum, sizes, narrowing.given))
    weights = draw(arbitrary_weights()) if any_weights else Weights()
    if stratum == "pinned" and any(materialise(data)[0]):
        weights = Weights(weights.structure, weights.gain, draw(_pinned_at(activation)))
    most = most_growth / (max(1.0, activation.lipschitz) if activation.is_lipschitz else 1.0)
    if stratum == "narrow":
        width = st.sampled_from((2, 4))
    case = Case(
        activation=activation.expression,
        data=data,
        width=draw(widths() if width is None else width),
        neural_ode=draw(neural_odes(most, most / 2 if strong else 0.0, input_scales) if scales is None else scales),
        weights=weights,
        stratum=stratum,
        eta_factor=draw(st.sampled_from((2.5, 3.0, 4.0))) if stratum == "large-step" else 1.0,
    )
    if suited is not None and narrowing.activation is None:
        narrowing.gave_way.setdefault(canonical_json(case), gives_way)
    return case


@st.composite
def model_cases(draw: DrawFn, *, inputs: tuple[int, int] = (1, 3), most: float = 4.0) -> Case:
    """Whole cases of the user's own module that is on trial, of the stratum under trial.

    Args:
        draw: supplied by Hypothesis.
        inputs: how many, from and to; fewer where so many points cannot be kept apart.
        most: the longest horizon.

    Raises:
        ValueError: no model is on trial.
    """
    narrowing = current_narrowing()
    if narrowing.model is None:
        raise ValueError("no model is on trial: cases of a model are drawn for --model alone")
    reference, dimension = narrowing.model
    stratum = narrowing.stratum or "sphere"
    sizes = Sizes(inputs=inputs, dimensions=(dimension, dimension))
    data: Data
    if stratum in {"arbitrary", "zero-input"}:
        data = draw(rows_of_dimension(sizes, first_zero=stratum == "zero-input"))
    elif stratum == "crowded":
        data = Sphere(draw(st.integers(dimension + 2, 2 * dimension)), dimension, draw(st.integers(0, 9999)))
    elif stratum == "sphere":
        # On the line all points but one are parallel to another.
        most_apart = min(inputs[1], 2 * dimension if dimension > 1 else 1)
        count = draw(st.integers(min(inputs[0], most_apart), most_apart))
        data = Sphere(count, dimension, draw(st.integers(0, 9999)))
    else:
        data = draw(data_of_stratum(stratum, sizes, narrowing.given))
    return Case(
        activation=reference,
        data=data,
        width=dimension,
        neural_ode=NeuralODE(horizon=draw(horizons(most))),
        stratum=stratum,
        model="module",
    )

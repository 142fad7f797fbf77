"""Random widths, horizons, scales and weights."""

import math

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.neural_ode.case import Structure, Weights
from theory_check.neural_ode.model import NeuralODE

SCALES = (1.0, 0.5, 2.0, 0.75, 1.5, 1.25)
HORIZONS = (1.0, 0.5, 2.0, 0.25, 1.5, 0.1, 3.0, 4.0)
STRUCTURES: tuple[Structure, ...] = ("gaussian", "symmetric", "antisymmetric", "rank-one", "zero")
GAINS = (1.0, 0.5, 2.0, 0.25, 3.0)


def widths(least: int = 1, most: int = 32) -> SearchStrategy[int]:
    """Widths of the hidden state, shrinking to the least."""
    return st.integers(least, most)


def horizons(most: float = 4.0) -> SearchStrategy[float]:
    """Horizons with short decimals, shrinking to 1."""
    return st.sampled_from([h for h in HORIZONS if h <= most])


@st.composite
def neural_odes(
    draw: DrawFn, most: float = 4.0, least: float = 0.0, input_scales: tuple[float, ...] = SCALES
) -> NeuralODE:
    """Scales and horizon with short decimals, `least` <= sigma_w x horizon <= `most`; least is at most half of most."""
    horizon = draw(horizons())
    fitting = [s for s in SCALES if least <= s * horizon <= most] or [2.0 ** math.floor(math.log2(most / horizon))]
    return NeuralODE(
        sigma_u=draw(st.sampled_from(input_scales)),
        sigma_w=draw(st.sampled_from(fitting)),
        sigma_v=draw(st.sampled_from(SCALES)),
        horizon=horizon,
    )


def standard_scales() -> SearchStrategy[NeuralODE]:
    """Horizon 1 and all scales 1: for claims whose answer depends on the scales themselves."""
    return st.just(NeuralODE())


@st.composite
def arbitrary_weights(draw: DrawFn) -> Weights:
    """Weights that need not be typical: W scaled, symmetric, antisymmetric, of rank one or zero."""
    structure = draw(st.sampled_from(STRUCTURES))
    return Weights(structure, draw(st.sampled_from(GAINS)))

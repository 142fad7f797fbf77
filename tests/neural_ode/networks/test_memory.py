"""Memory is compared before it is allocated."""

import psutil
import pytest
import torch

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.memory import MemoryShortage, require_memory
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.schemes import forward
from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels


def test_what_fits_passes_and_what_does_not_is_refused() -> None:
    """Half of what is available passes; a thousand times as much is refused with the numbers in GiB."""
    available = psutil.virtual_memory().available
    require_memory(available // 2, "half")
    with pytest.raises(MemoryShortage, match=rf"^too much needs {1000 * available / 2**30:.2f} GiB, .* on cpu"):
        require_memory(1000 * available, "too much")


def test_the_stages_of_a_pass_are_counted() -> None:
    """Too many steps are refused before the first one is taken."""
    p = draw_parameters(width=64, dimension=2, seed=0)
    with pytest.raises(MemoryShortage, match="a forward pass of 1000000000 steps needs"):
        forward(CATALOGUE["tanh"], NeuralODE(), p, torch.ones(1, 2, dtype=torch.float64), steps=10**9)


def test_kernels_of_an_enormous_width_are_refused() -> None:
    """The public function refuses in one line."""
    with pytest.raises(MemoryShortage) as caught:
        empirical_kernels("tanh", torch.ones(1, 2), NeuralODE(), 10**7, 0)
    assert "\n" not in str(caught.value)

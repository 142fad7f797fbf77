"""theory_check: puts the claims of a theory paper on trial.

The public names are resolved when they are first used: importing this package loads no torch, so that the command
line answers at once and the pytest plugin costs nothing in projects that do not use it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory_check.claims.claim import Claim
    from theory_check.claims.paper import Paper
    from theory_check.claims.source import Source
    from theory_check.judge.audit import Audit
    from theory_check.judge.discrepancy import Discrepancy
    from theory_check.neural_ode.activations.activation import Activation
    from theory_check.neural_ode.activations.loading import activation
    from theory_check.neural_ode.case import Case, materialise
    from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
    from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
    from theory_check.neural_ode.limits.layers import layer_kernels
    from theory_check.neural_ode.model import NeuralODE
    from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels
    from theory_check.neural_ode.strategies import cases
    from theory_check.search.property import checks

__version__ = "0.1.0"
__all__ = [
    "Activation",
    "Audit",
    "Case",
    "Claim",
    "Discrepancy",
    "InfiniteKernel",
    "LimitKernels",
    "NeuralODE",
    "Paper",
    "Source",
    "activation",
    "cases",
    "checks",
    "empirical_kernels",
    "layer_kernels",
    "limit_kernels",
    "materialise",
]

_HOMES = {
    "Activation": "theory_check.neural_ode.activations.activation",
    "Audit": "theory_check.judge.audit",
    "Case": "theory_check.neural_ode.case",
    "Claim": "theory_check.claims.claim",
    "Discrepancy": "theory_check.judge.discrepancy",
    "InfiniteKernel": "theory_check.neural_ode.limits.dual_activation",
    "LimitKernels": "theory_check.neural_ode.limits.kernels",
    "NeuralODE": "theory_check.neural_ode.model",
    "Paper": "theory_check.claims.paper",
    "Source": "theory_check.claims.source",
    "activation": "theory_check.neural_ode.activations.loading",
    "cases": "theory_check.neural_ode.strategies",
    "checks": "theory_check.search.property",
    "empirical_kernels": "theory_check.neural_ode.networks.tangent_kernel",
    "layer_kernels": "theory_check.neural_ode.limits.layers",
    "limit_kernels": "theory_check.neural_ode.limits.kernels",
    "materialise": "theory_check.neural_ode.case",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

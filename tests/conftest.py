"""Shapes and types are checked at run time in every test, in workers of pytest-xdist too."""

from collections.abc import Iterator

import hypothesis
import jaxtyping
import pytest
from jaxtyping import install_import_hook

# A test that fails on a slow machine says nothing about the code.
hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")

# Reports that tests of several rooms build upon.
pytest_plugins = ["built_reports"]

# Before the rooms load; the records of msgspec check themselves.
install_import_hook(
    [
        "theory_check.neural_ode.activations",
        "theory_check.neural_ode.limits",
        "theory_check.neural_ode.networks",
        "theory_check.neural_ode.measurements",
        "theory_check.neural_ode.figures",
    ],
    "beartype.beartype",
)


@pytest.fixture
def without_shape_checks() -> Iterator[None]:
    """Whole audits without the check of shapes: the tests of each room make it, at five times the cost."""
    jaxtyping.config.update("jaxtyping_disable", True)  # noqa: FBT003 - its only form
    yield
    jaxtyping.config.update("jaxtyping_disable", False)  # noqa: FBT003

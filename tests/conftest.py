"""Shapes and types are checked at run time in every test, in workers of pytest-xdist too."""

import hypothesis
from jaxtyping import install_import_hook

# A test that fails on a slow machine says nothing about the code.
hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")

# Before the rooms load; the records of msgspec check themselves.
install_import_hook(
    [
        "theory_check.activations",
        "theory_check.limits",
        "theory_check.networks",
        "theory_check.measurements",
        "theory_check.figures",
    ],
    "beartype.beartype",
)

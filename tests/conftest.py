"""Shapes and types are checked at run time in every test, in workers of pytest-xdist too."""

from jaxtyping import install_import_hook

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

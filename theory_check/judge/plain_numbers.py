"""Numbers as JSON has them: Python's own, and finite."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Detail = float | int | str | bool | None


def finite(value: float | None) -> float | None:
    """A Python float, or None for what is no number."""
    return None if value is None or not math.isfinite(value) else float(value)


def plain(details: Mapping[str, Any]) -> dict[str, Detail]:
    """Numbers of NumPy as those of Python; what is not finite is left out."""
    native = {name: value.item() if isinstance(value, np.generic) else value for name, value in details.items()}
    return {name: value for name, value in native.items() if not isinstance(value, float) or math.isfinite(value)}

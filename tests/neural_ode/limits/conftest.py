"""Inputs that several files of tests share."""

import numpy as np
import pytest

from theory_check.neural_ode.case import Sphere, materialise


@pytest.fixture(scope="session")
def points() -> np.ndarray:
    """Four points on the sphere in R^4."""
    return materialise(Sphere(4, 4, 3))

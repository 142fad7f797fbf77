"""Bounds of the change of a dual activation against changes that are made."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.dual_activation import dual_of
from theory_check.neural_ode.limits.marginals import Dual
from theory_check.neural_ode.limits.sensitivity import ArgumentErrors, Sizes, change


def value(dual: Dual, q: float, a: float, b: float) -> tuple[float, float]:
    """G(q, a, b), and the bound of its own rounding."""
    left, right = (dual.marginals(np.array([[v]])) for v in (a, b))
    rho = np.clip(np.array([[[q / math.sqrt(a * b)]]]), -1.0, 1.0)
    return float(dual.values(left, right, rho)[0, 0, 0]), float(dual.error(left, right, rho)[0, 0, 0])


@pytest.mark.parametrize(
    ("name", "slope"), [("softplus", False), ("softplus", True), ("relu", False), ("relu", True), ("hardtanh", True)]
)
@given(
    a=st.floats(0.2, 4.0),
    b=st.floats(0.2, 4.0),
    rho=st.one_of(st.floats(-0.98, 0.98), st.sampled_from([1.0, -1.0, 0.9999])),
    moves=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
    scale=st.sampled_from([1.0, 1e-1, 1e-2, 1e-4]),
    across_jumps=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_change_exceeds_its_bound(
    name: str,
    slope: bool,  # noqa: FBT001 (parametrised)
    a: float,
    b: float,
    rho: float,
    moves: tuple[float, float, float],
    scale: float,
    across_jumps: bool,  # noqa: FBT001 (drawn)
) -> None:
    """Covariance and variances are moved within their errors."""
    phi = activation(name)
    dual = dual_of(phi).slope if slope else dual_of(phi).value
    q, least = rho * math.sqrt(a * b), min(a, b)
    moved = [v + scale * m * least * 0.1 for v, m in zip((q, a, b), moves, strict=True)]
    moved[0] = float(np.clip(moved[0], -math.sqrt(moved[1] * moved[2]), math.sqrt(moved[1] * moved[2])))
    (before, rounding), (after, other) = value(dual, q, a, b), value(dual, *moved)
    most = max(a, b, moved[1], moved[2])
    moment = float(dual.marginals(np.array([[most]])).second_moment[0, 0])
    first, second = (phi.derivative_lipschitz, math.inf) if slope else (phi.lipschitz, phi.derivative_lipschitz)
    supremum = phi.lipschitz if slope else phi.supremum
    # |phi'|^2 <= 1 for all of these, where E phi'^2 need not increase with the variance.
    jumps = {"relu": 1.0, "hardtanh": 2.0}.get(name, 0.0) if slope else 0.0
    sizes = Sizes(
        np.array([max(moment, 1.0) if slope else moment]),
        np.array([first**2]),
        first,
        second,
        supremum,
        jumps if across_jumps else 0.0,
        phi.curvature if across_jumps else math.inf,
    )
    errors = ArgumentErrors(
        np.array([[[abs(moved[0] - q)]]]),
        np.array([[abs(moved[1] - a)]]),
        np.array([[abs(moved[2] - b)]]),
        np.array([[a]]),
        np.array([[b]]),
    )
    bound = change(sizes, errors, np.array([[[q / math.sqrt(a * b)]]]), dual.terms, same=False)[0, 0, 0]
    assert abs(after - before) <= bound + rounding + other
    # A bound that says nothing would pass: it shrinks with the errors, at worst like their root. At |rho| = 1 the
    # series alone knows no better than the size of the expectation.
    assert (abs(rho) > 0.99 and not across_jumps) or bound <= 40.0 * math.sqrt(scale) * max(1.0, most)

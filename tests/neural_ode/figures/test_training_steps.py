"""Steps predicted and taken: the figure's data, and its rank correlation."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from theory_check.neural_ode.figures.training_steps import QUICK, rank_correlation, training_steps


def test_the_prediction_orders_activations_as_networks_do() -> None:
    """Smooth and kinked ones in one order, on one line; the sentence has the numbers of the picture."""
    (figure,) = training_steps(0, QUICK)
    smooth, kinked, line = figure.picture.series
    assert (len(smooth.x), len(kinked.x)) == (3, 2)
    assert line.x == line.y
    predicted, taken = np.array(smooth.x + kinked.x), np.array(smooth.y + kinked.y, dtype=float)
    assert stats.spearmanr(predicted, taken).statistic >= 0.7
    assert np.abs(np.log(taken / predicted)).max() < np.log(2.0)
    for series in (smooth, kinked):
        assert series.low is not None
        assert series.high is not None
        assert all(low < y < high for low, y, high in zip(series.low, series.y, series.high, strict=True))  # type: ignore[operator]
    assert f"softplus {max(taken):.3g}" in figure.seen
    assert "of 5." in figure.seen


def test_rank_correlations_are_those_of_single_networks() -> None:
    """One that is ordered as predicted and one that is not have a mean of 0; the interval stays within [-1, 1]."""
    predicted = np.array([1.0, 2.0, 3.0, 4.0])
    found = rank_correlation(predicted, np.array([[1.0, 9.0], [2.0, 8.0], [3.0, 7.0], [4.0, 6.0]]))
    assert found.mean == pytest.approx(0.0, abs=1e-12)
    assert found.interval == (-1.0, 1.0)
    same = rank_correlation(predicted, np.tile(predicted[:, None] ** 2, 5))
    assert (same.mean, same.interval) == (pytest.approx(1.0), pytest.approx((1.0, 1.0)))


def test_the_interval_of_the_mean_correlation_covers_it() -> None:
    """Against simulated networks: in 0.999 of samples, as near as 1,000 of them can tell."""
    generator = np.random.default_rng(0)
    predicted = np.arange(8.0)

    def networks(count: int) -> np.ndarray:
        return predicted[:, None] + 2.0 * generator.standard_normal((8, count))

    expected = rank_correlation(predicted, networks(20_000)).mean
    inside = [low <= expected <= high for low, high in (rank_correlation(predicted, networks(15)).interval,) * 1]
    for _ in range(299):
        low, high = rank_correlation(predicted, networks(15)).interval
        inside.append(low <= expected <= high)
    assert sum(inside) >= 295


def test_one_network_has_no_interval() -> None:
    """Nor do two activations have an order to speak of."""
    with pytest.raises(ValueError, match="two networks are needed, got 1"):
        rank_correlation(np.arange(3.0), np.ones((3, 1)))
    with pytest.raises(ValueError, match="activations must be an integer of at least 3, got 2"):
        msgspec.structs.replace(QUICK, activations=("relu", "tanh"))

"""A change of source is in force wherever a function is used, and gone afterwards."""

import pytest
import torch

from theory_check.judge import error_budget
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.error_budget import checked_p_value
from theory_check.neural_ode.networks.gradients import loss
from theory_check.neural_ode.planted.mutation import MutationError, edited

BUDGET = "theory_check.judge.error_budget:"


def test_importers_see_the_change_too() -> None:
    """The name that this file imported and the attribute of the module are one function."""
    with edited(BUDGET + "checked_p_value", "return value", "return 0.25"):
        assert checked_p_value(0.5) == error_budget.checked_p_value(0.5) == 0.25
    assert checked_p_value(0.5) == 0.5


def test_a_node_is_found_however_its_source_is_laid_out() -> None:
    """Blanks, line breaks and parentheses do not matter; what replaces a statement may be several."""
    with edited(BUDGET + "checked_p_value", "return (\n    value\n)", "value = 0.5 * value\nreturn value"):
        assert checked_p_value(0.5) == 0.25
    ones = torch.ones(2, 1, dtype=torch.float64)
    with edited("theory_check.neural_ode.networks.gradients:loss", "0.50", "(2.0)"):
        assert float(loss(ones, 0 * ones)) == 4.0


def test_the_right_code_comes_back_after_an_exception() -> None:
    """A planted function may raise whatever it likes."""
    with pytest.raises(ZeroDivisionError), edited(BUDGET + "checked_p_value", "return value", "return 1 / 0"):
        checked_p_value(0.5)
    assert checked_p_value(0.5) == 0.5


def test_methods_properties_and_decorated_functions() -> None:
    """Of a class, of a dataclass, and behind the decorators of the type checker."""
    budget = error_budget.ErrorBudget(1e-6, 10)
    with edited(BUDGET + "ErrorBudget.spend", "self._calls += 1", "self._calls += 3"):
        budget.spend()
    assert budget.calls == 3
    weak = Discrepancy("q", 0.0, 1.0, scale=1.0)
    with edited("theory_check.judge.discrepancy:Discrepancy.powerless", "return self.unusable\n", "return ''\n"):
        assert weak.powerless
    ones = torch.ones(2, 1, dtype=torch.float64)
    with edited("theory_check.neural_ode.networks.gradients:loss", "0.5", "2.0"):
        assert float(loss(ones, 0 * ones)) == 4.0
    assert float(loss(ones, 0 * ones)) == 1.0


@pytest.mark.parametrize(
    ("target", "old", "message"),
    [
        ("checked_p_value", "no_such_piece", "must occur once in .*, found 0 times"),
        ("checked_p_value", "value", "found [0-9]+ times"),
        ("checked_p_value", "no such piece", "is no expression and no statement"),
        ("no_such_function", "x", "no function"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(target: str, old: str, message: str) -> None:
    """A defect that plants nothing would pass for one that survives."""
    with pytest.raises(MutationError, match=message), edited(BUDGET + target, old, "y"):
        pytest.fail("nothing was planted")

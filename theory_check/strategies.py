"""The strategies of the paper that ships with theory_check, where users import them from."""

from theory_check.neural_ode.strategies import *  # noqa: F403 - all of them, and nothing else
from theory_check.neural_ode.strategies import __all__  # noqa: F401 - which are these

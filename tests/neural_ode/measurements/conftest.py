"""What measurements run on in these tests: a setting with seeds, and cases drawn as an audit draws them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis.strategies import SearchStrategy

from theory_check.case.record import Seeds
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Digits, Explicit, materialise
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strategies import Narrowing, Sizes, cases, narrowed, widths

SEEDS = Seeds(0, "tests")


@dataclass(frozen=True)
class Bench(Setting):
    """A setting that prepares cases as well."""

    seeds: Seeds = SEEDS
    load: Callable[[str], Activation] = activation

    def instance(self, case: Case, **changed: object) -> Instance:
        """A case, changed here and there, ready to be measured."""
        return prepare(replace_fields(case, **changed), self)


def replace_fields(case: Case, **changed: object) -> Case:
    """The case with other fields."""
    fields = {name: getattr(case, name) for name in case.__struct_fields__}
    return Case(**{**fields, **changed})


def _drawn(
    activations: SearchStrategy[Activation],
    stratum: str,
    count: int,
    *,
    seed: int = 0,
    width: tuple[int, int] = (1, 24),
    inputs: tuple[int, int] = (1, 3),
    any_weights: bool = True,
    most_growth: float = 4.0,
) -> list[Case]:
    """Cases of a stratum, as the properties draw them."""
    strategy = cases(
        activations,
        width=widths(*width),
        sizes=Sizes(inputs=inputs, dimensions=(1, 4)),
        any_weights=any_weights,
        most_growth=most_growth,
    )
    found: list[Case] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, phases=(Phase.generate,))
    @hypothesis.given(strategy)
    def collect(case: Case) -> None:
        found.append(case)

    materialise(Digits((0,)))  # importing scikit-learn inside a strategy would disturb the draws
    with narrowed(Narrowing(stratum=stratum)):
        collect()
    return found


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The setting of the quick profile."""
    return Bench()


@pytest.fixture(scope="session")
def drawn() -> Callable[..., list[Case]]:
    """A factory of drawn cases."""
    return _drawn


@pytest.fixture(scope="session")
def changed() -> Callable[..., Case]:
    """The same case with other fields."""
    return replace_fields


@pytest.fixture(scope="session")
def another() -> Callable[..., Bench]:
    """The setting with another seed, profile or claim."""
    return lambda **fields: replace(Bench(), **fields)


@pytest.fixture(scope="session")
def one_neuron() -> Callable[..., Case]:
    """A case of one input and one neuron, to be given its weights by hand."""

    def make(expression: str, *, horizon: float = 1.0, x: float = 1.0) -> Case:
        return Case(
            activation=expression,
            data=Explicit(((x,),)),
            width=1,
            neural_ode=NeuralODE(horizon=horizon),
            stratum="arbitrary",
        )

    return make

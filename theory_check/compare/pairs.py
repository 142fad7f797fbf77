"""Kinked activations beside their mollifications, judged by the properties of the claim on them, on stated cases."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from theory_check.judge.verdict import Outcome
from theory_check.neural_ode.activations.mollification import is_piecewise_linear
from theory_check.neural_ode.case import Case, Data, Digits, Sphere
from theory_check.neural_ode.claims.vocabulary import Stratum
from theory_check.search.property import Property
from theory_check.search.request import Request
from theory_check.search.trial import judge_case

CLAIM = "smooth-trains-faster"
# The kinked functions of the catalogue, and one that is neither odd nor even nor unbounded.
KINKED = ("relu", "leaky_relu", "abs", "hardtanh", "hardtanh(1.5*x + 0.75)")
# As the claim's strategies draw them: inputs and width.
DATA: dict[Stratum, Data] = {"sphere": Sphere(6, 4, 0), "digits": Digits(tuple(range(6)))}
WIDTH = 64


def judged_pairs(
    request: Request,
    properties: Mapping[str, Property],
    activations: Sequence[str] = KINKED,
    progress: Callable[[str], None] = lambda _line: None,
) -> Iterator[Outcome]:
    """The outcome of every activation on every data set by every property of the claim, in this order.

    Args:
        request: root seed and device; its activations are not asked for.
        properties: of the claim, by name, in the order in which they are reported.
        activations: names or expressions, piecewise linear with a kink.
        progress: is told what is judged next.

    Raises:
        ValueError: an activation that has no kinks to smooth; nothing has been judged then.
    """
    loaded = {name: request.load(name) for name in activations}
    for name, phi in loaded.items():
        if not is_piecewise_linear(phi):
            raise ValueError(f"{name} must be piecewise linear with a kink: only kinks can be smoothed")
    for name, phi in loaded.items():
        for source, data in DATA.items():
            case = Case(activation=phi.expression, data=data, width=WIDTH, stratum=source)
            for test, prop in properties.items():
                progress(f"{name} on {source}: {test.removeprefix('test_').replace('_', ' ')}")
                yield judge_case(prop, case, request)

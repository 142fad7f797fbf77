"""Where checks are made: the root seed, and references that all solvers of a library share."""

from dataclasses import dataclass, field

from theory_check.conformance.case import Trialled, canonical
from theory_check.conformance.drawing import problem_of
from theory_check.conformance.problem import Problem
from theory_check.conformance.reference import Reference

KEPT = 2048


@dataclass
class Bench:
    """One run's problems and references.

    seed: root seed.
    beside_scipy: whether references are compared with SciPy's; not where SciPy is on trial.
    """

    seed: int
    beside_scipy: bool = True
    _kept: dict[tuple[object, ...], Reference] = field(default_factory=dict)

    def reference(
        self,
        trialled: Trialled,
        check: str,
        *,
        growth: float,
        exactly: bool = False,
        replicate: int = 0,
        finer: int = 1,
        alone: bool = False,
    ) -> Reference:
        """The reference of an instance's problem (`drawing.problem_of`); `alone` leaves SciPy out."""
        key = canonical(trialled), check, growth, exactly, replicate, finer, alone
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            problem = problem_of(trialled, check, self.seed, growth=growth, exactly=exactly, replicate=replicate)
            self._kept[key] = self.of(problem, finer=finer, alone=alone)
        return self._kept[key]

    def of(self, problem: Problem, *, finer: int = 1, alone: bool = False) -> Reference:
        """The reference of any problem that runs forwards."""
        return Reference(problem, beside_scipy=self.beside_scipy and not alone, finer=finer)

"""The self-test of the judge: probes are content with it, and every mutant is noticed."""

import pytest

from theory_check.neural_ode.planted.mutation import edited
from theory_check.selftest import mutants as selftest
from theory_check.selftest.mutants import MUTANTS, PROBES, Mutant, failing_probes, surviving_mutants


def test_the_judge_as_it_is_satisfies_every_probe() -> None:
    """None fails."""
    assert failing_probes() == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a probe that does not merely break down on everything: the others are content."""
    monkeypatch.setattr(selftest, "MUTANTS", (mutant,))
    assert surviving_mutants() == []
    with edited(mutant.target, mutant.old, mutant.new):
        assert 1 <= len(failing_probes()) < len(PROBES) / 2
    assert failing_probes() == []


def test_a_harmless_mutant_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else "noticed" would mean nothing."""
    harmless = Mutant(
        "harmless",
        "a comparison is written the other way round",
        "theory_check.judge.audit:Audit.at_most",
        "failing = [d for d in executed if d.error > d.bound]",
        "failing = [d for d in executed if d.bound < d.error]",
    )
    monkeypatch.setattr(selftest, "MUTANTS", (harmless,))
    assert surviving_mutants() == ["harmless"]


def test_names_are_unique() -> None:
    """A report names them."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20

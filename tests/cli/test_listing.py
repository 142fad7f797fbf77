"""Commands that only show something, and how a crash ends."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from theory_check.claims.source import source_lines
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.paper import PAPER

Run = Callable[..., tuple[int, str, str]]


def test_claims_are_listed(run: Run) -> None:
    """Every claim with its statement."""
    status, out, err = run("claims")
    assert (status, err) == (0, "")
    for claim in CLAIMS.values():
        assert f"{claim.id} ({claim.quantifier})" in out
        assert claim.statement in out


def test_readings_are_listed_apart(run: Run) -> None:
    """What the authors state first; then hedged readings, then those of a digest, each kind explained once."""
    _, out, _ = run("claims")
    places = ["\nlinear-convergence (ALL)", "\nReadings. ", "\nhedged: ", "\nsmooth-trains-faster (", "\ndigest: "]
    places += [f"\n{claim.id} (" for claim in CLAIMS.values() if claim.reading == "digest"]
    found = [out.index(place) for place in places]
    assert found == sorted(found)
    assert len(places) == 10
    assert all(out.index(f"\n{c.id} (") < out.index("\nReadings. ") for c in CLAIMS.values() if c.is_stated)
    assert "no refutation of the paper" in out


def test_a_claim_says_where_it_comes_from(run: Run) -> None:
    """Kinds, what is said, which reading is tested, other readings, both scales; nothing that no source contains."""
    status, out, _ = run("claims", "backward-unique", "spread-reduced")
    assert status == 0
    first, second = out.split("\n\n")
    for claim, text in (("backward-unique", first), ("spread-reduced", second)):
        for label, value in source_lines(CLAIMS[claim].source):
            assert f"  {label}: {value}\n" in text
    assert "this is a reading" in second
    assert "this is a reading" not in first
    assert "  tested reading: (b) " in first
    assert "Key result" not in out


def test_a_claim_is_explained(run: Run) -> None:
    """Assumptions and controls; only those asked for."""
    status, out, _ = run("claims", "adjoint-gradient")
    assert status == 0
    assert "phi and its derivative are Lipschitz" in out
    assert out.count("with the planted defect") == 3
    assert "gaussian-output" not in out


def test_activations_are_listed_with_their_bounds(run: Run) -> None:
    """The catalogue, or what is asked for."""
    status, out, _ = run("activations")
    assert status == 0
    assert re.search(r"^relu +kinked +1 +inf +proved +0$", out, re.MULTILINE)
    status, out, _ = run("activations", "2*tanh(x)")
    assert status == 0
    assert re.search(r"smooth +2 ", out)
    assert len(out.splitlines()) == 2


def test_the_distribution_of_random_activations_is_shown(run: Run) -> None:
    """At least 30 % of them have three operators or more; the same seed draws the same."""
    status, out, _ = run("activations", "--draws", "100", "--seed", "3")
    assert status == 0
    share = re.search(r"three operators or more: (\d+)%", out)
    assert share is not None
    assert int(share[1]) >= 30
    assert run("activations", "--draws", "100", "--seed", "3")[1] == out


def test_help_and_nothing(run: Run) -> None:
    """Help is no error; no command is, and shows the same."""
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert all(name in out for name in ("audit", "claims", "activations", "replay", "Exit status"))
    status, out, _ = run()
    assert status == 2
    assert "audit" in out


def test_a_crash_does_not_read_as_a_refutation(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python ends with status 1, which means that a claim failed; a crash says nothing of the claims."""
    broken = replace(PAPER, claims={"broken": None})
    monkeypatch.setattr("theory_check.claims.paper.paper_on_trial", lambda: broken)
    status, out, err = run("claims")
    assert status == 4
    assert "AttributeError" in err
    assert out.count("\n") == 1


def test_an_interruption_has_a_status_of_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shells have it: 128 + SIGINT."""

    class Interrupting(dict[str, object]):
        def values(self) -> object:  # type: ignore[override]
            raise KeyboardInterrupt

    interrupting = replace(PAPER, claims=Interrupting())
    monkeypatch.setattr("theory_check.claims.paper.paper_on_trial", lambda: interrupting)
    status, _, err = run("claims")
    assert (status, err.strip()) == (130, "theory-check: interrupted; no report was written")

"""`theory-check replay` in this process: what was tampered with does not pass."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.case.record import case_id
from theory_check.claims.claim import Unmet
from theory_check.claims.quantity import quantity_of
from theory_check.judge.evidence import Comparison
from theory_check.judge.profile import PROFILES
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.case import Sphere
from theory_check.reporting.records import Report
from theory_check.runs.assembly import assemble
from theory_check.runs.properties import load_property
from theory_check.search.plan import plans_of
from theory_check.search.property import property_of
from theory_check.search.request import Request
from theory_check.search.trial import run_trial

NAME = "test_tangent_kernel.py::test_tangent_kernel_is_positive_definite"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def report() -> Report:
    """A small audit of one property, controls included."""
    return _audited(NAME)


def _audited(name: str) -> Report:
    module, function = load_property(name)
    prop = property_of(getattr(module, function))
    assert prop is not None
    request = Request(profile=PROFILES["quick"], seed=3, activations=("softplus",))
    found = [run_trial(prop, plan, request) for plan in plans_of(prop, request)]
    return assemble(found, request=request, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)


def _supported(report: Report) -> Outcome:
    return next(outcome for outcome in report.claims[0].outcomes if outcome.verdict is Verdict.SUPPORTED)


def _written(folder: Path, report: Report, old: Outcome | None = None, **changes: Any) -> str:
    """The report as a file, with one outcome changed."""
    outcomes = [
        msgspec.structs.replace(outcome, **changes) if outcome is old else outcome
        for outcome in report.claims[0].outcomes
    ]
    claim = msgspec.structs.replace(report.claims[0], outcomes=tuple(outcomes))
    path = folder / "report.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(report, claims=(claim,))))
    return str(path)


def test_every_kind_of_outcome_reproduces(run: Run, report: Report, tmp_path: Path) -> None:
    """Supported cases, and the minimal cases of controls."""
    path = _written(tmp_path, report)
    minimal = [trial.minimal for trial in report.claims[0].trials if trial.minimal]
    assert len(minimal) == 3
    for case in [_supported(report).case_id, *minimal]:
        status, out, _ = run("replay", path, case)
        assert (status, out.splitlines()[-1]) == (0, "reproduced"), out


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("measured", 1.5),
        ("bound", 1e-300),
        ("ratio", 0.5),
        ("verdict", Verdict.REFUTED),
        ("conclusion", Conclusion.UNDECIDED),
        ("quantity", quantity_of("another", "error")),
        ("reason", "another"),
        ("comparisons", 7),
        ("evidence", Comparison(scale=99.0)),
        ("unmet", Unmet("phi is smooth", "it jumps")),
        ("defect", "adjoint-wrong-sign"),
        ("test", "test_gradients.py::test_adjoint_gradient_equals_differences"),
        ("claim", "adjoint-gradient"),
    ],
)
def test_a_tampered_value_does_not_reproduce(
    run: Run, report: Report, tmp_path: Path, field: str, value: object
) -> None:
    """Exit status 1, and the line says which."""
    outcome = _supported(report)
    path = _written(tmp_path, report, outcome, **{field: value})
    status, out, _ = run("replay", path, outcome.case_id)
    assert (status, out.splitlines()[-1]) == (1, "not reproduced")
    named = "case_id" if field in {"defect", "test", "claim"} else field
    assert f"differs: {named}: recorded " in out


def test_another_seed_does_not_reproduce(run: Run, tmp_path: Path) -> None:
    """Weights are others, where a property draws any."""
    report = _audited("test_convergence.py::test_gradient_descent_converges_linearly")
    outcome = _supported(report)
    assert run("replay", _written(tmp_path, report), outcome.case_id)[0] == 0
    status, out, _ = run("replay", _written(tmp_path, report, outcome, seed=4), outcome.case_id)
    assert (status, out.splitlines()[-1]) == (1, "not reproduced")
    assert "differs: measured: recorded " in out


def test_the_last_bit_counts(run: Run, report: Report, tmp_path: Path) -> None:
    """On the machine of the report nothing is rounded away."""
    outcome = _supported(report)
    assert outcome.measured is not None
    path = _written(tmp_path, report, outcome, measured=outcome.measured * (1 + 2.0**-52))
    assert run("replay", path, outcome.case_id)[0] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 10**9},
        {"activation": "tanh(x)"},
        {"activation": "no_such(x)"},
        {"activation": "os:system"},
        {"data": Sphere(1, 2, 3)},
        {"data": Sphere(99, 1, 3)},
        {"eta_factor": 2.0},
    ],
)
def test_a_tampered_case_is_not_even_computed(
    run: Run, report: Report, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Its id names another case, which may be of any size or make no sense at all."""
    outcome = _supported(report)
    case = msgspec.structs.replace(outcome.case, **changes)
    status, out, err = run("replay", _written(tmp_path, report, outcome, case=case), outcome.case_id)
    assert (status, out.splitlines()[-1], err) == (1, "not reproduced", "")
    assert case_id(outcome.claim, case, test=outcome.test) in out


def test_a_case_of_an_ablation_reproduces(run: Run, tmp_path: Path) -> None:
    """With the change of the model that broke the assumption, and the verdict that comes of it."""
    module, function = load_property("test_infinite_width.py::test_mean_nngp_kernel_is_the_limit")
    prop = property_of(getattr(module, function))
    assert prop is not None
    request = Request(profile=PROFILES["quick"], seed=3, claims=(prop.claim.id,), mode="ablation")
    wanted = plans_of(prop, request)
    (plan,) = (p for p in wanted if p.defect == "weights-resampled" and p.stratum == "sphere")
    found = run_trial(prop, plan, request)
    assert (found.trial.verdict, found.trial.conclusion) == ("assumptions-not-met", "fails")
    report = assemble([found], request=request, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)
    assert found.trial.minimal is not None
    status, out, err = run("replay", _written(tmp_path, report), found.trial.minimal)
    assert (status, out.splitlines()[-1], err) == (0, "reproduced", "")


def test_verdicts_are_compared_across_environments(run: Run, report: Report, tmp_path: Path) -> None:
    """Another version may round differently: said, and a verdict that changed still fails."""
    outcome = _supported(report)
    versions = report.environment.versions | {"torch": "2.4.0"}
    other = msgspec.structs.replace(report, environment=msgspec.structs.replace(report.environment, versions=versions))
    path = _written(tmp_path, other, outcome, measured=1.5)
    status, out, _ = run("replay", path, outcome.case_id)
    assert status == 0
    assert "from another environment" in out
    assert run("replay", _written(tmp_path, other, outcome, verdict=Verdict.REFUTED), outcome.case_id)[0] == 1


def test_a_report_from_another_device_is_recomputed_here(run: Run, report: Report, tmp_path: Path) -> None:
    """`--device` is where; another device than the report's is another environment."""
    outcome = _supported(report)
    environment = msgspec.structs.replace(report.environment, device="cuda")
    path = _written(tmp_path, msgspec.structs.replace(report, environment=environment), outcome)
    status, out, _ = run("replay", path, outcome.case_id, "--device", "cpu")
    assert (status, out.splitlines()[-1]) == (0, "reproduced")
    assert "from another environment" in out
    status, out, err = run("replay", path, outcome.case_id, "--device", "tpu")
    assert (status, err.count("\n")) == (2, 1)
    assert "'tpu'" in err


def test_a_case_that_cannot_be_named(run: Run, report: Report, tmp_path: Path) -> None:
    """Unknown, ambiguous or empty: exit status 2 and one line."""
    path = _written(tmp_path, report)
    firsts = [outcome.case_id[0] for outcome in report.claims[0].outcomes]
    ambiguous = next(first for first in firsts if firsts.count(first) > 1)
    for case in ("0123456789ab", ambiguous, "", "zz"):
        status, out, err = run("replay", path, case)
        assert (status, out, err.count("\n")) == (2, "", 1), err

"""`theory-check audit --model`: the README's model from its own lines, wrong ones, and requests that mean nothing."""

import datetime as dt
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from theory_check.claims.quantity import Quantity
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.own_model import LEFT_OUT, MODEL_CLAIMS
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.reporting.document import load_report
from theory_check.reporting.schema import report_schema
from theory_check.runs.assembly import assemble
from theory_check.runs.properties import code_of, load_properties, properties_folder
from theory_check.runs.unfinished import code_fingerprint, options_of
from theory_check.search.found import Found
from theory_check.search.plan import plans, plans_of
from theory_check.search.property import Property, property_of
from theory_check.search.request import make_request
from theory_check.search.trial import judge_case, run_trial

README = Path(__file__).parents[2] / "README.md"
Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("without_shape_checks")

WRONG = """
import torch
from torch import nn


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(torch.tanh(x))
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient * (1 - ctx.saved_tensors[0] ** 2)


class Wrong(nn.Module):
    dimension = 2

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, state):
        return Tanh.apply(self.layer(state))


class SquareRoot(nn.Module):
    dimension = 2

    def __init__(self):
        super().__init__()
        self.rate = nn.Parameter(torch.ones(2))

    def forward(self, t, state):
        return self.rate * torch.sign(state) * state.abs().sqrt()


class Frozen(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)
        self.requires_grad_(False)


def wrong(): return Wrong()
def square_root(): return SquareRoot()
def frozen(): return Frozen()
def dropout(): return nn.Sequential(nn.Linear(2, 2), nn.Dropout())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of a user with two files: the README's, and one of wrong models."""
    (tmp_path / "mymodels.py").write_text(readme_model())
    (tmp_path / "wrongmodels.py").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    # As a console script has it: the current folder is not on the path.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in {"", str(Path.cwd())}])
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("mymodels", "wrongmodels"):
        sys.modules.pop(name, None)


def readme_model() -> str:
    """The lines of `mymodels.py` in the README."""
    (text,) = re.findall(
        r"In `mymodels.py`:\n\n```python\n(.*?)```\n\n    theory-check audit --model mymodels:build",
        README.read_text(),
        re.DOTALL,
    )
    return str(text)


def test_the_model_of_the_readme_is_short_and_supported(folder: Path, run: Run) -> None:
    """At most 25 lines; an audit of one of its claims exits 0, its report says what bounds rest on; a replay."""
    assert len(readme_model().splitlines()) <= 25
    claims = ("--claim", "linear-convergence")
    status, out, err = run("audit", "--model", "mymodels:build", "--trust-code", *claims, "--workers", "1")
    assert status == 0, (out, err)
    (written,) = (folder / "reports").iterdir()
    report = load_report(written)
    assert {claim.id: claim.verdict for claim in report.claims} == {"linear-convergence": "supported"}
    assert {(t.kind, t.activation) for claim in report.claims for t in claim.trials} == {("named", "mymodels:build")}
    said = "\n".join(report.warnings)
    for words in ("certified given the estimate", "float32 parameters were converted", "left out: resnet-limit"):
        assert words in said
    assert "mymodels:build" in (written / "report.html").read_text()
    outcome = report.claims[0].outcomes[0]
    assert outcome.case.model == "module"
    again = ("replay", str(written), outcome.case_id)
    assert run(*again, "--trust-code")[0] == 0
    refused = run(*again)
    assert (refused[0], refused[2].count("\n")) == (2, 1)
    assert "pass --trust-code" in refused[2]


@pytest.mark.parametrize("claim", [c for c in MODEL_CLAIMS if c != "linear-convergence"])
@pytest.mark.usefixtures("folder")
def test_the_other_claims_hold_for_the_model_of_the_readme(claim: str) -> None:
    """The first case of a search."""
    found = _trial("mymodels:build", claim)
    assert found.trial.verdict == "supported", found.trial.reason
    assert found.trial.comparisons > 0


@pytest.mark.parametrize(
    ("model", "claim", "verdict", "quantity"),
    [
        ("wrong", "adjoint-gradient", "refuted", q.DISCRETE),
        ("square_root", "forward-unique", "assumptions-not-met", q.SEPARATION),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_model_fails_its_claim_and_counts(model: str, claim: str, verdict: str, quantity: Quantity) -> None:
    """A wrong backward pass is refuted, and sqrt|h| is not unique from zero: exit status 1 for both."""
    # The second stratum of both claims holds a zero input.
    found = _trial(f"wrongmodels:{model}", claim, stratum=1)
    assert (found.trial.verdict, found.outcomes[-1].quantity) == (verdict, quantity)
    request = make_request(model=f"wrongmodels:{model}", trust_code=True)
    report = assemble([found], request=request, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)
    assert report.exit_status == 1


def test_every_claim_is_asked_or_left_out_with_a_reason() -> None:
    """None is forgotten, none is both."""
    assert {*MODEL_CLAIMS} | {*LEFT_OUT} == {*CLAIMS}
    assert not {*MODEL_CLAIMS} & {*LEFT_OUT}


@pytest.mark.usefixtures("folder")
def test_a_model_has_trials_of_its_own_and_no_others() -> None:
    """Properties of models run for models alone; without one they plan nothing."""
    model = make_request(model="mymodels:build", trust_code=True)
    assert model.names_something
    assert model.subjects == ("mymodels:build",)
    claim = CLAIMS["ntk-positive-definite"]
    assert [p.stratum for p in plans(claim, "x", model, of_model=True)] == ["sphere", "crowded"]
    assert plans(claim, "x", model) == []
    assert plans(claim, "x", make_request(), of_model=True) == []
    assert plans(CLAIMS["nngp-limit"], "x", model, of_model=True) == []


def test_a_run_on_a_model_is_resumed_with_its_file_as_it_was(folder: Path) -> None:
    """Options make the same request again; another file is other code."""
    model = make_request(model="mymodels:build", trust_code=True)
    assert make_request(**options_of(model), trust_code=True) == model
    before = code_fingerprint(code_of(model.subjects))
    (folder / "mymodels.py").write_text(readme_model() + "\n")
    assert code_fingerprint(code_of(model.subjects)) != before


@pytest.mark.usefixtures("folder")
def test_frozen_parameters_leave_no_kernel_to_ask_about(refused: Callable[..., str]) -> None:
    """Claims on kernels are left out and say so, and cannot be asked for."""
    request = make_request(model="wrongmodels:frozen", trust_code=True)
    assert plans(CLAIMS["ntk-positive-definite"], "x", request, of_model=True) == []
    assert request.model is not None
    assert any("without a trainable parameter there is no tangent kernel" in note for note in request.model.notes)
    said = refused("--model", "wrongmodels:frozen", "--trust-code", "--claim", "linear-convergence")
    assert "without a trainable parameter there is no tangent kernel" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", ""), "--model must name something, got ''"),
        (("--model", "mymodels:build"), "mymodels:build would run code: pass --trust-code"),
        (("--model", "softplus", "--trust-code"), "a model must be MODULE:NAME"),
        (("--model", "nowhere:build", "--trust-code"), "cannot import 'nowhere'"),
        (("--model", "mymodels:bild", "--trust-code"), "'mymodels' has no 'bild': did you mean 'build'?"),
        (("--model", "wrongmodels:dropout", "--trust-code"), "call .eval() in build"),
        (
            ("--model", "mymodels:build", "--trust-code", "--claim", "nngp-limit"),
            "those that apply: forward-unique, back",
        ),
        (
            ("--model", "mymodels:build", "--trust-code", "--activation", "tanh"),
            "--model mymodels:build or --activation",
        ),
        (("--model", "mymodels:build", "--trust-code", "--ablate"), "mode 'ablation' is about our own network"),
        (
            ("--model", "mymodels:build", "--trust-code", "--data", "digits"),
            "data 'digits' has dimension 64, states of",
        ),
        (("--model", "mymodels:build", "--trust-code", "--data", "rows.npy"), "'rows.npy' has dimension 3, states of"),
    ],
)
def test_what_means_nothing_is_one_line(
    arguments: tuple[str, ...], said: str, folder: Path, refused: Callable[..., str]
) -> None:
    """Exit status 2, nothing written."""
    np.save(folder / "rows.npy", np.ones((2, 3)))
    assert said in refused(*arguments)


def test_rows_of_the_model_s_dimension_are_taken_and_a_repeated_one_fails(folder: Path) -> None:
    """A kernel with a repeated input is singular: its assumption is not met, and the conclusion fails."""
    np.save(folder / "rows.npy", np.array([[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 2.0, 0.0, 1.0]]))
    found = _trial("mymodels:build", "ntk-positive-definite", data="rows.npy")
    assert (found.trial.verdict, found.trial.conclusion) == ("assumptions-not-met", "fails")
    assert "parallel" in found.trial.reason


@pytest.mark.usefixtures("folder")
def test_a_verdict_is_a_function_of_the_case() -> None:
    """Judged again it is the same to the last bit."""
    outcome = _trial("mymodels:build", "linear-convergence").outcomes[0]
    prop, request = _property("linear-convergence"), make_request(model="mymodels:build", trust_code=True)
    again = judge_case(prop, outcome.case, request)
    assert (again.measured, again.evidence) == (outcome.measured, outcome.evidence)


def _property(claim: str) -> Property:
    folder = properties_folder()
    found = vars(load_properties(folder / f"test_{claim.replace('-', '_')}.py")).values()
    return next(p for p in map(property_of, found) if p is not None and p.of_model)


def _trial(model: str, claim: str, *, data: str = "", stratum: int = 0) -> Found:
    """One trial of one case in a stratum of a claim, without shrinking."""
    request = make_request(model=model, trust_code=True, data=data)
    short = msgspec.structs.replace(request.profile, named_examples=1, shrink_calls=0)
    prop = _property(claim)
    plan = plans_of(prop, request)[stratum]
    return run_trial(prop, plan, replace(request, profile=short))


def test_a_field_of_later_years_is_required_of_no_report() -> None:
    """Reports of before have no field `model`, and are still reports."""
    case = report_schema()["$defs"]["Case"]
    assert "model" in case["properties"]
    assert "model" not in case["required"]

"""Claim gaussian-output: the tests have their level on the true model, and see what they are there to see."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from scipy import special, stats

from theory_check.judge.audit import LawTest
from theory_check.judge.error_budget import staged_test
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE, PROFILES
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.activations.loading import activation as load
from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.neural_ode.measurements import gaussian_output
from theory_check.neural_ode.measurements.gaussian_output import MIXTURE_SLOPE, OutputLaw, concentration, is_spread_out
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks import ensemble
from theory_check.neural_ode.networks.ensemble import EnsembleResult, ensemble_variances
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.planted.defects import planted

LEVEL = FALSE_ALARM_RATE / DECLARED_CALLS
SMALL = msgspec.structs.replace(PROFILES["quick"], networks=1100, ladder_networks=600, width_rungs=(4, 8, 16, 32, 64))
GATE = msgspec.structs.replace(PROFILES["gate"], width_rungs=(4, 8, 16, 32, 64))


def on_sphere(expression: str = "tanh(x)", *, seed: int = 0, width: int = 16, inputs: int = 2) -> Case:
    """Points in three dimensions, typical weights."""
    return Case(activation=expression, data=Sphere(inputs, 3, seed), width=width)


def named(tests: tuple[LawTest, ...]) -> dict[str, LawTest]:
    """The tests by name."""
    return {test.quantity.text: test for test in tests}


def test_every_conditional_test_keeps_its_level(another: Callable[..., object]) -> None:
    """Twenty-one true cases of three activations at the level of 1 %: no test rejects more often than chance allows."""
    setting = another(profile=SMALL)
    p_values: dict[str, list[float]] = {}
    for seed in range(21):
        expression = ("tanh(x)", "relu(x)", "softplus(2*x)")[seed % 3]
        law = OutputLaw(on_sphere(expression, seed=seed, width=8), setting)
        assert law.unusable() == ""
        for test in law.conditional_tests():
            p_values.setdefault(test.quantity.text, []).append(test.sample(0).p_value)
    assert len(p_values) == 6
    for name, values in p_values.items():
        rejected = sum(p <= 0.01 for p in values)
        assert special.bdtrc(rejected - 1, 21, 0.01) > 1e-6, name
        assert min(values) > LEVEL, name
    # Exact tests are not only safe: half of their p-values lie below a half, but for five standard deviations.
    for name in ("variance of f / sqrt S", "mean of f / sqrt S", "correlation of the readout with a row of W"):
        assert abs(sum(p <= 0.5 for p in p_values[name]) - 10.5) <= 5 * 21**0.5 / 2, name


@pytest.mark.parametrize("row", [0, 3, 15])
def test_a_readout_tied_to_any_row_is_seen(
    row: int, another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readout is W_j for the first, some and the last row; the law of f itself shows nothing."""
    right = ensemble._stacked

    def tied(*args: object) -> Parameters:
        networks = right(*args)
        return replace(networks, V=networks.W[:, row : row + 1, :].clone())

    monkeypatch.setattr(ensemble, "_stacked", tied)
    tests = named(OutputLaw(on_sphere(), another(profile=SMALL)).conditional_tests())
    assert tests["correlation of the readout with a row of W"].sample(0).p_value <= LEVEL / 3


@pytest.mark.parametrize("factor", [1.1, 0.9])
def test_a_scale_error_of_ten_per_cent_is_seen_by_the_gate(
    factor: float, another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output off by 10 % either way, at the gate's number of networks and its level."""
    right = ensemble.readout
    monkeypatch.setattr(ensemble, "readout", lambda *args: right(*args) * factor)
    tests = named(OutputLaw(on_sphere(), another(profile=GATE)).conditional_tests())
    for name in ("variance of f / sqrt S", "joint law over inputs"):
        assert staged_test(lambda stage, test=tests[name]: test.sample(stage).p_value, LEVEL).rejected, name


def test_a_wrong_correlation_between_inputs_is_seen(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs of two inputs from different networks: every marginal law is right, the joint one is not."""

    def shuffled(*args: object, **kwargs: object) -> EnsembleResult:
        drawn = ensemble_variances(*args, **kwargs)
        standard = drawn.f / drawn.S.diagonal(dim1=1, dim2=2).sqrt()
        standard[:, 1] = standard[:, 1].roll(1)
        return replace(drawn, outputs=(standard * drawn.S.diagonal(dim1=1, dim2=2).sqrt())[..., None])

    monkeypatch.setattr(gaussian_output, "ensemble_variances", shuffled)
    data = Explicit(((1.0, 1.0, 1.0), (1.0, 1.0, 0.8)))
    case = Case(activation="tanh(x)", data=data, width=16)
    tests = named(OutputLaw(case, another(profile=GATE)).conditional_tests())
    assert tests["variance of f / sqrt S"].sample(0).p_value > LEVEL
    assert tests["joint law over inputs"].sample(0).p_value <= LEVEL / 3


@pytest.mark.parametrize("expression", ["tanh(x)", "relu(x)", "x", "sin(2*x)"])
def test_the_relative_variance_falls_like_one_over_the_width(expression: str, another: Callable[..., object]) -> None:
    """Widths 4 to 64: supported, with a slope of -1, or steeper where narrow networks have heavy tails."""
    result = OutputLaw(on_sphere(expression, inputs=1), another(profile=SMALL)).relative_variance_ladder(0)
    assert result.verdict is Verdict.SUPPORTED
    assert -1.5 <= result.slope <= -0.9
    assert result.looks == 2


def test_a_variance_that_does_not_concentrate_is_refuted(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S times a chi-square factor of its own for each network, whatever the width: three ladders agree."""

    def noisy(*args: object, **kwargs: object) -> EnsembleResult:
        drawn = ensemble_variances(*args, **kwargs)
        generator = torch.Generator().manual_seed(kwargs["seeds"][0])
        factor = torch.randn(len(drawn.S), 4, generator=generator, dtype=torch.float64).square().mean(1)
        return replace(drawn, S=drawn.S * factor[:, None, None])

    monkeypatch.setattr(gaussian_output, "ensemble_variances", noisy)
    law = OutputLaw(on_sphere(inputs=1), another(profile=SMALL))
    results = [law.relative_variance_ladder(stage) for stage in range(3)]
    assert all(result.p_value <= LEVEL ** (1 / 3) for result in results)
    assert all(result.slope > -0.5 for result in results)


def test_the_identity_has_the_variance_of_its_closed_form(another: Callable[..., object]) -> None:
    """Sigma = sigma_v^2 sigma_u^2 |x|^2/d I_0(2 sigma_w T); with W scaled by 1/n it is refuted, thrice."""
    model = NeuralODE(sigma_u=0.5, sigma_w=0.75, sigma_v=2.0)
    case = Case(activation="x", data=Explicit(((1.0, 2.0),)), width=8, neural_ode=model)
    law = OutputLaw(case, another(profile=SMALL))
    assert law.limits.nngp[0, 0] == pytest.approx(special.i0(1.5) * 2.5, rel=1e-6)
    test = law.variance_test()
    assert not test.exact
    result = test.sample(0)
    assert result.p_value > LEVEL ** (1 / 3)
    drawn = law.ensemble(f"limit of {result.samples}", 0, 64, result.samples)
    assert result.statistic == pytest.approx(float(drawn.S.mean()) / law.limits.nngp[0, 0] - 1.0, rel=1e-6)
    with planted("weights-scaled-by-width"):
        wrong = OutputLaw(case, another(profile=SMALL)).variance_test()
        assert all(wrong.sample(stage).p_value <= LEVEL ** (1 / 3) for stage in range(3))


def test_narrow_networks_are_not_normal_and_wide_ones_are(another: Callable[..., object]) -> None:
    """Width 2 is judged at its own width and rejected; the same case at the top width is not."""
    setting = another(profile=PROFILES["gate"])
    narrow = Case(activation="relu(x)", data=Sphere(1, 3, 0), width=2, stratum="narrow")
    assert OutputLaw(narrow, setting).mixture_tests()[0].sample(0).p_value <= LEVEL / 3
    for test in OutputLaw(on_sphere(inputs=3), another(profile=SMALL)).mixture_tests():
        assert test.exact
        assert test.sample(0).p_value > 0.01


def test_the_joint_law_sees_what_no_single_input_shows(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs of two close inputs from different networks: the first alone is N(0, Sigma_00), the pair is not."""

    def shuffled(*args: object, **kwargs: object) -> EnsembleResult:
        drawn = ensemble_variances(*args, **kwargs)
        f = drawn.f.clone()
        f[:, 1] = f[:, 1].roll(1)
        return replace(drawn, outputs=f[..., None])

    monkeypatch.setattr(gaussian_output, "ensemble_variances", shuffled)
    case = Case(activation="tanh(x)", data=Explicit(((1.0, 1.0, 1.0), (1.0, 1.0, 0.8))), width=16)
    alone, joint = OutputLaw(case, another(profile=SMALL)).mixture_tests()
    assert alone.sample(0).p_value > 0.01
    assert joint.sample(0).p_value <= LEVEL / 3


@pytest.mark.parametrize("expression", ["softplus(x)", "relu(x)", "gelu(x)", "x"])
def test_the_mean_of_the_covariance_is_the_limit(expression: str, another: Callable[..., object]) -> None:
    """Within the allowance at width 64; a limit at a horizon a fifth longer is beyond it, thrice."""
    law = OutputLaw(on_sphere(expression, inputs=3), another(profile=SMALL))
    assert law.without_limit() == ""
    assert law.variance_test().sample(0).p_value > LEVEL ** (1 / 3)
    case = on_sphere(expression, inputs=3)
    longer = msgspec.structs.replace(case, neural_ode=NeuralODE(horizon=1.2))
    law.limits = OutputLaw(longer, another(profile=SMALL)).limits  # type: ignore[misc]
    test = law.variance_test()
    assert all(test.sample(stage).p_value <= LEVEL ** (1 / 3) for stage in range(3))


def test_four_steps_are_enough_for_what_the_scheme_can_spoil(another: Callable[..., object]) -> None:
    """E[S] at the largest growth of the property differs from that of 32 steps by far less than its allowance."""
    case = on_sphere("softplus(x)", inputs=2, width=64)
    drawn = OutputLaw(case, another(profile=SMALL)).ensemble("scheme", 0, 64, 200)
    law = OutputLaw(case, another(profile=SMALL))
    exact = ensemble_variances(
        law.instance.activation,
        case.neural_ode,
        law.instance.inputs,
        width=64,
        seeds=[law.instance.seed("scheme 0 64", k) for k in range(200)],
        steps=32,
    )
    assert float((drawn.S.mean(0) / exact.S.mean(0) - 1).abs().max()) <= 1e-3 * gaussian_output.VARIANCE_ALLOWANCE


def test_without_a_limit_nothing_is_compared(another: Callable[..., object]) -> None:
    """A zero input under an odd function has no variance; a limit known to few digits only is said to be."""
    zero = Case(activation="tanh(x)", data=Explicit(((0.0, 0.0), (1.0, 2.0))), width=8)
    assert "zero for an input" in OutputLaw(zero, another(profile=SMALL)).without_limit()
    assert "is known to" in OutputLaw(on_sphere(), another(profile=SMALL), limit_share=1e-18).without_limit()


def test_stages_and_cases_have_networks_of_their_own(another: Callable[..., object]) -> None:
    """Fresh networks at every stage and for every case; the same again for the same."""
    setting = another(profile=SMALL)
    law = OutputLaw(on_sphere(), setting)
    test = named(law.conditional_tests())["variance of f / sqrt S"]
    first = test.sample(0)
    assert (
        first.p_value
        == named(OutputLaw(on_sphere(), setting).conditional_tests())[test.quantity.text].sample(0).p_value
    )
    assert test.sample(1).samples == 4 * first.samples
    assert test.sample(2).p_value != test.sample(1).p_value
    other = named(OutputLaw(on_sphere(seed=1), setting).conditional_tests())[test.quantity.text]
    assert other.sample(0).p_value != first.p_value


def test_networks_without_features_say_nothing(another: Callable[..., object]) -> None:
    """relu(x - 9) is zero in nearly every network: unusable, with the number that is left."""
    law = OutputLaw(on_sphere("relu(x - 9)", inputs=1), another(profile=SMALL))
    assert "all features vanish" in law.unusable()
    assert "all features vanish" in law.unusable(8)


@pytest.mark.parametrize(
    ("expression", "exact"), [("x", 3.0), ("relu(x)", 6.0), ("abs(x)", 3.0), ("x**2", 35.0 / 3.0), ("0.0*x", math.inf)]
)
def test_concentration_is_that_of_closed_forms(expression: str, exact: float) -> None:
    """Moments of the normal law, at any variance."""
    for variance in (1e-30, 0.25, 4.0):
        assert concentration(load(expression), variance) == pytest.approx(exact, rel=1e-6)


def test_a_mixture_is_as_far_from_normal_as_its_relative_variance_says() -> None:
    """S with two values one per cent apart from 1 in variance: the constant is the largest distance, and no larger."""
    x, spread = np.linspace(-6.0, 6.0, 4001), 0.1
    mixed = (stats.norm.cdf(x / math.sqrt(1 - spread)) + stats.norm.cdf(x / math.sqrt(1 + spread))) / 2
    assert np.abs(mixed - stats.norm.cdf(x)).max() == pytest.approx(MIXTURE_SLOPE * spread**2, rel=0.02)


def test_a_phi_of_which_few_neurons_carry_the_output_is_not_held_against_the_limit(
    another: Callable[..., object],
) -> None:
    """Once a false refutation: at width 128 this output is a tenth away from normal, at infinite width it is not."""
    case = Case(
        activation="tanh(leaky_relu(0.75*x - 0.5))*arctan(-0.5*x + 0.5)*sin(-x + 0.5)",
        data=Sphere(3, 4, 260),
        width=8,
        neural_ode=NeuralODE(sigma_u=0.5, sigma_w=0.125, horizon=2.0),
    )
    law = OutputLaw(case, another(profile=PROFILES["quick"]))
    said = r"few neurons carry the output \(E.* = \d{3}\): at width 512 its law is about 0.\d+ "
    assert re.match(said, law.too_concentrated())
    narrow = OutputLaw(case, another(profile=PROFILES["quick"]), widest=128)
    assert narrow.mixture_tests()[0].sample(0).p_value < 1e-6
    assert not is_spread_out(load(case.activation))
    for expression in ("tanh(x)", "relu(x)", "gelu(x)", "softplus(x)", "silu(x)", "x"):
        assert is_spread_out(load(expression))
        assert OutputLaw(on_sphere(expression, inputs=3), another(profile=PROFILES["quick"])).too_concentrated() == ""
    narrow = msgspec.structs.replace(case, width=2, stratum="narrow")
    assert OutputLaw(narrow, another(profile=PROFILES["quick"])).too_concentrated() == ""


def test_networks_are_widened_where_the_limit_says_that_they_are_too_narrow(another: Callable[..., object]) -> None:
    """Twice the top width decides for this phi, and the law holds there; others keep the top width."""
    expression = "arctan(silu(-x - 0.5))*sin(0.5*x)"
    model = NeuralODE(sigma_u=0.5, sigma_w=1.0, sigma_v=0.75, horizon=0.5)
    law = OutputLaw(
        Case(activation=expression, data=Sphere(2, 4, 820), width=8, neural_ode=model),
        another(profile=PROFILES["quick"]),
    )
    assert law.mixture_width == 2 * PROFILES["quick"].width_rungs[-1]
    assert law.too_concentrated() == ""
    assert all(test.sample(0).p_value > LEVEL for test in law.mixture_tests())
    assert {width for _, _, width in law._drawn} == {law.mixture_width}
    plain = OutputLaw(on_sphere("tanh(x)", inputs=3), another(profile=PROFILES["quick"]))
    assert plain.mixture_width == PROFILES["quick"].width_rungs[-1]


def test_details_are_those_of_statsmodels(another: Callable[..., object]) -> None:
    """Four normality tests are reported beside the judged one."""
    tests = named(OutputLaw(on_sphere(), another(profile=SMALL)).conditional_tests())
    shape = tests["shape of f / sqrt S"].sample(0)
    assert sum(name.startswith("statsmodels") for name in shape.details) == 4
    assert np.isfinite([v for v in shape.details.values() if isinstance(v, float)]).all()


def test_no_value_depends_on_what_else_is_installed(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With opt_einsum, which JAX brings along, torch contracts three factors in another order."""
    assert torch.backends.opt_einsum.is_available(), "the environment of tests has the peers"
    law = OutputLaw(on_sphere(inputs=3), another())
    monkeypatch.setattr(torch.backends.opt_einsum, "enabled", False)
    without = law._combined(0)
    monkeypatch.setattr(torch.backends.opt_einsum, "enabled", True)
    assert np.array_equal(without, law._combined(0))

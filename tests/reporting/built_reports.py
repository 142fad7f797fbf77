"""Reports to test with: a small one written by hand that uses every record, and arbitrary ones."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from theory_check.case.record import case_id
from theory_check.claims.quantity import quantity_of
from theory_check.claims.source import PROVENANCES, Source
from theory_check.judge.evidence import Comparison, Eigenvalue, Evidence, Law, Rate, Ratio, TestedLaw
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere, Weights
from theory_check.neural_ode.model import NeuralODE
from theory_check.pictures.picture import Picture, Series
from theory_check.reporting.document import Budget, ClaimReport, Environment, Report, Trial

SMOOTH = Case(activation="tanh(2*x)", data=Sphere(count=3, dimension=4, seed=7), width=64)
KINK = Case(
    activation="relu(x)",
    data=Explicit(rows=((0.0, 0.0), (1.0, -2.5)), labels=(1.0, -1.0)),
    width=1,
    neural_ode=NeuralODE(sigma_w=2.0, horizon=0.5),
    weights=Weights(structure="rank-one", gain=3.0, pinned=0.25),
    stratum="pinned",
    eta_factor=0.5,
)
DIGITS = Case(activation="erf(x)", data=Digits(rows=(3, 14)), width=8, stratum="digits")
PROPERTY = "test_gradients.py::test_adjoint_gradient_equals_differences"

# One of each kind, with every field that may be null as null or as a number.
EVIDENCE: tuple[Evidence, ...] = (
    Comparison(scale=1.0, numbers={"rounding": 1e-9}),
    Law(
        level=1e-9,
        tests=(
            TestedLaw(
                quantity=quantity_of("mean", "p-value"),
                p_value=0.5,
                samples=1000,
                level=1e-10,
                alternative="mean of 0.1",
                power=0.75,
                effect="mean",
                smallest_detectable=None,
                numbers={"allowance": 0.02},
            ),
        ),
    ),
    Rate(
        expected=-0.5,
        margin=0.15,
        low=-0.6,
        high=None,
        constant=1.5,
        replicates=30,
        replicates_needed=None,
        power=0.9,
        detectable=0.25,
        level=1e-9,
        sizes=(64.0, 128.0),
        values=(0.5, 0.25),
        numbers={"directions": 3},
    ),
    Ratio(
        low=0.75,
        high=1.25,
        confidence=0.999,
        no_difference=False,
        networks=10,
        p_value=0.5,
        level=1e-9,
        subject_mean=150.5,
        reference_mean=151.5,
        predicted=1.25,
        power=0.9,
        refuted_from=1.5,
        supported_to=1.0,
        numbers={"tolerance": 1e-6},
    ),
    Eigenvalue(estimate=0.5, numbers={"certified by": "balls"}),
)


class Build:
    """Makers of records with plausible values; every field can be given."""

    smooth, kink, digits, property = SMOOTH, KINK, DIGITS, PROPERTY
    evidence = EVIDENCE

    @staticmethod
    def outcome(case: Case = SMOOTH, claim: str = "adjoint-gradient", **fields: Any) -> Outcome:
        """A supported outcome unless told otherwise; `numbers` are those of a comparison."""
        numbers = fields.pop("numbers", None)
        if numbers is not None:
            fields["evidence"] = Comparison(numbers=numbers)
        if isinstance(fields.get("quantity"), str):
            fields["quantity"] = quantity_of(fields["quantity"], "error")
        test, defect = fields.get("test", PROPERTY), fields.get("defect")
        given = {
            "claim": claim,
            "test": test,
            "case_id": case_id(claim, case, test=test, defect=defect),
            "case": case,
            "seed": 11,
            "verdict": Verdict.SUPPORTED,
            "conclusion": Conclusion.HOLDS,
            "quantity": quantity_of("relative gradient error", "error"),
            "measured": 1.5e-7,
            "bound": 3e-7,
            "ratio": 0.5,
        }
        return Outcome(**(given | fields))

    @staticmethod
    def trial(**fields: Any) -> Trial:
        """A supported random trial unless told otherwise."""
        given = {
            "property": PROPERTY,
            "kind": "random",
            "activation": "random smooth",
            "stratum": "sphere",
            "verdict": Verdict.SUPPORTED,
            "requested": 20,
            "executed": 20,
            "comparisons": 60,
            "worst_ratio": 0.5,
            "seconds": 1.25,
        }
        if fields.get("kind") == "control":
            given |= {"as_expected": True, "expected_verdict": Verdict.REFUTED, "expected_conclusion": Conclusion.FAILS}
        return Trial(**(given | fields))

    @staticmethod
    def claim(*trials: Trial, **fields: Any) -> ClaimReport:
        """A claim with the given trials, supported unless told otherwise."""
        given = {
            "id": "adjoint-gradient",
            "statement": "Continuous-adjoint gradients equal differences of the loss.",
            "source": "Abstract, accuracy of gradient computation",
            "quantifier": "ALL",
            "assumptions": ("phi and its derivative are Lipschitz",),
            "verdict": Verdict.SUPPORTED,
            "trials": trials,
            "outcomes": (Build.outcome(),),
        }
        return ClaimReport(**(given | fields))

    @staticmethod
    def report(*claims: ClaimReport, **fields: Any) -> Report:
        """A report of the given claims."""
        given = {
            "paper": "arXiv 2509.22436",
            "command": "theory-check audit --profile quick --seed 7",
            "profile": "quick",
            "seed": 7,
            "started": "2026-05-04T03:15:00Z",
            "seconds": 41.5,
            "environment": Environment(
                python="3.11.9",
                platform="Linux-6.1",
                machine="x86_64",
                processors=2,
                torch_threads=1,
                device="cpu",
                denormals="kept",
                versions={"torch": "2.13.0", "hypothesis": "6.150.0"},
            ),
            "budget": Budget(total=1e-6, level=1e-10, declared_calls=10_000, calls=120),
            "verdict": Verdict.SUPPORTED,
            "exit_status": 0,
            "claims": claims,
        }
        return Report(**(given | fields))

    @staticmethod
    def full() -> Report:
        """A refuted report in which every record, every kind of data and every nullable field occurs."""
        refuted = Build.outcome(
            KINK,
            verdict=Verdict.REFUTED,
            conclusion=Conclusion.FAILS,
            measured=0.25,
            bound=1e-6,
            ratio=2.5e5,
            reason="the difference straddles a kink",
            numbers={"samples": 3, "power": 0.5, "confirmed": True, "engine": "dense", "stage": None},
        )
        open_case = Build.outcome(
            DIGITS, verdict=Verdict.INCONCLUSIVE, conclusion=Conclusion.UNDECIDED, reason="bound above the scale"
        )
        return Build.report(
            Build.claim(
                Build.trial(),
                Build.trial(
                    kind="named",
                    activation="relu(x)",
                    stratum="pinned",
                    verdict=Verdict.REFUTED,
                    conclusion=Conclusion.FAILS,
                    minimal=refuted.case_id,
                    shrink_calls=9,
                    reason="one confirmed counterexample",
                    worst_ratio=2.5e5,
                ),
                Build.trial(
                    kind="control",
                    activation="tanh(x)",
                    verdict=Verdict.REFUTED,
                    conclusion=Conclusion.FAILS,
                    minimal=refuted.case_id,
                    defect="wrong-sign",
                ),
                verdict=Verdict.REFUTED,
                outcomes=(Build.outcome(), refuted, open_case),
            ),
            warnings=("the processor was busy",),
            verdict=Verdict.REFUTED,
            exit_status=1,
        )


@pytest.fixture(scope="session")
def build() -> type[Build]:
    """Makers of records."""
    return Build


@pytest.fixture(scope="session")
def source() -> Callable[[str | None], str | Source]:
    """A source of one kind of text; None is a sentence of a user's own."""

    def source(kind: str | None) -> str | Source:
        return "ours" if kind is None else Source(kinds=(kind,), where="w", says="s", reading="r")  # type: ignore[arg-type]

    return source


@pytest.fixture(scope="session")
def claim(source: Callable[[str | None], str | Source]) -> Callable[..., ClaimReport]:
    """A claim of that kind with one trial; a reading does not count unless told otherwise."""

    def claim(name: str, kind: str | None, verdict: Verdict = Verdict.SUPPORTED, **fields: Any) -> ClaimReport:
        counting = fields.pop("counts", False if kind in {"hedged", "digest"} else msgspec.UNSET)
        outcome = Build.outcome(claim=name, verdict=verdict)
        minimal = outcome.case_id if verdict is Verdict.REFUTED else None
        trial = Build.trial(verdict=verdict, minimal=minimal, **fields)
        return Build.claim(trial, id=name, source=source(kind), verdict=verdict, counts=counting, outcomes=(outcome,))

    return claim


@pytest.fixture(scope="session")
def reports() -> st.SearchStrategy[Report]:
    """Arbitrary valid reports: odd text, extreme numbers, any mixture of trials."""
    text = st.text(max_size=20)
    count = st.integers(0, 2**40)
    number = st.floats(allow_nan=False, allow_infinity=False)
    positive = st.floats(min_value=1e-300, max_value=1e300)
    data = st.one_of(
        st.builds(Sphere, count=st.integers(1, 99), dimension=st.integers(1, 99), seed=count),
        st.builds(Digits, rows=st.lists(st.integers(0, 1796), max_size=3).map(tuple)),
        st.builds(Explicit, rows=st.tuples(st.tuples(number, number), st.tuples(number, number))),
    )
    model = st.builds(NeuralODE, sigma_u=positive, sigma_w=positive, sigma_v=positive, horizon=positive)
    structure = st.sampled_from(["gaussian", "zero", "symmetric", "antisymmetric", "rank-one"])
    weights = st.builds(Weights, structure=structure, gain=number, pinned=st.none() | number)
    case = st.builds(
        Case,
        activation=text,
        data=data,
        width=st.integers(1, 2**40),
        neural_ode=model,
        weights=weights,
        stratum=text,
        eta_factor=positive,
    )
    verdict, conclusion = st.sampled_from(Verdict), st.sampled_from(Conclusion)
    values = st.none() | st.booleans() | number | text | st.integers(-(2**63) + 1, 2**63 - 1)
    plain_numbers = st.dictionaries(text, values)
    outcome = st.builds(
        Build.outcome,
        case,
        test=text,
        seed=st.integers(0, 2**63 - 1),
        verdict=verdict,
        conclusion=conclusion,
        quantity=text,
        measured=st.none() | number,
        bound=st.none() | number.map(abs),
        ratio=st.none() | number,
        reason=text,
        evidence=st.none()
        | st.sampled_from(EVIDENCE)
        | st.builds(Comparison, scale=st.none() | number, numbers=plain_numbers),
        comparisons=count,
    )

    words = st.text(min_size=1, max_size=20).filter(str.strip)
    kinds = st.lists(st.sampled_from(list(PROVENANCES)), min_size=1, max_size=5, unique=True).map(tuple)
    sources = text | st.builds(
        Source,
        kinds=kinds,
        where=words,
        says=words,
        reading=words,
        other_readings=st.lists(text, max_size=2).map(tuple),
        paper_scale=text,
        our_scale=text,
    )

    @st.composite
    def claims(draw: st.DrawFn, name: str) -> ClaimReport:
        outcomes = tuple(draw(st.lists(outcome, max_size=3)))
        identifiers = st.sampled_from([o.case_id for o in outcomes]) if outcomes else st.none()
        kind = st.sampled_from(["random", "named", "control"])
        trials = st.lists(kind, max_size=4).flatmap(
            lambda kinds: st.tuples(
                *(
                    st.builds(
                        Build.trial,
                        property=text,
                        kind=st.just(k),
                        activation=text,
                        stratum=text,
                        verdict=verdict,
                        conclusion=st.none() | conclusion,
                        requested=count,
                        minimal=st.none() | identifiers,
                        reason=text,
                        defect=st.none() | text,
                        as_expected=st.booleans() if k == "control" else st.none(),
                        worst_ratio=st.none() | number,
                    )
                    for k in kinds
                )
            )
        )
        return Build.claim(
            *draw(trials),
            id=name,
            statement=draw(text),
            source=draw(sources),
            assumptions=tuple(draw(st.lists(text, max_size=2))),
            verdict=draw(verdict),
            counts=draw(st.sampled_from([True, False, msgspec.UNSET])),
            outcomes=outcomes,
        )

    names = st.lists(text, unique=True, max_size=3)
    return names.flatmap(lambda some: st.tuples(*(claims(name) for name in some))).flatmap(
        lambda them: st.builds(
            lambda **fields: Build.report(*them, **fields),
            paper=text,
            command=text,
            seed=st.integers(0, 2**63 - 1),
            warnings=st.lists(text, max_size=2).map(tuple),
            verdict=verdict,
            exit_status=st.sampled_from([0, 1, 3, 4]),
        )
    )


@pytest.fixture(scope="session")
def picture() -> Picture:
    """A picture with points, intervals, a line and a name that is markup."""
    widths = (64.0, 128.0, 256.0, 512.0)
    return Picture(
        kind="ladder",
        title="Error of <script>alert(2)</script> against width",
        x_label="width n",
        y_label="relative error",
        x_scale="log",
        y_scale="log",
        series=(
            Series(
                name="measured",
                x=widths,
                y=(0.2, 0.14, 0.1, 0.07),
                low=(0.18, 0.13, 0.09, 0.06),
                high=(0.22, 0.15, 0.11, 0.08),
            ),
            Series(name="slope -1/2 & <b>bold</b>", x=widths, y=(0.2, 0.1414, 0.1, 0.0707), style="line"),
        ),
        note="Points fall along the line where the claim holds.",
    )


@pytest.fixture(scope="session")
def large(picture: Picture) -> Report:
    """5,000 outcomes in nineteen claims: long details, failing cases, pictures, controls and ablations."""
    many = tuple(float(k) for k in range(150))
    bands = tuple(
        Series(name=f"series {k}", x=many, y=many, low=many, high=many, style=style)
        for k, style in enumerate(("points", "line", "band"))
    )
    picture = msgspec.structs.replace(picture, series=bands, x_scale="linear", y_scale="linear")
    claims = []
    for place in range(19):
        name = f"claim-number-{place}"
        details = {f"law of f / sqrt S, number {k}": 0.1234567 * (k + 1) for k in range(40)}
        outcomes = [
            Build.outcome(
                Case(
                    activation=f"tanh({k + 1}*x) + 0.25*softplus(x)",
                    data=Sphere(count=3, dimension=4, seed=k),
                    width=64,
                ),
                claim=name,
                verdict=Verdict.INCONCLUSIVE if k % 20 == 0 else Verdict.REFUTED if k % 20 == 1 else Verdict.SUPPORTED,
                ratio=k / 300,
                quantity=f"quantity {k % 3}",
                numbers=details,
                picture=picture if k < 4 else None,
            )
            for k in range(264)
        ]
        failing = [outcome.case_id for outcome in outcomes if outcome.verdict is Verdict.REFUTED]
        trials = [
            Build.trial(kind="named", activation=f"phi_{k}", verdict=Verdict.REFUTED, minimal=identifier)
            for k, identifier in enumerate(failing)
        ]
        trials += [Build.trial(activation=f"random {k}") for k in range(40)]
        trials += [
            Build.trial(kind="control", activation="relu(x)", minimal=outcome.case_id) for outcome in outcomes[100:140]
        ]
        trials += [
            Build.trial(
                kind="ablation",
                assumption=f"assumption {k % 5}",
                departure="a departure",
                conclusion=Conclusion.FAILS,
                minimal=outcome.case_id,
            )
            for k, outcome in enumerate(outcomes[140:240])
        ]
        claims.append(
            Build.claim(*trials, id=name, verdict=Verdict.REFUTED, quantifier="RATE", outcomes=tuple(outcomes))
        )
    return Build.report(*claims, verdict=Verdict.REFUTED, exit_status=1)

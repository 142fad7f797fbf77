"""The claims of "Global Convergence in Neural ODEs: Impact of Activation Functions" (ICLR 2025, arXiv 2509.22436).

Statements and sources are paraphrased. Written by hand, nothing else in here.
"""

from theory_check.claims import quantities as q
from theory_check.claims.claim import Claim, Control, Stratum

PAPER = "Global Convergence in Neural ODEs: Impact of Activation Functions (ICLR 2025, arXiv 2509.22436)"

_FORWARD = "test_forward_solution_exists_and_is_unique"
_BACKWARD = "test_adjoint_solution_is_unique"
_GRADIENT = "test_adjoint_gradient_equals_differences"
_CONDITIONAL = "test_output_given_the_features_is_standard_normal"
_MIXTURE = "test_output_law_at_the_top_width_is_normal"
_SPREAD = "test_relative_variance_of_the_conditional_variance_falls"
_VARIANCE = "test_output_variance_has_a_limit"
_DEFINITE = "test_tangent_kernel_is_positive_definite"
_NONDEGENERATE = "test_limiting_nngp_kernel_is_positive_definite"
_CONVERGENCE = "test_gradient_descent_converges_linearly"

_AT_KINKS: tuple[tuple[str, Stratum], ...] = (("relu", "zero-input"), ("relu", "pinned"), ("hardtanh", "pinned"))
_SINGULAR: tuple[tuple[str, Stratum], ...] = (
    ("identity", "crowded"),
    ("softplus", "repeated"),
    ("tanh", "antipodal"),
)


def _singular(test: str, quantity: str) -> tuple[Control, ...]:
    """Kernels that cannot be positive definite."""
    return tuple(
        Control(
            test=test,
            activation=activation,
            stratum=stratum,
            verdict="assumptions-not-met",
            conclusion="fails",
            quantity=quantity,
        )
        for activation, stratum in _SINGULAR
    )


_CLAIMS = (
    Claim(
        id="forward-unique",
        statement="For Lipschitz phi the forward solution exists on [0, T] and is unique.",
        source="Abstract: smoothness of the activation gives unique solutions of the forward ODE.",
        quantifier="ALL",
        assumptions=("lipschitz",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
        controls=(
            Control(
                test=_FORWARD,
                activation="sign_sqrt",
                stratum="zero-input",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.SEPARATION,
            ),
            Control(
                test=_FORWARD,
                activation="square",
                stratum="arbitrary",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.BLOW_UP,
            ),
        ),
    ),
    Claim(
        id="backward-unique",
        statement="For smooth phi the adjoint equation has one solution, whatever the solver and the choice of phi'.",
        source="Abstract: smoothness of the activation gives unique solutions of the backward ODE.",
        quantifier="ALL",
        assumptions=("smooth",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
        controls=tuple(
            Control(
                test=_BACKWARD,
                activation=activation,
                stratum=stratum,
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.JUMP,
            )
            for activation, stratum in _AT_KINKS
        ),
    ),
    Claim(
        id="adjoint-gradient",
        statement="For smooth phi gradients by the continuous adjoint equal differences of the loss.",
        source="Abstract: smoothness of the activation makes gradient computation accurate.",
        quantifier="ALL",
        assumptions=("smooth",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
        controls=(
            Control(
                test=_GRADIENT,
                activation="abs",
                stratum="pinned",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.DISCRETE,
            ),
            *(
                Control(
                    test=_GRADIENT,
                    activation="softplus",
                    stratum="arbitrary",
                    verdict="refuted",
                    conclusion="fails",
                    quantity=quantity,
                    defect=defect,
                )
                for defect, quantity in (
                    ("adjoint-wrong-sign", q.CONTINUOUS),
                    ("adjoint-without-derivative", q.CONTINUOUS),
                    ("adjoint-loose-solver", q.STEPS),
                )
            ),
        ),
    ),
    Claim(
        id="gaussian-output",
        statement="At initialisation the output of a wide network is Gaussian: a normal scale mixture at every width "
        "whose mixing variance S concentrates, Var(S) / E[S]^2 = O(1/n), around a limit.",
        source="Key result 1 and the list of technical contributions: convergence to a Gaussian process.",
        quantifier="LAW",
        assumptions=("lipschitz", "gaussian-weights", "wide"),
        strata=("sphere", "digits"),
        controls=(
            Control(
                test=_CONDITIONAL,
                activation="softplus",
                stratum="sphere",
                verdict="refuted",
                conclusion="fails",
                quantity=q.CONDITIONAL_VARIANCE,
                defect="readout-scaled-by-width",
            ),
            Control(
                test=_CONDITIONAL,
                activation="softplus",
                stratum="sphere",
                verdict="refuted",
                conclusion="fails",
                quantity=q.READOUT,
                defect="readout-tied-to-a-row",
            ),
            Control(
                test=_MIXTURE,
                activation="relu",
                stratum="narrow",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.MIXTURE,
            ),
            Control(
                test=_VARIANCE,
                activation="identity",
                stratum="sphere",
                verdict="supported",
                conclusion="holds",
                quantity=q.VARIANCE,
            ),
            Control(
                test=_VARIANCE,
                activation="identity",
                stratum="sphere",
                verdict="refuted",
                conclusion="fails",
                quantity=q.VARIANCE,
                defect="weights-scaled-by-width",
            ),
        ),
    ),
    Claim(
        id="nngp-nondegenerate",
        statement="For smooth phi that is not affine, and inputs of which no two are parallel, the limiting NNGP "
        "kernel is positive definite.",
        source="Key result 1: wide networks become Gaussian processes whose kernel is not degenerate.",
        quantifier="ALL",
        # A smooth phi is Lipschitz, and a Lipschitz polynomial is affine.
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "crowded", "digits"),
        controls=_singular(_NONDEGENERATE, q.NNGP_EIGENVALUE),
    ),
    Claim(
        id="ntk-positive-definite",
        statement="For smooth phi that is not a polynomial, and inputs of which no two are parallel, the tangent "
        "kernel is positive definite. Judged on empirical kernels of wide networks.",
        source="Abstract: sufficient nonlinearity of the activation keeps the spectrum of the tangent kernel positive.",
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "crowded", "digits"),
        controls=_singular(_DEFINITE, q.EIGENVALUE),
    ),
    Claim(
        id="linear-convergence",
        statement="From a stated width on, gradient descent with learning rate at most 1 / lambda_max(Theta_0) "
        "decreases the loss at least by (1 - eta lambda_0 / 2)^2 in every step while "
        "lambda_min(Theta_k) >= lambda_0 / 2.",
        source="Abstract: global convergence of gradient descent at a linear rate.",
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs", "small-learning-rate"),
        strata=("sphere", "digits"),
        controls=(
            Control(
                test=_CONVERGENCE,
                activation="softplus",
                stratum="large-step",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.DECREASE,
            ),
            Control(
                test=_CONVERGENCE,
                activation="identity",
                stratum="crowded",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.STALL,
            ),
            Control(
                test=_CONVERGENCE,
                activation="softplus",
                stratum="contradictory",
                verdict="assumptions-not-met",
                conclusion="fails",
                quantity=q.STALL,
            ),
        ),
    ),
)

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _CLAIMS}

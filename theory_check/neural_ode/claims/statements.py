"""The claims of "Global Convergence in Neural ODEs: Impact of Activation Functions" (ICLR 2025, arXiv 2509.22436).

Statements are paraphrased; where each comes from stands in `provenance.py`. Written by hand, nothing else in here.
"""

from theory_check.claims.claim import Claim, Control, planted_control
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.provenance import SOURCES
from theory_check.neural_ode.claims.vocabulary import Stratum

TITLE = "Global Convergence in Neural ODEs: Impact of Activation Functions (ICLR 2025, arXiv 2509.22436)"

_FORWARD = "test_forward_solution_exists_and_is_unique"
_BACKWARD = "test_adjoint_solution_is_unique"
_GRADIENT = "test_adjoint_gradient_equals_differences"
_RK4 = "test_gradients_of_rk4_are_of_fourth_order"
_CONDITIONAL = "test_output_given_the_features_is_standard_normal"
_MIXTURE = "test_output_law_at_the_top_width_is_normal"
_SPREAD = "test_relative_variance_of_the_conditional_variance_falls"
_VARIANCE = "test_output_variance_has_a_limit"
_NNGP_RATE = "test_empirical_nngp_kernels_approach_the_limit"
_NNGP_MEAN = "test_mean_nngp_kernel_is_the_limit"
_UNCORRELATED = "test_outputs_are_uncorrelated_given_the_features"
_COVARIANCE = "test_covariance_of_squared_outputs_falls_like_the_inverse_width"
_TANGENT_RATE = "test_empirical_tangent_kernels_approach_the_limit"
_LAYER_KERNELS = "test_kernels_of_the_layers_approach_those_of_the_ode"
_LAYER_NETWORKS = "test_states_and_gradients_of_the_layers_approach_those_of_the_ode"
_LAYER_GROWTH = "test_error_of_the_layers_does_not_grow_with_width"
_JOINT_TANGENT = "test_width_limit_of_the_tangent_kernel_is_uniform_in_depth"
_EXTRAPOLATED = "test_layers_extrapolated_give_the_kernels_of_the_ode"
_JOINT = "test_width_limit_is_uniform_in_depth"
_ORDER = "test_limiting_correlations_grow_with_those_of_the_inputs"
_SPREAD_OUT = "test_limiting_correlations_exceed_those_of_the_inputs"
_STATE_VARIANCE = "test_variances_grow_with_the_horizon"
_OUTPUT_VARIANCE = "test_variance_of_the_output_follows_phi"
_RESCALED = "test_scaled_weights_undo_the_horizon"
_DEFINITE = "test_tangent_kernel_is_positive_definite"
_NONDEGENERATE = "test_limiting_nngp_kernel_is_positive_definite"
_CONVERGENCE = "test_gradient_descent_converges_linearly"
_LINEARISED = "test_training_follows_its_linearisation"
_KERNEL_MOVES = "test_kernel_moves_less_the_wider_the_network"
_KERNEL_KEPT = "test_kernel_keeps_its_smallest_eigenvalue"
_STRETCHED = "test_training_feels_the_horizon_through_sigma_w_times_horizon"
_DIVERGES = "test_training_diverges_over_long_horizons"
_COARSE_EVALUATIONS = "test_well_smoothed_kinks_take_no_more_evaluations"

_AT_KINKS: tuple[tuple[str, Stratum], ...] = (("relu", "zero-input"), ("relu", "pinned"), ("hardtanh", "pinned"))
_NOT_KEPT: tuple[tuple[str, Stratum], ...] = (("softplus", "narrow"), ("identity", "crowded"))
_TYPICAL: tuple[Stratum, ...] = ("sphere", "digits")
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


def _planted(test: str, quantity: str, *defects: str, activation: str = "softplus") -> tuple[Control, ...]:
    """Wrong implementations that the property must refute, on points of the sphere."""
    return tuple(planted_control(test, quantity, defect, activation) for defect in defects)


_CLAIMS = (
    Claim(
        id="forward-unique",
        statement="For Lipschitz phi the forward solution exists on [0, T] and is unique.",
        source=SOURCES["forward-unique"],
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
        source=SOURCES["backward-unique"],
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
        source=SOURCES["adjoint-gradient"],
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
        id="discretize-optimize",
        statement="The gradient of a scheme of order p differs from that by the continuous adjoint like step^p: Euler "
        "1, midpoint 2, RK4 4, for phi with derivatives of every order.",
        source=SOURCES["discretize-optimize"],
        quantifier="RATE",
        assumptions=("smooth", "differentiable"),
        strata=("sphere", "digits"),
        controls=(
            # elu'' jumps: smooth in the paper's sense, and still too rough for a scheme of order four.
            *(
                Control(
                    test=_RK4,
                    activation=activation,
                    stratum="sphere",
                    verdict="assumptions-not-met",
                    conclusion="fails",
                    quantity=q.RK4_ORDER,
                )
                for activation in ("relu", "elu")
            ),
            *_planted(_RK4, q.RK4_ORDER, "rk4-is-euler"),
        ),
    ),
    Claim(
        id="resnet-limit",
        statement="States and gradients of the residual network of L layers approach those of the Neural ODE like 1/L, "
        "with a constant that does not grow with the width; so do its kernels at infinite width.",
        source=SOURCES["resnet-limit"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_LAYER_KERNELS, q.DEPTH_RATE, "layer-kernels-step-off"),
            *_planted(_LAYER_NETWORKS, q.NETWORK_DEPTH_RATE, "euler-step-off"),
            *_planted(_LAYER_GROWTH, q.NETWORK_GROWTH, "weights-scaled-too-little"),
        ),
    ),
    Claim(
        id="gaussian-output",
        statement="At initialisation the output of a wide network is Gaussian: a normal scale mixture at every width "
        "whose mixing variance S concentrates, Var(S) / E[S]^2 = O(1/n), around the limiting kernel; jointly over "
        "inputs.",
        source=SOURCES["gaussian-output"],
        quantifier="LAW",
        assumptions=("lipschitz", "gaussian-weights", "shared-weights", "scale", "wide"),
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
        id="nngp-limit",
        statement="As the width n grows the empirical NNGP kernel approaches its limit like n^(-1/2), in the root mean "
        "square over networks.",
        source=SOURCES["nngp-limit"],
        quantifier="RATE",
        assumptions=("lipschitz", "gaussian-weights", "shared-weights", "scale", "wide"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_NNGP_RATE, q.NNGP_RATE, "weights-scaled-by-width", "weights-resampled"),
            *_planted(_NNGP_MEAN, q.NNGP_MEAN, "weights-ten-per-cent-off"),
        ),
    ),
    Claim(
        id="nngp-nondegenerate",
        statement="For smooth phi that is not affine, and inputs of which no two are parallel, the limiting NNGP "
        "kernel is positive definite.",
        source=SOURCES["nngp-nondegenerate"],
        quantifier="ALL",
        # A smooth phi is Lipschitz, and a Lipschitz polynomial is affine.
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "crowded", "digits"),
        controls=_singular(_NONDEGENERATE, q.NNGP_EIGENVALUE),
    ),
    Claim(
        id="independent-outputs",
        statement="Outputs of one network are uncorrelated at every width n, and independent in the limit: the "
        "covariance of their squares is Var(S), S the mixing variance they share, and falls like 1/n.",
        source=SOURCES["independent-outputs"],
        quantifier="RATE",
        assumptions=("lipschitz", "gaussian-weights", "scale", "wide"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_UNCORRELATED, q.OUTPUT_CORRELATION, "readouts-tied"),
            *_planted(_COVARIANCE, q.COVARIANCE_RATE, "weights-scaled-too-little", activation="identity"),
        ),
    ),
    Claim(
        id="structure-kept",
        statement="The limiting correlation of two outputs is a non-decreasing function of the correlation of the "
        "inputs on [0, 1], for every phi, and so is the limiting tangent kernel.",
        source=SOURCES["structure-kept"],
        quantifier="ALL",
        assumptions=("lipschitz",),
        strata=("sphere", "digits"),
        controls=_planted(_ORDER, q.NNGP_ORDER, "kernel-shuffled"),
    ),
    Claim(
        id="spread-reduced",
        statement="The limiting correlation of two final states, and of two outputs, exceeds that of the inputs, "
        "unless these are parallel.",
        source=SOURCES["spread-reduced"],
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "digits"),
        controls=(
            *(
                Control(
                    test=_SPREAD_OUT,
                    activation="softplus",
                    stratum=stratum,
                    verdict="supported",
                    conclusion="holds",
                    quantity=q.STATE_SPREAD,
                )
                for stratum in _TYPICAL
            ),
            # Not a defect: this reading, which no text of the authors has, is false for odd functions that saturate.
            Control(
                test=_SPREAD_OUT,
                activation="tanh",
                stratum="sphere",
                verdict="refuted",
                conclusion="fails",
                quantity=q.OUTPUT_SPREAD,
            ),
        ),
    ),
    Claim(
        id="limits-commute",
        statement="Width first and then depth, and depth first and then width, give the same kernels.",
        source=SOURCES["limits-commute"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights", "shared-weights", "scale", "wide"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_EXTRAPOLATED, q.NNGP_EXTRAPOLATED, "layer-kernels-step-off"),
            *_planted(_JOINT, q.JOINT_RATE, "weights-resampled"),
            *_planted(_JOINT_TANGENT, q.JOINT_TANGENT_RATE, "kernel-without-recurrent-term", activation="identity"),
        ),
    ),
    Claim(
        id="ntk-limit",
        statement="For smooth phi the empirical tangent kernel approaches its limit like n^(-1/2) as the width n "
        "grows, in the root mean square over networks.",
        source=SOURCES["ntk-limit"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights", "scale", "wide"),
        strata=("sphere", "digits"),
        controls=(
            # The share of the term of W in the kernel is a quarter for the identity, a tenth for softplus.
            *_planted(_TANGENT_RATE, q.TANGENT_RATE, "kernel-without-recurrent-term", activation="identity"),
        ),
    ),
    Claim(
        id="ntk-positive-definite",
        statement="For smooth phi that is not a polynomial, and inputs of which no two are parallel, the tangent "
        "kernel is positive definite in the limit of infinite width.",
        source=SOURCES["ntk-positive-definite"],
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "crowded", "digits"),
        controls=_singular(_DEFINITE, q.EIGENVALUE),
    ),
    Claim(
        id="ntk-stable",
        statement="Along gradient descent the largest distance of the tangent kernel from its start falls at least "
        "like n^(-1/2) as the width n grows, and from a stated width on "
        "lambda_min(Theta_k) >= lambda_min(Theta_inf) / 2.",
        source=SOURCES["ntk-stable"],
        quantifier="RATE",
        assumptions=("smooth", "nonlinear", "distinct-inputs", "small-learning-rate", "gaussian-weights", "wide"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_KERNEL_MOVES, q.KERNEL_RATE, "training-in-mean-field", activation="sigmoid"),
            *(
                Control(
                    test=_KERNEL_KEPT,
                    activation=activation,
                    stratum=stratum,
                    verdict="assumptions-not-met",
                    conclusion="fails",
                    quantity=q.KEPT_EIGENVALUE,
                )
                for activation, stratum in _NOT_KEPT
            ),
        ),
    ),
    Claim(
        id="horizon-growth",
        statement="With sigma_w fixed the variance of h_T does not fall as T grows; that of the output grows "
        "exponentially where phi grows linearly and is at most sigma_v^2 sup phi^2 where phi is bounded. With "
        "sigma_w = c / T the network is that of horizon 1 and sigma_w = c.",
        source=SOURCES["horizon-growth"],
        quantifier="ALL",
        assumptions=("lipschitz",),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_STATE_VARIANCE, q.VARIANCE_FALL, "horizon-inverted", activation="tanh"),
            *_planted(_OUTPUT_VARIANCE, q.GROWTH, "horizon-ignored", activation="identity"),
            *_planted(_RESCALED, q.RESCALING, "weights-not-rescaled"),
        ),
    ),
    Claim(
        id="horizon-training",
        statement="Where phi grows linearly, and the learning rate stays that of a short horizon, long horizons bring "
        "lambda_max(Theta_T) beyond 2 / eta and training diverges; with sigma_w = c / T it is that of horizon 1 and "
        "sigma_w = c.",
        source=SOURCES["horizon-training"],
        quantifier="RATE",
        assumptions=("lipschitz", "linear-growth", "gaussian-weights"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_STRETCHED, q.STRETCHED_RUN, "stretched-five-per-cent-off"),
            # lambda_max grows for a bounded phi, too: like a power of the horizon, and training diverges as well.
            *(
                Control(
                    test=_DIVERGES,
                    activation="tanh",
                    stratum=stratum,
                    verdict="assumptions-not-met",
                    conclusion="holds",
                    quantity=q.DIVERGENCE,
                )
                for stratum in _TYPICAL
            ),
        ),
    ),
    Claim(
        id="linear-convergence",
        statement="From a stated width on, gradient descent with learning rate at most 1 / lambda_max(Theta_0) "
        "decreases the loss at least by (1 - eta lambda_0 / 2)^2 in every step while "
        "lambda_min(Theta_k) >= lambda_0 / 2; outputs follow (I - eta Theta_0)^k (f_0 - y), from which they deviate at "
        "least like n^(-1/2) as the width n grows.",
        source=SOURCES["linear-convergence"],
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs", "small-learning-rate"),
        strata=("sphere", "digits"),
        controls=(
            *_planted(_LINEARISED, q.LINEARISED_RATE, "learning-rate-ten-per-cent-too-large", activation="sigmoid"),
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
    Claim(
        id="smooth-trains-faster",
        statement="A piecewise linear phi whose kinks are smoothed, E[phi(x + eps Z)] in the place of phi(x), costs at "
        "most 5 % more evaluations of an adaptive solver, and steps of gradient descent to a target loss, in total "
        "over networks with the same weights and data; for eps of 0.03 and 0.3 standard deviations of the state (a "
        "guideline).",
        source=SOURCES["smooth-trains-faster"],
        quantifier="RATE",
        assumptions=("piecewise-linear", "distinct-inputs", "gaussian-weights"),
        strata=("sphere", "digits"),
        controls=(
            Control(
                test=_COARSE_EVALUATIONS,
                activation="relu",
                stratum="sphere",
                verdict="supported",
                conclusion="holds",
                quantity=q.COARSE_EVALUATIONS,
            ),
            # Against itself every network is a tie, so that ten per cent decide.
            *_planted(_COARSE_EVALUATIONS, q.COARSE_EVALUATIONS, "subject-charged-more", activation="relu"),
        ),
    ),
)

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _CLAIMS}

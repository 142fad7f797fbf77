"""Planted defects that the self-test tries beside the controls of every audit, and the claim that must kill each."""

from types import MappingProxyType

from theory_check.claims.claim import planted_control
from theory_check.neural_ode.claims import quantities as q

_FORWARD = "test_forward_solution_exists_and_is_unique"
_BACKWARD = "test_adjoint_solution_is_unique"
_GRADIENT = "test_adjoint_gradient_equals_differences"
_UNCORRELATED = "test_outputs_are_uncorrelated_given_the_features"
_CONDITIONAL = "test_output_given_the_features_is_standard_normal"
_MIXTURE = "test_output_law_at_the_top_width_is_normal"
_VARIANCE = "test_output_variance_has_a_limit"
_NNGP_RATE = "test_empirical_nngp_kernels_approach_the_limit"
_NNGP_MEAN = "test_mean_nngp_kernel_is_the_limit"
_TANGENT_MEAN = "test_mean_tangent_kernel_is_the_limit"
_EXTRAPOLATED = "test_layers_extrapolated_give_the_kernels_of_the_ode"
_FINE_EVALUATIONS = "test_slightly_smoothed_kinks_take_no_more_evaluations"
_FINE_STEPS = "test_slightly_smoothed_kinks_take_no_more_steps"


SELF_TEST_CONTROLS = MappingProxyType(
    {
        "forward-unique": (
            planted_control(_FORWARD, q.AGREEMENT, "step-two-per-cent-long", stratum="arbitrary"),
            planted_control(_FORWARD, q.REVERSAL, "time-reversal-short", stratum="arbitrary"),
            planted_control(_FORWARD, q.TANGENT_FLOW, "tangent-flow-too-steep", "identity", stratum="arbitrary"),
        ),
        "backward-unique": (
            planted_control(_BACKWARD, q.ADJOINT_AGREEMENT, "adjoint-state-stale", stratum="arbitrary"),
            planted_control(_BACKWARD, q.ADJOINT_AGREEMENT, "adjoint-loses-two-per-cent", stratum="arbitrary"),
            planted_control(_BACKWARD, q.ADJOINT_AGREEMENT, "adjoint-derivative-off", stratum="arbitrary"),
        ),
        "adjoint-gradient": (
            planted_control(_GRADIENT, q.DISCRETE, "final-adjoint-without-sigma-v", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "gradient-of-inputs-five-per-cent-off", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "gradient-of-readout-by-sigma-u", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "loss-without-half", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "adjoint-without-coefficients", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "adjoint-two-per-cent-short", stratum="arbitrary"),
            planted_control(_GRADIENT, q.DISCRETE, "backward-step-skipped", stratum="arbitrary"),
            planted_control(_GRADIENT, q.CONTINUOUS, "quadrature-weights-off", stratum="arbitrary"),
        ),
        "discretize-optimize": (
            planted_control("test_gradients_of_euler_are_of_first_order", q.EULER_ORDER, "euler-step-off"),
            planted_control(
                "test_gradients_of_the_midpoint_rule_are_of_second_order", q.MIDPOINT_ORDER, "midpoint-off-centre"
            ),
            planted_control("test_gradients_of_rk4_are_of_fourth_order", q.RK4_ORDER, "rk4-adjoint-coefficient-off"),
        ),
        "resnet-limit": (
            planted_control(
                "test_kernels_of_the_layers_approach_those_of_the_ode", q.DEPTH_RATE, "layers-step-not-squared"
            ),
        ),
        "gaussian-output": (
            planted_control(_CONDITIONAL, q.CONDITIONAL_VARIANCE, "readout-ten-per-cent-off"),
            planted_control(_CONDITIONAL, q.CONDITIONAL_VARIANCE, "readout-variance-two"),
            planted_control(_CONDITIONAL, q.CONDITIONAL_VARIANCE, "covariance-by-sigma-v-once"),
            planted_control(_MIXTURE, q.MIXTURE, "weights-heavy-tailed"),
            planted_control(_VARIANCE, q.VARIANCE, "limit-start-without-dimension"),
        ),
        "nngp-limit": (
            planted_control(_NNGP_MEAN, q.NNGP_MEAN, "inputs-scaled-by-dimension"),
            planted_control(_NNGP_RATE, q.NNGP_RATE, "weights-not-centred"),
            planted_control(_NNGP_RATE, q.NNGP_RATE, "input-rows-tied"),
            planted_control(_NNGP_MEAN, q.NNGP_MEAN, "limit-growth-not-squared"),
            planted_control(_NNGP_MEAN, q.NNGP_MEAN, "hermite-without-constant", "tanh"),
            planted_control(_NNGP_MEAN, q.NNGP_MEAN, "erf-dual-off", "erf"),
        ),
        "nngp-nondegenerate": (
            planted_control(
                "test_limiting_nngp_kernel_is_positive_definite",
                q.NNGP_EIGENVALUE,
                "off-diagonal-ten-per-cent-off",
            ),
        ),
        "independent-outputs": (
            planted_control(_UNCORRELATED, q.OUTPUT_CORRELATION, "readouts-correlated"),
            planted_control(_UNCORRELATED, q.OUTPUT_MOMENT, "readout-scaled-by-width"),
        ),
        "structure-kept": (
            planted_control(
                "test_limiting_correlations_grow_with_those_of_the_inputs",
                q.NNGP_ORDER,
                "near-inputs-ten-per-cent-off",
            ),
        ),
        "spread-reduced": (
            planted_control(
                "test_limiting_correlations_exceed_those_of_the_inputs",
                q.STATE_SPREAD,
                "limiting-correlation-ten-per-cent-off",
            ),
        ),
        "limits-commute": (
            planted_control(_EXTRAPOLATED, q.NNGP_EXTRAPOLATED, "limit-growth-five-per-cent-off"),
            planted_control(_EXTRAPOLATED, q.TANGENT_EXTRAPOLATED, "limit-tangent-without-recurrent-term"),
            planted_control(_EXTRAPOLATED, q.TANGENT_EXTRAPOLATED, "limit-tangent-input-term-off"),
        ),
        "ntk-limit": (
            planted_control(
                "test_empirical_tangent_kernels_approach_the_limit", q.TANGENT_RATE, "weights-scaled-by-width"
            ),
            planted_control(_TANGENT_MEAN, q.TANGENT_MEAN, "weights-ten-per-cent-off"),
            planted_control(_TANGENT_MEAN, q.TANGENT_MEAN, "kernel-without-input-term"),
            planted_control(_TANGENT_MEAN, q.TANGENT_MEAN, "kernel-by-sigma-w-once"),
        ),
        "ntk-positive-definite": (
            planted_control("test_tangent_kernel_is_positive_definite", q.EIGENVALUE, "off-diagonal-ten-per-cent-off"),
        ),
        "ntk-stable": (
            # The kernel of sigmoid moves least, so that ten per cent show at all widths.
            planted_control(
                "test_kernel_moves_less_the_wider_the_network",
                q.KERNEL_RATE,
                "kernel-drifts-by-ten-per-cent",
                "sigmoid",
            ),
            planted_control(
                "test_kernel_keeps_its_smallest_eigenvalue", q.KEPT_EIGENVALUE, "kernel-diagonal-too-small"
            ),
        ),
        "horizon-training": (
            planted_control(
                "test_training_feels_the_horizon_through_sigma_w_times_horizon",
                q.STRETCHED_RUN,
                "horizon-ignored-in-training",
            ),
            planted_control(
                "test_training_diverges_over_long_horizons", q.DIVERGENCE, "learning-rate-ten-per-cent-too-small"
            ),
        ),
        "horizon-growth": (
            planted_control("test_scaled_weights_undo_the_horizon", q.RESCALING, "rescaled-five-per-cent-off"),
        ),
        "linear-convergence": (
            planted_control("test_gradient_descent_converges_linearly", q.DECREASE, "descent-ascends-in-inputs"),
        ),
        "smooth-trains-faster": (
            planted_control(_FINE_EVALUATIONS, q.FINE_EVALUATIONS, "subject-charged-more", "abs"),
            planted_control(_FINE_STEPS, q.FINE_STEPS, "subject-learns-slower", "relu"),
            planted_control(_FINE_STEPS, q.FINE_STEPS, "kinks-smoothed-too-much", "abs"),
        ),
    }
)

"""Measured quantities: what a report prints, and what a control must be caught by.

An id, once in a report, stays; a text may be put better.
"""

from theory_check.claims.quantity import Quantity


def _error(identifier: str, text: str) -> Quantity:
    return Quantity(id=identifier, text=text, kind="error")


def _p_value(identifier: str, text: str) -> Quantity:
    return Quantity(id=identifier, text=text, kind="p-value")


def _slope(identifier: str, along: str, across: str, *, the: bool = False) -> Quantity:
    text = f"slope of {'the ' if the else ''}log {along} against log {across}"
    return Quantity(id=identifier, text=text, kind="slope", axes=(along, across))


def _ratio(identifier: str, text: str) -> Quantity:
    return Quantity(id=identifier, text=text, kind="ratio")


def _eigenvalue(identifier: str, text: str) -> Quantity:
    return Quantity(id=identifier, text=text, kind="eigenvalue")


SEPARATION = _error("separation", "separation at T from the smallest perturbation over that from the largest")
BLOW_UP = _error("blow-up", "horizon against the time at which the state has grown by 1e8")
AGREEMENT = _error("agreement", "difference of two solvers")
REVERSAL = _error("reversal", "return to the start, forward and back")
TANGENT_FLOW = _error("tangent-flow", "singular values of the tangent flow outside Gronwall's bounds")
PAIRS = _error("pairs", "separation of two solutions over that at the start, outside Gronwall's bounds")
JUMP = _error("jump", "change of the adjoint between the derivatives just left and right of the state")
ADJOINT_AGREEMENT = _error("adjoint-agreement", "difference of the adjoint between two solvers")
DISCRETE = _error("discrete", "difference of the loss of the scheme minus its discrete adjoint")
CONTINUOUS = _error("continuous", "difference of the loss minus the continuous adjoint")
STEPS = _error("steps", "largest error of an accepted step of the adaptive solver over its tolerance")
EULER_ORDER = _slope("euler-order", "error of Euler's gradients", "step", the=True)
MIDPOINT_ORDER = _slope("midpoint-order", "error of the midpoint rule's gradients", "step", the=True)
RK4_ORDER = _slope("rk4-order", "error of RK4's gradients", "step", the=True)
CONDITIONAL_VARIANCE = _p_value("conditional-variance", "variance of f / sqrt S")
READOUT = _p_value("readout", "correlation of the readout with a row of W")
CONDITIONAL_MEAN = _p_value("conditional-mean", "mean of f / sqrt S")
CONDITIONAL_SHAPE = _p_value("conditional-shape", "shape of f / sqrt S")
CONDITIONAL_LAW = _p_value("conditional-law", "law of f / sqrt S")
CONDITIONAL_JOINT = _p_value("conditional-joint", "joint law over inputs")
MIXTURE = _p_value("mixture", "distance of f from N(0, Sigma), beyond the allowance")
JOINT_MIXTURE = _p_value("joint-mixture", "distance of f over all inputs from N(0, Sigma), beyond the allowance")
RELATIVE_VARIANCE = _slope("relative-variance", "Var(S) / E[S]^2", "width")
VARIANCE = _p_value("variance", "relative difference of the output covariance from its limit, beyond the allowance")
EIGENVALUE = _eigenvalue("eigenvalue", "smallest eigenvalue of the normalised limiting tangent kernel")
EMPIRICAL_EIGENVALUE = _eigenvalue(
    "empirical-eigenvalue", "smallest eigenvalue of the normalised empirical tangent kernel"
)
OUTPUT_CORRELATION = _p_value("output-correlation", "correlation of two outputs over sqrt S")
OUTPUT_MOMENT = _p_value("output-moment", "mean of f1^2 f2^2 - S^2 over E[S]^2")
COVARIANCE_RATE = _slope("covariance-rate", "Var(S)", "width")
NNGP_RATE = _slope("nngp-rate", "error of empirical NNGP kernels", "width", the=True)
NNGP_MEAN = _p_value("nngp-mean", "size of the mean NNGP kernel over that of its limit, beyond the allowance")
TANGENT_RATE = _slope("tangent-rate", "error of empirical tangent kernels", "width", the=True)
TANGENT_MEAN = _p_value("tangent-mean", "size of the mean tangent kernel over that of its limit, beyond the allowance")
DEPTH_RATE = _slope("depth-rate", "error of the layers' kernels", "depth", the=True)
NETWORK_DEPTH_RATE = _slope("network-depth-rate", "error of the layers' states and gradients", "depth", the=True)
NETWORK_GROWTH = _slope("network-growth", "error of the layers' states and gradients", "width", the=True)
NNGP_EXTRAPOLATED = _error(
    "nngp-extrapolated", "NNGP kernel of the layers, extrapolated to infinite depth, minus that of the Neural ODE"
)
TANGENT_EXTRAPOLATED = _error(
    "tangent-extrapolated", "tangent kernel of the layers, extrapolated to infinite depth, minus that of the Neural ODE"
)
JOINT_RATE = _slope("joint-rate", "error of empirical NNGP kernels", "width, depth growing with width", the=True)
JOINT_TANGENT_RATE = _slope(
    "joint-tangent-rate", "error of empirical tangent kernels", "width, depth growing with width", the=True
)
NNGP_ORDER = _error("nngp-order", "fall of the limiting NNGP kernel as the correlation of two inputs grows")
TANGENT_ORDER = _error("tangent-order", "fall of the limiting tangent kernel as the correlation of two inputs grows")
STATE_SPREAD = _error("state-spread", "correlation of two inputs minus the limiting one of their final states")
OUTPUT_SPREAD = _error("output-spread", "correlation of two inputs minus the limiting one of their outputs")
VARIANCE_FALL = _error("variance-fall", "fall of the variance of the limiting state from one horizon to a longer one")
VARIANCE_EXCESS = _error("variance-excess", "limiting output variance over its bound sigma_v^2 sup phi^2, minus 1")
GROWTH = _error("growth", "growth of the log output variance that is missing of half the predicted one")
RESCALING = _error("rescaling", "states for (sigma_w, T) minus those for (sigma_w T, 1)")
NNGP_EIGENVALUE = _eigenvalue("nngp-eigenvalue", "smallest eigenvalue of the normalised limiting NNGP kernel")
DECREASE = _error("decrease", "largest decrease factor of the loss over its bound")
STALL = _error("stall", "share of the initial loss that gradient descent cannot reach")
KERNEL_RATE = _slope("kernel-rate", "movement of the tangent kernel in training", "width", the=True)
KEPT_EIGENVALUE = _error(
    "kept-eigenvalue", "half the smallest eigenvalue of the limiting tangent kernel over the least one along the run"
)
LINEARISED_RATE = _slope("linearised-rate", "distance of training from its linearisation", "width", the=True)
STRETCHED_RUN = _error("stretched-run", "training for (sigma_w / 4, 4 T) minus that for (sigma_w, T)")
BEYOND_STABILITY = _error("beyond-stability", "2 over eta lambda_max at the longest horizon")
DIVERGENCE = _error("divergence", "growth in a step that was asked for over that of the residual")
FINE_EVALUATIONS = _ratio(
    "fine-evaluations", "evaluations of the adaptive solver with kinks smoothed by 0.03, over those with kinks: totals"
)
COARSE_EVALUATIONS = _ratio(
    "coarse-evaluations", "evaluations of the adaptive solver with kinks smoothed by 0.3, over those with kinks: totals"
)
FINE_STEPS = _ratio(
    "fine-steps", "steps of gradient descent with kinks smoothed by 0.03, over those with kinks: totals"
)
COARSE_STEPS = _ratio(
    "coarse-steps", "steps of gradient descent with kinks smoothed by 0.3, over those with kinks: totals"
)

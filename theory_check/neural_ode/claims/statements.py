"""The claims of "Global Convergence in Neural ODEs: Impact of Activation Functions" (ICLR 2025, arXiv 2509.22436).

Statements are paraphrased; where each comes from stands in `provenance.py`; the controls of each stand beside its
properties. Written by hand, nothing else in here.
"""

from theory_check.claims.claim import Claim
from theory_check.neural_ode.claims.provenance import SOURCES

TITLE = "Global Convergence in Neural ODEs: Impact of Activation Functions (ICLR 2025, arXiv 2509.22436)"


_CLAIMS = (
    Claim(
        id="forward-unique",
        statement="For Lipschitz phi the forward solution exists on [0, T] and is unique.",
        source=SOURCES["forward-unique"],
        quantifier="ALL",
        assumptions=("lipschitz",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
    ),
    Claim(
        id="backward-unique",
        statement="For smooth phi the adjoint equation has one solution, whatever the solver and the choice of phi'.",
        source=SOURCES["backward-unique"],
        quantifier="ALL",
        assumptions=("smooth",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
    ),
    Claim(
        id="adjoint-gradient",
        statement="For smooth phi gradients by the continuous adjoint equal differences of the loss.",
        source=SOURCES["adjoint-gradient"],
        quantifier="ALL",
        assumptions=("smooth",),
        strata=("arbitrary", "digits", "zero-input", "pinned"),
    ),
    Claim(
        id="discretize-optimize",
        statement="The gradient of a scheme of order p differs from that by the continuous adjoint like step^p: Euler "
        "1, midpoint 2, RK4 4, for phi with derivatives of every order.",
        source=SOURCES["discretize-optimize"],
        quantifier="RATE",
        assumptions=("smooth", "differentiable"),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="resnet-limit",
        statement="States and gradients of the residual network of L layers approach those of the Neural ODE like 1/L, "
        "with a constant that does not grow with the width; so do its kernels at infinite width.",
        source=SOURCES["resnet-limit"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights"),
        strata=("sphere", "digits"),
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
    ),
    Claim(
        id="nngp-limit",
        statement="As the width n grows the empirical NNGP kernel approaches its limit like n^(-1/2), in the root mean "
        "square over networks.",
        source=SOURCES["nngp-limit"],
        quantifier="RATE",
        assumptions=("lipschitz", "gaussian-weights", "shared-weights", "scale", "wide"),
        strata=("sphere", "digits"),
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
    ),
    Claim(
        id="independent-outputs",
        statement="Outputs of one network are uncorrelated at every width n, and independent in the limit: the "
        "covariance of their squares is Var(S), S the mixing variance they share, and falls like 1/n.",
        source=SOURCES["independent-outputs"],
        quantifier="RATE",
        assumptions=("lipschitz", "gaussian-weights", "scale", "wide"),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="structure-kept",
        statement="The limiting correlation of two outputs is a non-decreasing function of the correlation of the "
        "inputs on [0, 1], for every phi, and so is the limiting tangent kernel.",
        source=SOURCES["structure-kept"],
        quantifier="ALL",
        assumptions=("lipschitz",),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="spread-reduced",
        statement="The limiting correlation of two final states, and of two outputs, exceeds that of the inputs, "
        "unless these are parallel.",
        source=SOURCES["spread-reduced"],
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="limits-commute",
        statement="Width first and then depth, and depth first and then width, give the same kernels.",
        source=SOURCES["limits-commute"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights", "shared-weights", "scale", "wide"),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="ntk-limit",
        statement="For smooth phi the empirical tangent kernel approaches its limit like n^(-1/2) as the width n "
        "grows, in the root mean square over networks.",
        source=SOURCES["ntk-limit"],
        quantifier="RATE",
        assumptions=("smooth", "gaussian-weights", "scale", "wide"),
        strata=("sphere", "digits"),
    ),
    Claim(
        id="ntk-positive-definite",
        statement="For smooth phi that is not a polynomial, and inputs of which no two are parallel, the tangent "
        "kernel is positive definite in the limit of infinite width.",
        source=SOURCES["ntk-positive-definite"],
        quantifier="ALL",
        assumptions=("smooth", "nonlinear", "distinct-inputs"),
        strata=("sphere", "crowded", "digits"),
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
    ),
)

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _CLAIMS}

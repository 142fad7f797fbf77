"""Words of claims about Neural ODEs: assumptions, with what each means, and the parts of the space of cases."""

from typing import Literal, get_args

Assumption = Literal[
    "lipschitz",
    "smooth",
    "differentiable",
    "nonlinear",
    "linear-growth",
    "piecewise-linear",
    "distinct-inputs",
    "wide",
    "small-learning-rate",
    "gaussian-weights",
    "shared-weights",
    "scale",
]
Stratum = Literal[
    "sphere",
    "digits",
    "given",
    "arbitrary",
    "zero-input",
    "pinned",
    "crowded",
    "independent",
    "repeated",
    "antipodal",
    "contradictory",
    "large-step",
    "narrow",
]

STRATA: tuple[str, ...] = get_args(Stratum)

EXPLAINED: dict[str, str] = {
    "lipschitz": "phi is Lipschitz",
    "smooth": "phi and its derivative are Lipschitz",
    "differentiable": "phi has derivatives of every order (known from its expression)",
    "nonlinear": "phi is not a polynomial (certified by value; a Lipschitz phi that is not affine is none)",
    "linear-growth": "phi grows linearly on a half-line",
    "piecewise-linear": "phi is piecewise linear and has a kink",
    "distinct-inputs": "no input is zero and no two are parallel (x and -x count as parallel)",
    "wide": "the width is large (8 or more)",
    "small-learning-rate": "the learning rate is at most 1 / lambda_max(Theta_0)",
    "gaussian-weights": "entries of the weights are independent N(0, 1)",
    "shared-weights": "W is the same at every time",
    "scale": "W acts as sigma_w W / sqrt n",
}

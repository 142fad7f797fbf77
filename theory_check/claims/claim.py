"""A claim of a paper as a record: what is said, under which assumptions, and what must be seen to fail."""

from typing import Literal

import msgspec

Quantifier = Literal["ALL", "RATE", "LAW"]
Assumption = Literal[
    "lipschitz",
    "smooth",
    "differentiable",
    "nonlinear",
    "linear-growth",
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
    "repeated",
    "antipodal",
    "contradictory",
    "large-step",
    "narrow",
]

EXPLAINED: dict[Assumption, str] = {
    "lipschitz": "phi is Lipschitz",
    "smooth": "phi and its derivative are Lipschitz",
    "differentiable": "phi has derivatives of every order (known from its expression)",
    "nonlinear": "phi is not a polynomial (certified by value; a Lipschitz phi that is not affine is none)",
    "linear-growth": "phi grows linearly on a half-line",
    "distinct-inputs": "no input is zero and no two are parallel (x and -x count as parallel)",
    "wide": "the width is large (8 or more)",
    "small-learning-rate": "the learning rate is at most 1 / lambda_max(Theta_0)",
    "gaussian-weights": "entries of the weights are independent N(0, 1)",
    "shared-weights": "W is the same at every time",
    "scale": "W acts as sigma_w W / sqrt n",
}


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case, or a defect, that the claim's property must not call supported.

    activation, stratum: what the general search is narrowed to; it must find the failure by itself.
    test: name of the property it belongs to.
    defect: name of a planted defect that is active during the trial, or None.
    verdict, conclusion: what must come out.
    quantity: what must have shown it: the quantity of the minimal outcome.
    """

    test: str
    activation: str
    stratum: Stratum
    verdict: Literal["refuted", "assumptions-not-met", "supported"]
    conclusion: Literal["fails", "holds"]
    quantity: str
    defect: str | None = None


def planted_control(
    test: str, quantity: str, defect: str, activation: str = "softplus", *, stratum: Stratum = "sphere"
) -> Control:
    """The property must refute its claim, by this quantity, while the defect is active."""
    return Control(
        test=test,
        activation=activation,
        stratum=stratum,
        verdict="refuted",
        conclusion="fails",
        quantity=quantity,
        defect=defect,
    )


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of the paper.

    source: where the paper makes it (paraphrased).
    strata: parts of the space of cases, each searched on its own, so that none is left to luck.
    """

    id: str
    statement: str
    source: str
    quantifier: Quantifier
    assumptions: tuple[Assumption, ...]
    strata: tuple[Stratum, ...]
    controls: tuple[Control, ...]

"""A case in words, for a reader who never saw the tool: every number that fixes it, in the paper's notation."""

from theory_check.neural_ode.case import Case, Data, Digits, Explicit, Sphere, Weights

_STRUCTURES = {
    "gaussian": "W with independent N(0, 1) entries",
    "zero": "W = 0",
    "symmetric": "the symmetric part of a Gaussian W",
    "antisymmetric": "the antisymmetric part of a Gaussian W",
    "rank-one": "W of rank one",
}


def describe_case(case: Case) -> list[tuple[str, str]]:
    """Labels and values that say what a case is, one pair a line; nothing that fixes the case is left out."""
    model = case.neural_ode
    if case.is_model:
        return _describe_model_case(case)
    lines = [
        ("activation phi", case.activation),
        ("inputs", _describe_data(case.data)),
        ("width", f"n = {case.width}"),
        (
            "model",
            f"sigma_u = {_number(model.sigma_u)}, sigma_w = {_number(model.sigma_w)}, "
            f"sigma_v = {_number(model.sigma_v)}, horizon T = {_number(model.horizon)}",
        ),
        ("weights", _describe_weights(case.weights)),
        ("stratum", case.stratum),
    ]
    if case.eta_factor != 1.0:
        lines.append(("learning rate", f"{_number(case.eta_factor)} / lambda_max(Theta_0)"))
    return lines


def _describe_model_case(case: Case) -> list[tuple[str, str]]:
    lines = [
        ("model", f"dh/dt = F(t, h), F built by {case.activation}, states in R^{case.width}"),
        ("inputs", f"h_0 = x: {_describe_data(case.data)}"),
        ("horizon", f"T = {_number(case.neural_ode.horizon)}"),
        ("stratum", case.stratum),
    ]
    if case.eta_factor != 1.0:
        lines.append(("learning rate", f"{_number(case.eta_factor)} / lambda_max(Theta_0)"))
    return lines


def _describe_data(data: Data) -> str:
    match data:
        case Sphere():
            return f"{data.count} points with |x| = sqrt({data.dimension}) in R^{data.dimension}, seed {data.seed}"
        case Digits():
            rows = ", ".join(str(row) for row in data.rows)
            return f"digits of scikit-learn, rows {rows}, scaled to |x| = 8"
        case Explicit():
            rows = "; ".join(f"({', '.join(_number(value) for value in row)})" for row in data.rows)
            if data.labels is None:
                return rows
            return f"{rows} with labels {', '.join(_number(value) for value in data.labels)}"


def _describe_weights(weights: Weights) -> str:
    text = _STRUCTURES[weights.structure]
    if weights.gain != 1.0:
        text += f", times {_number(weights.gain)}"
    if weights.pinned is not None:
        text += f"; coordinate 0 of the first input's state stays at {_number(weights.pinned)} (row 0 of W is zero)"
    return text


def _number(value: float) -> str:
    """The shortest decimal that reads back as the same number; 1.0 as 1."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

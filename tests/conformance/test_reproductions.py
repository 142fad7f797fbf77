"""The reproductions in reports/conformance/README.md run, and print what stands beside them."""

import io
import re
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import pytest

FINDINGS = Path(__file__).parents[2] / "reports" / "conformance" / "README.md"
PAIRS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", FINDINGS.read_text(), re.DOTALL)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")
MEASURED_WITH = {"torchdiffeq": "0.2.5", "torchode": "1.0.1", "diffrax": "0.7.2"}


def test_every_finding_has_a_reproduction_of_at_most_ten_lines() -> None:
    """Nothing is claimed without one."""
    findings = FINDINGS.read_text().split("\n## ")[2:]
    assert len(findings) == 4
    assert all("```python" in finding for finding in findings)
    assert all(sum(bool(line.strip()) for line in code.splitlines()) <= 10 for code, _ in PAIRS)


@pytest.mark.parametrize(("code", "printed"), PAIRS, ids=[f"reproduction {k}" for k in range(len(PAIRS))])
def test_a_reproduction_prints_what_was_measured(code: str, printed: str) -> None:
    """The same lines, numbers to a factor of two: roundings differ from machine to machine and grow by exp(20)."""
    library = next(name for name in MEASURED_WITH if name in code)
    assert version(library) == MEASURED_WITH[library], "measure anew with this version, and say so"
    printing = io.StringIO()
    with redirect_stdout(printing):
        exec(code, {"__name__": "reproduction"})  # noqa: S102  (our own README; a process each would import torch anew)
    found = printing.getvalue()
    assert NUMBER.sub("#", found) == NUMBER.sub("#", printed)
    for here, there in zip(NUMBER.findall(found), NUMBER.findall(printed), strict=True):
        assert float(here) == pytest.approx(float(there), rel=1.0), (here, there)

"""Audits of activations that nobody chose: how many cells come out undecided? Resumable; run by hand, not by CI.

    python tests/seeds/run_unseen.py /tmp/unseen
    python tests/seeds/run_unseen.py /tmp/unseen --claim adjoint-gradient --claim horizon-growth

A cell is one claim and one activation in `theory-check audit --activation EXPRESSION`. The audit of an activation
leaves a folder PROFILE-SEED-NUMBER, or PROFILE-SEED-NUMBER-CLAIM-... where claims were asked for, below the first
argument, made without the claims' controls, which say nothing about it; those that are there are not run again.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.document import Report, load_report
from theory_check.reporting.matrix import Cell, claim_matrix
from theory_check.runs.run import run_properties
from theory_check.search.request import make_request

# Drawn by Hypothesis 6 with seed 2509 and phases=[Phase.generate] from each strategy: every third expression (every
# fourth of the smaller classes) that is no bare function of the catalogue, since Hypothesis varies what it has drawn.
ACTIVATIONS = (
    # smooth_activations
    "-0.5*sin(cos(0.75*x + 1.0)*sigmoid(-2.0*x + 0.25))",
    "cos(x + 0.5)",
    "arctan(silu(-x - 0.5))*sin(0.5*x)",
    "arctan(softplus(-x) + 0.5*softplus(2.0*x + 1.0))*erf(2.0*x + 1.0) - elu(-x)",
    "0.5*((sin(2.0*x + 1.0) + 2.0*sin(2.0*x))*tanh(-x) - elu(-x))",
    "cos(softplus(-2.0*x))",
    "softplus(softplus(0.5*x - 1.0))",
    "sin(0.5*x)",
    "0.5*(-2.0*silu(-2.0*x - 1.0) - 2.0*elu(-2.0*x - 1.0))",
    "0.5*tanh(-2.0*x) - 2.0*sin(-2.0*x)",
    "tanh(-0.5*x + 0.25) - 0.5*x",
    "cos(softplus(0.5*x - 1.0))",
    # kinked_activations
    "-0.5*sin(hardtanh(0.75*x + 1.0)*sigmoid(-2.0*x + 0.25))",
    "0.5*(-0.5*abs(3.0*x + 0.25))",
    "1.5*relu(1.5*x + 0.5)",
    # growing_activations
    "x + tanh(x)",
    "leaky_relu(1.5*x + 1.0)",
    # bounded_activations
    "-0.5*tanh(hardtanh(3.0*x + 0.5))",
    "sin(1.5*tanh(2.0*x + 0.25))",
    # differentiable_activations
    "-0.5*sin(sigmoid(gelu(0.75*x + 1.0))*cos(-2.0*x))",
)


def audited(folder: Path, profile: str, seed: int, claims: list[str], number: int) -> Report:
    """The report on one activation, made now unless it is there."""
    place = folder / "-".join([profile, str(seed), str(number), *claims])
    if not place.is_dir():
        request = make_request(
            profile=profile, seed=seed, claims=claims, activations=[ACTIVATIONS[number]], mode="survey"
        )
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _, written = run_properties(request, report_dir=scratch, workers=1)
            shutil.move(written, place)
    return load_report(place)


def undecided(cell: Cell) -> str:
    """Why a cell counts as undecided, or empty: what is refuted, or fails beyond the assumptions, is decided."""
    if cell.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}:
        return cell.verdict.value
    unmet = cell.verdict is Verdict.ASSUMPTIONS_NOT_MET
    return "undecided beyond the assumptions" if unmet and cell.conclusion is Conclusion.UNDECIDED else ""


def main() -> int:
    """Print one line for each cell and the count; exit 1 when more than one cell in 100 is undecided."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--claim", action="append", default=[], help="Audit this claim only (repeatable).")
    parser.add_argument("--number", action="append", type=int, default=[], help="Of an activation (repeatable).")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    cells = 0
    for number in asked.number or range(len(ACTIVATIONS)):
        report = audited(asked.folder, asked.profile, asked.seed, asked.claim, number)
        print(f"{ACTIVATIONS[number]}, {report.seconds:.0f} s", flush=True)
        for row in claim_matrix(report):
            for cell in row.cells.values():
                cells += 1
                open_ = undecided(cell)
                if open_:
                    counts[open_] = counts.get(open_, 0) + 1
                print(f"    {row.claim}: {cell.text}{' <- ' + open_ if open_ else ''}", flush=True)
    said = ", ".join(f"{count} {name}" for name, count in counts.items()) or "none undecided"
    print(f"{cells} cells: {said}")
    # What breaks the assumptions has no verdict: how many of those conclusions stay open is told, not judged.
    return int(sum(n for name, n in counts.items() if name in {"inconclusive", "error"}) > 0.01 * cells)


if __name__ == "__main__":
    sys.exit(main())

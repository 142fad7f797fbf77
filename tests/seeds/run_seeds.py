"""Audits with many root seeds: are the verdicts the recorded ones every time? Resumable; run by hand, not by CI.

    python tests/seeds/run_seeds.py /tmp/seeds --profile quick --seeds 20
    python tests/seeds/run_seeds.py /tmp/seeds --profile gate --seeds 5
    python tests/seeds/run_seeds.py /tmp/seeds --claim gaussian-output

Each audit leaves a folder PROFILE-SEED, with --claim PROFILE-SEED-CLAIMS, below the first argument; those that are
there are not run again.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from theory_check.reporting.document import Report, load_report
from theory_check.reporting.exit_status import compare_with_baseline
from theory_check.reporting.recorded import load_recorded

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"


def audited(folder: Path, profile: str, seed: int, claims: list[str]) -> Report:
    """The report of one audit, made now unless it is there."""
    place = folder / "-".join([profile, str(seed), *claims])
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            command = ["theory-check", "audit", "--profile", profile, "--seed", str(seed), "--report-dir", scratch]
            command += [word for claim in claims for word in ("--claim", claim)]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            (written,) = Path(scratch).iterdir()
            written.rename(place)
    return load_report(place)


def main() -> int:
    """Print one line for each seed; exit 1 when any verdict differs from the recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--claim", action="append", default=[], help="Audit this claim only (repeatable).")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    recorded = load_recorded(RECORDED / asked.profile)
    different = 0
    for seed in range(asked.seeds):
        report = audited(asked.folder, asked.profile, seed, asked.claim)
        lines = compare_with_baseline(report, recorded, named_claims=bool(asked.claim))
        different += bool(lines)
        said = "; ".join(lines) if lines else "the recorded verdicts"
        print(f"{asked.profile}, seed {seed}, {report.seconds:.0f} s: {said}", flush=True)
    print(f"{asked.seeds - different} of {asked.seeds} seeds with the recorded verdicts")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())

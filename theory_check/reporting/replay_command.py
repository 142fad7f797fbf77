"""The command that recomputes a case of a report."""

import shlex
from pathlib import Path

from theory_check.claims.paper import paper_on_trial
from theory_check.judge.verdict import Outcome

# What the names of properties begin with that lie in the package itself, not in a folder of properties.
IN_PACKAGE = "theory_check."


def replay_command(outcome: Outcome, report: Path | str = "report.json", properties: Path | str = ".") -> str:
    """What to type for a case of `report`, shell-quoted.

    A property of a user's own lies below `properties`, pytest's root in their run; its code, and an activation that is
    code, is run on demand only.
    """
    words = ["theory-check", "replay", str(report), outcome.case_id]
    paper = paper_on_trial()
    own = outcome.claim not in paper.claims and not outcome.test.startswith(IN_PACKAGE)
    if own:
        words += ["--properties", str(properties)]
    if own or (isinstance(outcome.case, paper.case) and paper.runs_code(outcome.case)):
        words.append("--trust-code")
    return shlex.join(words)

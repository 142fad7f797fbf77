"""The workflow file of the README is one that GitHub accepts, and its commands are ones that exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from theory_check.cli.main import cli
from theory_check.judge.profile import PROFILES
from theory_check.neural_ode.claims.statements import CLAIMS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FILES = ("theory-check.yml", "theory-check-matrix.yml")
OPERATORS = {"&&", "||", ";", "|", ">", ">>"}


def workflow_text(file: str = FILES[0]) -> str:
    """The indented block that begins with the file's name."""
    _, found, rest = README.partition(f"    # .github/workflows/{file}\n")
    assert found
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines) + "\n"


def parsed(text: str) -> dict[str, Any]:
    """As YAML 1.2 reads it, in which `on` is a word."""
    return YAML(typ="safe", pure=True).load(text)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The first file."""
    return parsed(workflow_text())


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands_of(text: str) -> list[list[str]]:
    """The arguments of every theory-check that a script starts."""
    found = []
    for line in re.sub(r"\$\{\{.*?\}\}", "1", text).splitlines():  # an expression of GitHub's is one word
        words: list[str] | None = None
        for word in shlex.split(line):
            if word == "theory-check":
                words = []
                found.append(words)
            elif word in OPERATORS:
                words = None
            elif words is not None:
                words.append(word)
    return found


@pytest.mark.parametrize("file", FILES)
def test_github_accepts_it(tmp_path: Path, file: str) -> None:
    """By the schema of workflow files, which refuses a step that is none."""
    path = tmp_path / file

    def check(text: str) -> subprocess.CompletedProcess[str]:
        path.write_text(text)
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    text = workflow_text(file)
    good, bad = check(text), check(text.replace("runs-on:", "run-on:", 1))
    assert good.returncode == 0, good.stdout + good.stderr
    assert bad.returncode == 1


def test_every_command_parses_and_names_what_exists(workflow: dict[str, Any]) -> None:
    """Options, claims, profiles and formats, checked by the command line itself and executed nowhere."""
    commands = [words for step in steps_of(workflow) for words in commands_of(step.get("run", ""))]
    assert sorted(words[0] for words in commands) == ["audit", "render"]
    for name, *arguments in commands:
        context = cli.commands[name].make_context(name, arguments)
        if name == "audit":
            assert set(context.params["claims"]) <= set(CLAIMS)
            assert context.params["claims"]
            assert context.params["profile"] in PROFILES


def test_a_matrix_runs_every_shard_and_merges_what_it_uploads() -> None:
    """As many parts as shards, under names that the merging job downloads."""
    jobs = parsed(workflow_text(FILES[1]))["jobs"]
    shard, merge = jobs["shard"], jobs["merge"]
    parts = shard["strategy"]["matrix"]["part"]
    (audit,) = (words for step in shard["steps"] for words in commands_of(step.get("run", "")))
    params = cli.commands["audit"].make_context("audit", audit[1:]).params
    assert params["shard"] == f"1/{len(parts)}"
    assert parts == list(range(1, len(parts) + 1))
    (up,) = (step["with"] for step in shard["steps"] if "upload" in step.get("uses", ""))
    (down,) = (step["with"] for step in merge["steps"] if "download" in step.get("uses", ""))
    assert up == {"name": "part-${{ matrix.part }}", "path": params["report_dir"]}
    assert down["pattern"] == "part-*"
    assert merge["needs"] == "shard"
    (merging,) = (words for step in merge["steps"] for words in commands_of(step.get("run", "")))
    assert merging == ["merge", down["path"]]


@pytest.mark.parametrize("line", ["theory-check audit --claims x", "theory-check render r --format sarfi"])
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    """The check above can fail."""
    ((name, *arguments),) = commands_of(f"mkdir x && {line} > out")
    with pytest.raises(click.UsageError):
        cli.commands[name].make_context(name, arguments)


def test_what_is_uploaded_is_what_was_written(workflow: dict[str, Any]) -> None:
    """Artifact and SARIF come from the audit's folder, also when the audit fails, with the permission for it."""
    steps = {step["uses"].partition("@")[0]: step for step in steps_of(workflow) if "uses" in step}
    (folder,) = {
        words[words.index("--report-dir") + 1]
        for step in steps_of(workflow)
        for words in commands_of(step.get("run", ""))
        if words[0] == "audit"
    }
    assert steps["actions/upload-artifact"]["with"]["path"] == folder
    assert steps["github/codeql-action/upload-sarif"]["with"]["sarif_file"] == folder
    for name in ("actions/upload-artifact", "github/codeql-action/upload-sarif"):
        assert steps[name]["if"] == "always()"
    assert workflow["jobs"]["audit"]["permissions"]["security-events"] == "write"
    assert set(workflow["on"]) == {"push", "schedule"}


def test_the_table_of_exit_statuses_has_every_command_that_has_one_of_its_own() -> None:
    """A command whose help speaks of an exit status has a column."""
    head = next(line for line in README.splitlines() if line.startswith("| | `audit`"))
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if "exit status" in (command.help or "").lower():
            assert f"`{name}`" in head, name

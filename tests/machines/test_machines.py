"""The tool that tries other machines: its list of them, what it refuses, and how it knows what really runs."""

import json
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import machine_settings
import run_machines
from machine_settings import CORE_TYPES, SETTINGS, CannotRun, Kernels, Setting, kernels_in_use, settings_named
from run_machines import Run

PLAIN = Kernels(python="3.11.7", threads=1, openblas="Haswell", aten="AVX2", mkl="AVX2", numpy="X86_V3")
BY_NAME = {setting.name: setting for setting in SETTINGS}
Answer = Callable[[str], None]


def changed(setting: Setting) -> int:
    """How many things are otherwise than on the machine as it is."""
    return (setting.threads != 1) + len(setting.variables)


def test_one_thing_is_changed_at_a_time_and_then_several() -> None:
    """Every core type, capability and mode has a setting of its own; names are distinct; the first changes nothing."""
    assert len(BY_NAME) == len(SETTINGS)
    several = [min(changed(setting), 2) for setting in SETTINGS]
    assert several == sorted(several)
    assert several.count(0) == 1
    alone = {(name, value) for s in SETTINGS if changed(s) == 1 for name, value in s.variables.items()}
    assert {("OPENBLAS_CORETYPE", core_type) for core_type in CORE_TYPES} < alone
    assert {("ATEN_CPU_CAPABILITY", "avx2"), ("ATEN_CPU_CAPABILITY", "default"), ("MKL_CBWR", "COMPATIBLE")} < alone
    together = {value for s in SETTINGS if changed(s) > 1 for value in s.variables.values()}
    assert {value for _, value in alone} - together == {
        "Zen",
        "SkylakeX",
    }  # the newest kernels, with the others new too


def test_a_setting_is_not_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller chose is removed, or set to what the setting says."""
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = BY_NAME["Haswell"].environment()
    assert "MKL_CBWR" not in environment
    assert environment["OPENBLAS_CORETYPE"] == "Haswell"
    assert {environment[name] for name in machine_settings.THREADS} == {"1"}
    assert environment["PATH"] == os.environ["PATH"]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the name and those that there are; exit status 2."""
    with pytest.raises(SystemExit) as ended:
        run_machines.main(["--only", "Haswell", "--only", "Pentium"])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "no setting is called 'Pentium'; there are as-it-is, two-threads, Haswell, Zen," in last


def test_settings_keep_their_order() -> None:
    """Whatever the order of the names; without names all of them."""
    assert [setting.name for setting in settings_named(["Nehalem", "as-it-is"])] == ["as-it-is", "Nehalem"]
    assert settings_named([]) == SETTINGS


def test_this_machine_says_what_it_takes() -> None:
    """Two threads were asked for and two are taken; NumPy without its instructions has none."""
    setting = Setting(
        "any", 2, {"NPY_DISABLE_CPU_FEATURES": BY_NAME["plain-numpy"].variables["NPY_DISABLE_CPU_FEATURES"]}
    )
    found = kernels_in_use(setting)
    assert (found.threads, found.numpy) == (2, "plain")
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.openblas != "absent"


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Puts a program in the place of the probe."""

    def answer(program: str) -> None:
        path = tmp_path / "probe.py"
        path.write_text(program)
        monkeypatch.setattr(machine_settings, "PROBE", path)

    return answer


def said(calls: str = "", **found: object) -> str:
    """A probe that prints this."""
    plain = {"python": "3.11.7", "threads": 1, "openblas": ["Haswell"], "aten": "AVX2", "numpy": ["X86_V3"]}
    return f"print({calls!r}); print({json.dumps(plain | found)!r})"


@pytest.mark.parametrize(
    ("name", "program", "message"),
    [
        ("SkylakeX", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "was killed by SIGILL: it said nothing"),
        ("Haswell", "import sys\nsys.exit('no such library')", "ended with exit status 1: no such library"),
        ("SkylakeX", said(), "OpenBLAS takes Haswell in place of SkylakeX"),
        ("Nehalem", said(openblas=[]), "OpenBLAS takes absent in place of Nehalem"),
        ("Nehalem", said(openblas=["Haswell", "Nehalem"]), "takes Haswell and Nehalem in place of Nehalem"),
        ("aten-default", said(), "ATen takes AVX2 in place of default"),
        (
            "mkl-compatible",
            said("MKL_VERBOSE DGEMM(N) 1us CNR:OFF Dyn:1"),
            r"in mode COMPATIBLE \(MKL: as it chooses\)",
        ),
        ("mkl-compatible", said(), r"not MKL's in mode COMPATIBLE \(MKL: absent\)"),
        ("plain-numpy", said(), "NumPy takes X86_V3 all the same"),
        ("two-threads", said(), "torch takes 1 threads in place of 2"),
    ],
)
def test_what_cannot_run_is_noticed(name: str, program: str, message: str, answer: Answer) -> None:
    """A kernel that kills its process, and a library that takes another one in silence."""
    answer(program)
    with pytest.raises(CannotRun, match=message):
        kernels_in_use(BY_NAME[name])


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("Zen", said()),
        ("Prescott", said(openblas=["Katmai"])),
        ("aten-avx2", said()),
        ("mkl-compatible", said("MKL_VERBOSE DGEMM(N) 1us CNR:COMPATIBLE Dyn:1")),
    ],
)
def test_what_runs_is_let_run(name: str, program: str, answer: Answer) -> None:
    """Two names of one set of kernels among them."""
    answer(program)
    assert kernels_in_use(BY_NAME[name]).threads == 1


def test_outcomes_are_those_of_pytest(tmp_path: Path) -> None:
    """By test; what fails outside its body has failed, and a process that ends early is noticed."""
    (tmp_path / "test_four.py").write_text(
        "import pytest\n"
        "def test_passes(): pass\n"
        "def test_fails(): assert False\n"
        "def test_skips(): pytest.skip('x')\n"
        "def test_misses(nothing): pass\n"
    )
    found, wrong = run_machines.tested(SETTINGS[0], [str(tmp_path)], tmp_path)
    by_test = {test.rpartition("::")[2].removeprefix("test_"): outcome for test, outcome in found.items()}
    assert by_test == {"passes": "passed", "fails": "failed", "skips": "skipped", "misses": "failed"}
    assert wrong == []
    (tmp_path / "test_four.py").write_text("import os, signal\ndef test_dies(): os.kill(os.getpid(), signal.SIGILL)\n")
    (tmp_path / "tests.xml").unlink()
    assert run_machines.tested(SETTINGS[0], [str(tmp_path)], tmp_path) == (
        {},
        ["the tests' process was killed by SIGILL"],
    )


def test_verdicts_are_set_against_the_recorded_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded report differs in nothing, another profile's in something; an audit that leaves none is noticed."""
    program = tmp_path / "theory-check"
    monkeypatch.setattr(run_machines, "command", lambda _name: str(program))
    gate = run_machines.RECORDED.with_name("gate")
    for recorded, same in ((run_machines.RECORDED, True), (gate, False)):
        reports = tmp_path / recorded.name
        # $5: audit --profile quick --report-dir FOLDER
        program.write_text(f"#!/bin/sh\nmkdir -p $5/one && cp {recorded}/verdicts.json $5/one/\n")
        program.chmod(0o755)
        assert (run_machines.audited(SETTINGS[0], [], reports) == []) == same
    program.write_text("#!/bin/sh\nkill -ILL $$\n")
    wrong = run_machines.audited(SETTINGS[0], [], tmp_path / "none")
    assert wrong == ["the audit was killed by SIGILL and left 0 reports"]


def tried_as(monkeypatch: pytest.MonkeyPatch, kernels: dict[str, Kernels], runs: dict[str, Run]) -> list[str]:
    """Stand-ins for probes and runs; a setting without kernels cannot run. What was run is added to the result."""
    tried: list[str] = []

    def probe(setting: Setting) -> Kernels:
        if setting.name not in kernels:
            raise CannotRun("no such instructions")
        return kernels[setting.name]

    def run(setting: Setting, _arguments: Sequence[str], _claims: Sequence[str], **_parts: bool) -> Run:
        tried.append(setting.name)
        return runs[setting.name]

    monkeypatch.setattr(run_machines, "kernels_in_use", probe)
    monkeypatch.setattr(run_machines, "tried", run)
    return tried


def test_nothing_is_left_out_in_silence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A setting that cannot run and one that is another's again are listed; neither is run, nor changes the status."""
    good = Run({"a": "passed"}, (), "the recorded verdicts")
    tried = tried_as(monkeypatch, {"as-it-is": PLAIN, "Haswell": PLAIN}, {"as-it-is": good})
    assert run_machines.main(["--only", "as-it-is", "--only", "Haswell", "--only", "SkylakeX"]) == 0
    lines = {line.split(" ")[0]: line for line in capsys.readouterr().out.splitlines() if not line.startswith("==")}
    assert tried == ["as-it-is"]
    assert lines["as-it-is"].endswith("1 passed, 0 failed; the recorded verdicts; same")
    assert lines["Haswell"].endswith("the same as as-it-is")
    assert "cannot run here" in lines["SkylakeX"]
    assert lines["SkylakeX"].endswith("no such instructions")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Run({"a": "failed"}, ("a failed",), "no audit"), "Nehalem: a failed"),
        (Run({"a": "skipped"}, (), "no audit"), "Nehalem: a: passed in the first setting, skipped here"),
        (Run({}, (), "no audit"), "Nehalem: a: passed in the first setting, absent here"),
    ],
)
def test_what_differs_is_said_and_fails(
    second: Run, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure, a test that is skipped and one that is gone."""
    other = Kernels(**(vars(PLAIN) | {"openblas": "Nehalem"}))
    runs = {"as-it-is": Run({"a": "passed"}, (), "no audit"), "Nehalem": second}
    tried_as(monkeypatch, {"as-it-is": PLAIN, "Nehalem": other}, runs)
    assert run_machines.main(["--only", "as-it-is", "--only", "Nehalem", "--tests"]) == 1
    out = capsys.readouterr().out
    assert said in out.splitlines()
    assert "DIFFERENT" in out


def test_running_nothing_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no setting that was asked for can run; a list is none the worse for it."""
    tried_as(monkeypatch, {}, {})
    assert run_machines.main(["--only", "Zen"]) == 1
    assert run_machines.main(["--only", "Zen", "--list"]) == 0


def test_other_pythons_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that starts is found and was not asked for, one that does not start is not found."""
    for name, status in (("python3.12", 0), ("python3.13", 127)):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nexit {status}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(run_machines.sys, "version_info", (3, 11, 0))
    first, second = run_machines.of_other_pythons()
    assert first.startswith(f"Python 3.12: found at {tmp_path}/python3.12, not asked for; `TOX_DISCOVER={tmp_path}/")
    assert second.startswith("Python 3.13: not found, neither on the path nor in TOX_DISCOVER; ")

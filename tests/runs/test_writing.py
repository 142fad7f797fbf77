"""A run's folder appears whole or not at all, and never replaces another."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest

from theory_check.reporting import html_writer
from theory_check.reporting.document import ReportError, load_report
from theory_check.reporting.json_writer import render
from theory_check.runs.writing import new_run_name, require_writable, write_reports, write_text

FILES = {
    "report.json",
    "verdicts.json",
    "report.md",
    "report.html",
    "junit.xml",
    "report.sarif",
    "summary.md",
    "badge.json",
}

WRITER = """
import sys
from pathlib import Path
from theory_check.reporting.document import load_report
from theory_check.runs.writing import write_reports
report = load_report(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    print(write_reports(report, Path(sys.argv[2])).name, flush=True)
"""


def names(folder: Path) -> set[str]:
    """Everything in a folder, hidden entries included."""
    return {entry.name for entry in folder.iterdir()}


def test_a_run_has_its_files_whole(build, tmp_path):
    """Every format, in the folder that was asked for, parents made, nothing else left."""
    report = build.full()
    folder = write_reports(report, tmp_path / "a" / "b" / "run")
    assert folder == tmp_path / "a" / "b" / "run"
    assert names(folder) == FILES
    assert names(folder.parent) == {"run"}
    assert load_report(folder) == report
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# Audit by theory-check: refuted\n")
    assert (folder / "report.html").read_text(encoding="utf-8") == html_writer.render(report)
    assert junitparser.JUnitXml.fromfile(str(folder / "junit.xml")).tests == 3


def test_pictures_are_files_as_well(build, picture, tmp_path, monkeypatch):
    """One standalone SVG for each case with a picture, by claim and case; synced before the folder gets its name."""
    shown = build.outcome(picture=picture)
    hostile = build.outcome(build.kink, claim="../../etc/x", picture=picture)
    report = build.report(build.claim(build.trial(), outcomes=(shown, hostile)))
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (synced.append(Path(f"/proc/self/fd/{d}").readlink().name), fsync(d))[1])
    folder = write_reports(report, tmp_path / "run")
    figures = {f"adjoint-gradient-{shown.case_id}.svg", f"..%2F..%2Fetc%2Fx-{hostile.case_id}.svg"}
    assert names(folder) == FILES | {"figures"}
    assert names(folder / "figures") == figures
    assert figures | {"figures"} <= set(synced)
    for name in figures:
        root = ET.parse(folder / "figures" / name).getroot()  # noqa: S314 - written by the code under test
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_a_disk_that_fails_while_pictures_are_written_leaves_nothing_behind(build, picture, tmp_path, monkeypatch):
    """The folder of pictures is part of the one rename."""
    mkdir = Path.mkdir

    def refuse(path: Path, *args: object, **options: object) -> None:
        if path.name == "figures":
            full_disk()
        mkdir(path, *args, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    report = build.report(build.claim(build.trial(), outcomes=(build.outcome(picture=picture),)))
    with pytest.raises(ReportError, match="No space left on device"):
        write_reports(report, tmp_path / "run")
    assert names(tmp_path) == set()


def test_a_text_replaces_a_file_whole_or_not_at_all(tmp_path, monkeypatch):
    """What was there is replaced by a rename; a failing disk leaves it as it was, and nothing beside it."""
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(ReportError, match=r"cannot write '.*page.html': No space left on device"):
            write_text("text", target)
    assert target.read_text(encoding="utf-8") == "old"
    write_text("text", target)
    assert target.read_text(encoding="utf-8") == "text"
    assert names(tmp_path) == {"page.html"}


def test_a_folder_has_the_permissions_of_any_new_folder(build, tmp_path):
    """Reports are read by others: the umask decides, as for mkdir."""
    (tmp_path / "plain").mkdir()
    folder = write_reports(build.full(), tmp_path / "run")
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_existing_run_is_never_touched(build, tmp_path):
    """A second run, an empty folder, a file and a dangling link of that name are all left alone."""
    first = write_reports(build.full(), tmp_path / "run")
    before = (first / "report.json").read_bytes()
    second = write_reports(build.report(), tmp_path / "run")
    assert second.name == "run-2"
    assert (first / "report.json").read_bytes() == before
    (tmp_path / "run-3").mkdir()
    (tmp_path / "run-4").write_text("mine")
    (tmp_path / "run-5").symlink_to(tmp_path / "nowhere")
    assert write_reports(build.report(), tmp_path / "run").name == "run-6"
    assert names(tmp_path / "run-3") == set()
    assert (tmp_path / "run-4").read_text() == "mine"
    assert (tmp_path / "run-5").is_symlink()


def test_a_name_taken_between_look_and_rename_is_left_to_its_owner(build, tmp_path, monkeypatch):
    """Another process finishes a run of that name at the last moment: both runs stay whole."""
    replace = os.replace

    def overtaken(source: Path, target: Path) -> None:
        if target.name == "run":
            target.mkdir()
            (target / "report.json").write_text("theirs")
        replace(source, target)

    monkeypatch.setattr(os, "replace", overtaken)
    assert write_reports(build.full(), tmp_path / "run").name == "run-2"
    assert (tmp_path / "run" / "report.json").read_text() == "theirs"
    assert names(tmp_path) == {"run", "run-2"}


def full_disk(*_: object) -> None:
    """A system call on a disk without space."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failing_disk_leaves_nothing_behind(build, tmp_path, monkeypatch, call):
    """Whichever system call fails, there is one line of error and no folder, not even a hidden one."""
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(ReportError, match=r"cannot write reports to '.*run': No space left on device"):
        write_reports(build.full(), tmp_path / "run")
    monkeypatch.undo()
    assert names(tmp_path) == set()


def test_a_disk_that_takes_no_more_leaves_nothing_behind(build, tmp_path):
    """A real limit of the operating system, hit in the middle of a file."""
    source, runs = tmp_path / "source.json", tmp_path / "runs"
    source.write_text(render(build.full()), encoding="utf-8")
    code = (
        "import resource, sys; from pathlib import Path;"
        "from theory_check.reporting.document import load_report;"
        "from theory_check.runs.writing import write_reports;"
        "report = load_report(Path(sys.argv[1]));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "write_reports(report, Path(sys.argv[2]) / 'run')"
    )
    command = [sys.executable, "-B", "-c", code, str(source), str(runs)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "ReportError: cannot write reports to" in process.stderr.splitlines()[-1]
    assert "File too large" in process.stderr.splitlines()[-1]
    assert names(runs) == set()


def test_an_interrupt_while_writing_leaves_nothing_behind(build, tmp_path, monkeypatch):
    """Ctrl-C between two files is no half-written run, and stays an interrupt."""
    synced = []

    def interrupt(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_reports(build.full(), tmp_path / "run")
    assert names(tmp_path) == set()


def test_files_are_synced_before_the_folder_is_named(build, tmp_path, monkeypatch):
    """A power cut after the rename must not leave empty files under the final name."""
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (calls.append("fsync"), fsync(descriptor))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b))[1])
    write_reports(build.full(), tmp_path / "run")
    assert calls == ["fsync"] * (len(FILES) + 1) + ["replace", "fsync"]


def test_a_report_that_cannot_be_rendered_touches_no_disk(build, tmp_path):
    """A NaN is found before a folder is made."""
    with pytest.raises(ReportError, match="finite"):
        write_reports(build.report(seconds=float("nan")), tmp_path / "new" / "run")
    assert names(tmp_path) == set()


def test_an_unwritable_folder_is_one_line(build, tmp_path):
    """A file where a folder should be, and a place where not even root may write."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "run", Path("/proc/nowhere/run"), tmp_path / ("a" * 300)):
        with pytest.raises(ReportError, match="cannot write reports to") as error:
            write_reports(build.full(), folder)
        assert str(error.value).isprintable()
    for parent in (
        tmp_path / "file",
        tmp_path / "file" / "deeper",
        Path("/proc/nowhere"),
        Path("a\0b"),
        tmp_path / ("a" * 300),
    ):
        with pytest.raises(ReportError, match="must be writable") as error:
            require_writable(parent)
        assert str(error.value).isprintable()


def test_asking_whether_a_folder_is_writable_leaves_nothing_behind(tmp_path, monkeypatch):
    """Neither the probe nor missing parents stay, for absolute and relative paths."""
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "a" / "b", Path(), Path("a/b")):
        require_writable(folder)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("started", ["2026-05-04T03:15:00Z", "2026-05-04T03:15:00.123456+00:00"])
def test_a_run_is_named_by_its_start_and_seed(started):
    """Sortable, and free of characters that a file system or a shell minds."""
    assert new_run_name(started, 7) == "2026-05-04T031500Z-seed-7"


def test_two_processes_that_want_one_name_both_get_a_whole_run(build, tmp_path):
    """Fifty runs of one name from two processes: fifty folders, and an onlooker never sees an unfinished one."""
    source, runs = tmp_path / "source.json", tmp_path / "runs"
    source.write_text(render(build.full()), encoding="utf-8")
    runs.mkdir()
    command = [sys.executable, "-c", WRITER, str(source), str(runs / "run")]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    looks = 0
    while any(writer.poll() is None for writer in writers):
        for name in names(runs):
            if not name.startswith("."):
                assert names(runs / name) == FILES
                looks += 1
    made = [name for writer in writers for name in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert looks > 0
    assert len(made) == 50
    assert set(made) == names(runs) == {"run", *(f"run-{number}" for number in range(2, 51))}
    for name in made:
        assert json.loads((runs / name / "report.json").read_text(encoding="utf-8"))["verdict"] == "refuted"

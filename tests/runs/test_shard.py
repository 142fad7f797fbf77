"""Shards: every trial in one of them, all or nothing when they are merged, one error budget over them."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.profile import DECLARED_CALLS
from theory_check.neural_ode.case import Explicit
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.reporting.records import ReportError
from theory_check.runs.assembly import environment_of
from theory_check.runs.shard import Shard, asked, load_shard, merged, render_shard, require_whole
from theory_check.runs.unfinished import MACHINE
from theory_check.search.found import Found
from theory_check.search.plan import Plan, of_shard
from theory_check.search.request import MOST_SHARDS, Request, RequestError, make_request, read_request

REQUEST = Request(seed=3, claims=("adjoint-gradient",))
IDENTITY = {"code": "abc", MACHINE: "x86_64"}


def found(build: Any, position: int, calls: int = 10) -> Found:
    """What a trial found."""
    outcome = build.outcome()
    return Found(
        claim=CLAIMS["adjoint-gradient"],
        position=position,
        trial=build.trial(),
        outcomes=(outcome,),
        test_calls=calls,
    )


def shard(build: Any, number: int, of: int = 3, **fields: Any) -> Shard:
    """The i-th of three, with one trial."""
    given = {
        "number": number,
        "of": of,
        "request": asked(REQUEST),
        "identity": IDENTITY,
        "environment": environment_of("cpu"),
        "command": "theory-check audit",
        "started": f"2026-05-04T03:15:0{number}Z",
        "seconds": float(number),
        "trials": 1,
        "found": (found(build, number),),
    }
    return Shard(**(given | fields))


def at(*shards: Shard) -> dict[str, Shard]:
    """By the folders a, b, c, ..."""
    return {chr(ord("a") + place): one for place, one in enumerate(shards)}


@given(counts=st.lists(st.integers(0, 7), min_size=1, max_size=8), of=st.integers(1, 9))
def test_every_trial_is_in_one_shard(counts: list[int], of: int) -> None:
    """Properties with any numbers of trials; no shard has two trials more than another."""
    first, dealt = 0, {number: [] for number in range(1, of + 1)}
    for prop, count in enumerate(counts):
        wanted = [Plan(position, "random", f"{prop}", "sphere") for position in range(count)]
        for number, plans in dealt.items():
            plans.extend(of_shard(wanted, (number, of), first))
        assert of_shard(wanted, None, first) == wanted
        first += count
    names = [f"{plan.activation} {plan.position}" for plans in dealt.values() for plan in plans]
    assert sorted(names) == sorted(f"{prop} {place}" for prop, count in enumerate(counts) for place in range(count))
    sizes = {len(plans) for plans in dealt.values()}
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "text",
    ["0/3", "4/3", "1", "1/", "/3", "a/b", "1/3/4", "-1/3", "+1/3", "1/ 3", "1_0/20", f"1/{MOST_SHARDS + 1}", "²/3"],
)
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """With what was written."""
    with pytest.raises(RequestError, match="shard"):
        make_request(shard=text)


def test_a_request_travels_whole() -> None:
    """Rows of data and all, but for the shard: that is equal for none of them."""
    rows = Explicit(rows=((1.0, 2.5), (0.1, -3.0)))
    request = make_request(profile="gate", seed=9, activations=["tanh"], claims=["ntk-limit"], mode="ablation")
    request = Request(**{**vars(request), "data": rows, "data_note": "a note", "shard": (2, 5)})
    again = read_request(asked(request))
    assert again == Request(**{**vars(request), "shard": None})


def test_shards_in_any_order_make_one_report(build: Any) -> None:
    """With the calls of all of them, and the trials in the order of their property."""
    shards = [shard(build, number) for number in (1, 2, 3)]
    reports = [merged(some, REQUEST, "theory-check merge") for some in permutations(shards)]
    assert all(report == reports[0] for report in reports)
    assert reports[0].budget.calls == 30
    assert (reports[0].verdict, reports[0].exit_status, reports[0].warnings) == ("supported", 0, ())
    assert (reports[0].started, reports[0].seconds) == ("2026-05-04T03:15:01Z", 3.0)
    assert len(reports[0].claims[0].trials) == 3


def test_the_error_budget_is_one(build: Any) -> None:
    """Shards that keep to it each, and not together, are an error."""
    half = DECLARED_CALLS // 2 + 1
    report = merged([shard(build, k, 2, found=(found(build, k, half),)) for k in (1, 2)], REQUEST, "merge")
    assert (report.verdict, report.exit_status) == ("error", 4)
    assert f"{2 * half} statistical tests were made" in report.warnings[0]


def test_what_a_shard_lost_is_lost(build: Any) -> None:
    """A trial without an answer makes the whole an error."""
    report = merged([shard(build, 1, 2), shard(build, 2, 2, trials=2, lost=("x: KilledWorker",))], REQUEST, "merge")
    assert (report.verdict, report.exit_status) == ("error", 4)
    assert "a trial was lost: x: KilledWorker" in report.warnings


def test_machines_may_be_of_different_kinds(build: Any) -> None:
    """The report says so: a replay need not give the last digits."""
    arm = shard(build, 2, 2, identity=IDENTITY | {MACHINE: "aarch64"})
    report = merged([shard(build, 1, 2), arm], REQUEST, "merge")
    assert "1 on x86_64; 1 on aarch64" in report.warnings[-1]
    assert report.exit_status == 0


def test_all_shards_pass(build: Any) -> None:
    """In any order."""
    require_whole(at(*(shard(build, number) for number in (3, 1, 2))))


@pytest.mark.parametrize(
    ("numbers", "changed", "said"),
    [
        ((1, 3), {}, "1 of 3 shards are missing: 2; a part has no verdict"),
        ((1, 2, 2), {}, "shard 2/3 comes twice: in 'b' and 'c'"),
        ((1, 2, 3), {"of": 4}, "'a' and 'c' are shards of different audits; parts: 3 and 4"),
        ((1, 2, 3), {"request": asked(Request(seed=4, claims=REQUEST.claims))}, "different audits; seed: 3 and 4"),
        ((1, 2, 3), {"identity": IDENTITY | {"code": "xyz"}}, "different audits; code: 'abc' and 'xyz'"),
        ((1, 2, 3), {"found": ()}, "shard 'c' has 0 of its 1 trials: run it again"),
        ((1, 2, 3), {"identity": {MACHINE: "x86_64"}}, "different audits; code: 'abc' and 'none'"),
    ],
)
def test_what_is_no_whole_is_refused(build: Any, numbers: tuple[int, ...], changed: dict[str, Any], said: str) -> None:
    """With the folders and what is wrong with them."""
    *others, last = numbers
    with pytest.raises(ReportError) as refused:
        require_whole(at(*(shard(build, number) for number in others), shard(build, last, **changed)))
    assert said in str(refused.value)


def test_a_trial_that_comes_twice_is_refused(build: Any) -> None:
    """However it got into two shards."""
    shards = at(shard(build, 1, 2), shard(build, 2, 2, found=(found(build, 1),)))
    with pytest.raises(ReportError, match="is in 'a' and in 'b'"):
        require_whole(shards)


def test_a_shard_is_read_as_it_was_written(build: Any, tmp_path: Path) -> None:
    """From its folder or its file; what is damaged is one line."""
    one = shard(build, 1)
    (tmp_path / "shard.json").write_text(render_shard(one), encoding="utf-8")
    assert load_shard(tmp_path) == load_shard(tmp_path / "shard.json") == one
    (tmp_path / "shard.json").write_text(render_shard(one)[:100], encoding="utf-8")
    with pytest.raises(ReportError, match=r"is no shard of an audit by this version: Input data was truncated"):
        load_shard(tmp_path)
    with pytest.raises(ReportError, match=r"no shard at '.*': No such file"):
        load_shard(tmp_path / "absent")

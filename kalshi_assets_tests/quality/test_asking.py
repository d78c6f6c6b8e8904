"""What a pass says is what Great Expectations' own `Batch.validate` says of the same rows."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, get_args

import great_expectations as gx
import pandas as pd
import pytest
from great_expectations.expectations import core as gxe
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.quality.asking import Told, ask
from kalshi_assets.quality.rules import Rule

RULES = (
    Rule("number", at_least=0.0, at_most=10.0),
    Rule("number", at_least=5.0),
    Rule("whole", at_most=3.0),
    Rule("flag", one_of=(True,)),
    Rule("word", one_of=("open", "closed")),
    Rule("absent", one_of=(True,)),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.floats(-1, 11) | st.just(float("nan")),
            "whole": st.none() | st.integers(0, 5),
            "flag": st.none() | st.booleans(),
            "word": st.none() | st.sampled_from(("open", "closed", "odd")),
        }
    ),
    max_size=6,
)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["number", "whole", "flag", "word"])
    return made.astype({"number": "float64", "whole": "Int64"})


@cache
def whole_frames() -> Any:
    source = gx.get_context(mode="ephemeral").data_sources.add_pandas("reference")
    return source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")


def by_its_own_way(rules: list[Rule], rows: pd.DataFrame, told: Told) -> list[Any]:
    """Return what Great Expectations says by its public way, in the order of the rules."""
    expectations: list[Any] = [gxe.ExpectTableRowCountToBeBetween(min_value=1, meta={"at": 0})]
    for position, rule in enumerate(rules, start=1):
        named: dict[str, Any] = {"column": rule.column, "meta": {"at": position}}
        if rule.one_of is not None:
            values = list(rule.one_of)
            expectations.append(gxe.ExpectColumnValuesToBeInSet(value_set=values, **named))
            continue
        low, high = rule.at_least, rule.at_most
        expectations.append(
            gxe.ExpectColumnValuesToBeBetween(min_value=low, max_value=high, **named)
        )
    suite = gx.ExpectationSuite(name="reference", expectations=expectations)
    batch = whole_frames().get_batch(batch_parameters={"dataframe": rows})
    found = batch.validate(suite, result_format={"result_format": told}).results
    return sorted(found, key=lambda result: result.expectation_config.meta["at"])


@pytest.mark.parametrize("told", get_args(Told))
@given(rows=ROWS, rules=st.lists(st.sampled_from(RULES), unique=True, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_answer_is_great_expectations_own(
    told: Told, rows: list[dict[str, Any]], rules: list[Rule]
) -> None:
    ours = ask(rules, frame(rows), told)
    theirs = by_its_own_way(rules, frame(rows), told)
    assert [result.success for result in ours] == [result.success for result in theirs]
    assert [result.result for result in ours] == [result.result for result in theirs]


def test_a_pass_knows_nothing_of_the_rows_of_another() -> None:
    good, bad = frame([{"number": 1.0}] * 3), frame([{"number": 1.0}, {"number": 99.0}])
    rule = Rule("number", at_least=0.0, at_most=10.0)

    def holds(rows: pd.DataFrame) -> bool:
        return bool(ask([rule], rows, "BOOLEAN_ONLY")[1].success)

    assert [holds(good), holds(bad), holds(good), holds(frame([]))] == [True, False, True, True]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(holds, [good, bad] * 40))
    assert found == [True, False] * 40


def test_what_cannot_be_measured_has_not_held_and_says_why() -> None:
    rows = pd.DataFrame({"number": ["many", "few"], "word": ["open", "closed"]})
    rules = [
        Rule("number", at_least=0.0),
        Rule("absent", 0.0),
        Rule("word", one_of=("open", "closed")),
    ]
    for told in get_args(Told):
        results = ask(rules, rows, told)
        assert [result.success for result in results] == [True, False, False, True]
        [_, number, absent, _] = results
        assert "None or of the same type" in str(number.exception_info)
        assert "absent" in str(absent.exception_info)
        assert "absent" not in str(number.exception_info)


def said(words: str) -> list[str]:
    """Return what a Python of its own says."""
    done = subprocess.run(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_checks_leave_no_thread_behind_so_that_others_can_fork_from_the_process() -> None:
    count = "import threading; print(threading.active_count())"
    assert said(f"import kalshi_assets.quality.rehearsal; {count}") == ["1"]


def test_a_process_that_has_rehearsed_works_nothing_out_for_its_checks() -> None:
    words = """
import kalshi_assets.quality.rehearsal
from kalshi_assets.quality.asking import question
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings
before = question.cache_info()
asked = [r for c in checks(quality_limits_of(load_settings())) for r in (None, *c.rules)]
for rule in asked:
    question(rule, "BOOLEAN_ONLY"), question(rule, "COMPLETE")
after = question.cache_info()
print(after.misses - before.misses, after.hits - before.hits == 2 * len(asked), len(asked) > 30)
"""
    assert said(words) == ["0", "True", "True"]

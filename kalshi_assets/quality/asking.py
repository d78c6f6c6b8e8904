"""Asks Great Expectations whether rules hold of rows, and which rows are bad.

What it needs for a rule is worked out once a process. Its own `Batch.validate` hashes the rows
twice, writes every expectation down anew and works out anew which measures it rests on: five
sixths of the time of a pass, and nothing of that depends on the rows. Here only measures are taken.
No context of its is made, so it sends no usage data.
Importing this module imports Great Expectations, which takes seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import pandas as pd

from kalshi_assets.quality.rules import Rule
from kalshi_assets.quality.unused import leave_out

leave_out()
from great_expectations.core import (  # noqa: E402  what it need not import is left out first
    ExpectationValidationResult,
)
from great_expectations.execution_engine import PandasExecutionEngine  # noqa: E402
from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: E402
from great_expectations.validator.validation_graph import MetricEdge, ValidationGraph  # noqa: E402
from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: E402

from kalshi_assets.quality.expectations import (  # noqa: E402
    ExpectRows,
    ExpectValuesBetween,
    ExpectValuesInSet,
    WorkedOutOnce,
)

# Whether a rule holds, or also which rows are bad.
Told = Literal["BOOLEAN_ONLY", "COMPLETE"]
MOST_REMEMBERED = 256
tqdm.monitor_interval = 0  # no thread that watches progress bars that nobody sees


@dataclass(frozen=True)
class Question:
    """An expectation, and the measures it rests on, each with what that one rests on."""

    expectation: WorkedOutOnce
    measures: tuple[MetricEdge, ...]


def ask(rules: Sequence[Rule], rows: pd.DataFrame, told: Told) -> list[ExpectationValidationResult]:
    """Return Great Expectations' results: that there is a row, then one a rule, in their order.

    A rule of which something could not be measured has not held; its result says why.
    """
    questions = [question(rule, told) for rule in (None, *rules)]
    engine = PandasExecutionEngine(batch_data_dict={"rows": rows.reset_index(drop=True)})
    graph = ValidationGraph(engine, [edge for each in questions for edge in each.measures])
    measured, failures = graph.resolve(_run(told), show_progress_bars=False)
    return [_answer(each, measured, failures, told) for each in questions]


@lru_cache(maxsize=MOST_REMEMBERED)
def question(rule: Rule | None, told: Told) -> Question:
    """Return what is asked for a rule; without one, whether there is a row."""
    expectation = _expectation(rule)
    engine = PandasExecutionEngine()
    rests_on = expectation.get_validation_dependencies(engine, _run(told))
    graph = MetricsCalculator(engine).build_metric_dependency_graph(
        rests_on.get_metric_configurations(), _run(told)
    )
    return Question(expectation, tuple(graph.edges))


def _expectation(rule: Rule | None) -> WorkedOutOnce:
    if rule is None:
        return ExpectRows(min_value=1)
    if rule.one_of is not None:
        return ExpectValuesInSet(column=rule.column, value_set=list(rule.one_of))
    return ExpectValuesBetween(column=rule.column, min_value=rule.at_least, max_value=rule.at_most)


def _answer(
    asked: Question, measured: dict[Any, Any], failures: Mapping[Any, Any], told: Told
) -> ExpectationValidationResult:
    rests_on = asked.expectation.get_validation_dependencies(None, _run(told))
    if all(one.id in measured for one in rests_on.get_metric_configurations()):
        return asked.expectation.metrics_validate(measured, _run(told))
    theirs = {edge.left.id for edge in asked.measures}
    why = {measure: failed for measure, failed in failures.items() if measure in theirs}
    return ExpectationValidationResult(success=False, exception_info=why)


def _run(told: Told) -> dict[str, Any]:
    return {"result_format": {"result_format": told}}

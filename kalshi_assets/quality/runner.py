"""Run checks on rows with Great Expectations, and say what was found, for the feed and by market.

An empty frame passes column expectations, so every suite asks for a first row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from kalshi_assets.quality.rules import Check, Rule

SAMPLE_SIZE = 5
# A share of bad markets that no number of markets reaches but all of them.
ALL_BUT_ONE = 0.999


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        observed, threshold: as people read them.
        markets_checked: markets a row was there for; `markets_failed`: those that are bad.
        rows, bad_rows: counts.
        examples: by market, the first bad row.
    """

    check_name: str
    asset: str
    as_of: datetime
    is_passed: bool
    observed: str
    threshold: str
    markets_checked: tuple[str, ...]
    markets_failed: Mapping[str, str]
    rows: int
    bad_rows: int
    examples: Mapping[str, str]


def evaluate(
    check: Check,
    rows: pd.DataFrame,
    *,
    as_of: datetime,
    max_bad_share: float,
    max_bad_rows: float = 0.0,
) -> Verdict:
    """Return the verdict of one check; arguments as those of `evaluate_all`."""
    [verdict] = evaluate_all(
        [check], rows, as_of=as_of, max_bad_share=max_bad_share, max_bad_rows=max_bad_rows
    )
    return verdict


def evaluate_all(
    checks: Sequence[Check],
    rows: pd.DataFrame,
    *,
    as_of: datetime,
    max_bad_share: float,
    max_bad_rows: float = 0.0,
) -> list[Verdict]:
    """Return the verdicts of checks that look at the same rows, in their order.

    Args:
        checks: what must be true. Together they cost half of what each by itself costs.
        rows: `market_ticker` and the columns that the checks' rules name.
        as_of: the venue's moment the rows speak of.
        max_bad_share: the most of the markets that may be bad while the feed still passes.
        max_bad_rows: the most of its rows that may be bad while a market still passes: none of
            this moment, but a month of history has bad rows, which cleaning flags.
    """
    has_rows, *results = _validate([rule for check in checks for rule in check.rules], rows)
    checked = tuple(sorted(set(rows["market_ticker"].astype(str)))) if len(rows) else ()
    verdicts = []
    for check in checks:
        theirs, results = results[: len(check.rules)], results[len(check.rules) :]
        share = _allowed_share(check, max_bad_share)
        examples, bad_index = _bad_rows(check.rules, theirs, rows)
        failed = _failed(rows, examples, bad_index, max_bad_rows)
        found = f"{len(failed)} of {len(checked)} {check.of} {check.bad}"
        bad_share = len(failed) / len(checked) if checked else 1.0
        verdicts.append(
            Verdict(
                check_name=check.name,
                asset=check.asset,
                as_of=as_of,
                is_passed=bool(has_rows.success) and bad_share <= share,
                observed=found if has_rows.success else "no rows",
                threshold=_threshold(check, share),
                markets_checked=checked,
                markets_failed=failed,
                rows=len(rows),
                bad_rows=len(bad_index),
                examples=examples,
            )
        )
    return verdicts


def sample(verdict: Verdict) -> list[dict[str, str]]:
    """Return the first markets with a bad row, with what was seen, those that failed first."""
    failed = verdict.markets_failed
    items = sorted(verdict.examples.items(), key=lambda item: (item[0] not in failed, item[0]))
    items = items[:SAMPLE_SIZE]
    return [{"market": ticker, "observed": seen} for ticker, seen in items]


def _bad_rows(
    rules: Sequence[Rule], results: Sequence[Any], rows: pd.DataFrame
) -> tuple[dict[str, str], list[int]]:
    """Return an example by market, and the positions of all bad rows."""
    examples: dict[str, str] = {}
    bad: set[int] = set()
    for rule, result in zip(rules, results, strict=True):
        for position in sorted(_bad_positions(rule, result, rows)):
            bad.add(position)
            row = rows.iloc[position]
            examples.setdefault(str(row["market_ticker"]), _told(rule, row))
    return examples, sorted(bad)


def _failed(
    rows: pd.DataFrame, examples: Mapping[str, str], bad: list[int], max_bad_rows: float
) -> dict[str, str]:
    """Return the markets of which too many rows are bad, with an example each."""
    if not bad:
        return {}
    all_rows = rows["market_ticker"].astype(str).value_counts()
    bad_rows = rows["market_ticker"].iloc[bad].astype(str).value_counts()
    return {
        ticker: seen
        for ticker, seen in examples.items()
        if bad_rows[ticker] > max_bad_rows * all_rows[ticker]
    }


def _allowed_share(check: Check, max_bad_share: float) -> float:
    if check.is_of_market:
        return ALL_BUT_ONE
    return 0.0 if check.is_strict else max_bad_share


def _threshold(check: Check, share: float) -> str:
    rules = " and ".join(rule.text for rule in check.rules)
    return f"{rules}, {_told_share(check, share)}"


def _told_share(check: Check, share: float) -> str:
    if check.is_of_market:
        return "for a market by itself"
    return f"for at least {1 - share:.0%} of the {check.of}"


def _validate(rules: Sequence[Rule], rows: pd.DataFrame) -> list[Any]:
    """Return Great Expectations' results: that there is a row, then one a rule, in their order.

    Only of rules that do not hold is it asked which rows are bad: that takes twice as long.
    """
    from kalshi_assets.quality.asking import ask

    found = ask(rules, rows, "BOOLEAN_ONLY")
    failed = [n for n, result in enumerate(found[1:], start=1) if not result.success]
    if failed:
        whole = ask([rules[n - 1] for n in failed], rows, "COMPLETE")[1:]
        for position, result in zip(failed, whole, strict=True):
            found[position] = result
    return found


def _bad_positions(rule: Rule, result: Any, rows: pd.DataFrame) -> set[int]:
    """Return positions of unexpected rows. Missing values are bad, and so is a missing column."""
    if rule.column not in rows:
        return set(range(len(rows)))
    missing = rows[rule.column].isna().to_numpy().nonzero()[0]
    if result.success:
        return {int(p) for p in missing}
    if "unexpected_index_list" not in result.result:
        raise LookupError(f"the rule {rule.text} could not be evaluated: {result.exception_info}")
    unexpected = result.result["unexpected_index_list"] or []
    return {int(position) for position in unexpected} | {int(p) for p in missing}


def _told(rule: Rule, row: "pd.Series[Any]") -> str:
    columns = [rule.column, rule.beside] if rule.beside is not None else [rule.column]
    return ", ".join(f"{column} {_shown(row.get(column))}" for column in columns)


def _shown(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and abs(value) >= 10 else str(value)

"""A review's JSON beside what the raw tables give: every figure that differs, by its path."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
from psycopg.rows import dict_row

from kalshi_assets_tests.review.recomputed import doings, figures, played
from kalshi_assets_tests.review.recomputed.books import Books
from kalshi_assets_tests.review.recomputed.tables import Tables

# Words, not figures.
NOT_FIGURES = {"version", "answer", "reasons", "why_not", "forgotten"}
FINEST, ROUNDED = 100_000_000, Fraction(1, 2_000_000)


def differences(url: str, sunday: date) -> list[str]:
    """Return what differs in a stored review, a line each, figures of one side only included."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        query = "SELECT review FROM kalshi.weekly_reviews WHERE first_day = %s"
        found = connection.execute(query, [sunday]).fetchone()
        if found is None:
            return [f"there is no review of {sunday}"]
        review = found["review"]
        tables = Tables(connection, sunday, datetime.fromisoformat(review["known_until_at"]))
        return list(_compared("", recomputed(tables), review))


def recomputed(tables: Tables) -> dict[str, Any]:
    """Return every figure of a week's review."""
    told = Books(tables).follow()
    traded = figures.of_week(tables, told)
    return {
        **traded,
        **doings.of_week(tables, told),
        "other_thresholds": {"is_in_sample": True, "by_points": played.of_week(tables)},
        "account": figures.of_account(tables, traded["trades"]["net_profit_usd"]),
        "week": tables.sunday.isoformat(),
        "begin_at": tables.begin,
        "end_at": tables.end,
        "known_until_at": tables.until,
        "is_provisional": tables.until < tables.end,
    }


def count_of(value: Any) -> int:
    """Return how many figures there are in a value."""
    if isinstance(value, Mapping):
        return sum(count_of(each) for name, each in value.items() if name not in NOT_FIGURES)
    if isinstance(value, list):
        return sum(count_of(each) for each in value)
    return 1


def _compared(path: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in sorted({*ours, *theirs} - NOT_FIGURES):
            if name in ours and name in theirs:
                yield from _compared(f"{path}.{name}", ours[name], theirs[name])
            else:
                yield f"{path}.{name}: only in {'the review' if name in theirs else 'the tables'}"
    elif isinstance(ours, Sequence) and not isinstance(ours, str):
        if len(ours) != len(theirs):
            yield f"{path}: {len(ours)} rows by the tables, {len(theirs)} in the review"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from _compared(f"{path}[{number}]", one, other)
    elif not _is_same(path, ours, theirs):
        yield f"{path}: {_shown(path, ours)} by the tables, {theirs} in the review"


def _is_same(path: str, ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None or isinstance(ours, bool | str):
        return bool(ours is theirs or ours == theirs)
    if isinstance(ours, datetime):
        return ours == datetime.fromisoformat(theirs)
    if path.endswith("_usd"):
        dollars, told = Fraction(ours) / 1_000_000, Fraction(Decimal(theirs))
        is_exact = not isinstance(ours, float) and (dollars * FINEST).denominator == 1
        # A float is the end of many additions: the last of its digits may differ.
        slack = Fraction(0) if is_exact else ROUNDED + Fraction(isinstance(ours, float), 10**6)
        return abs(dollars - told) <= slack
    return abs(float(ours) - float(theirs)) <= 1e-6 if not isinstance(ours, int) else ours == theirs


def _shown(path: str, value: Any) -> str:
    if value is not None and path.endswith("_usd"):
        return f"{float(value) / 1_000_000:.8f}"
    return f"{float(value):.8f}" if isinstance(value, Fraction) else str(value)

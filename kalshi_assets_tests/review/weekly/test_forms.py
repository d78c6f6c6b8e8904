"""The JSON is canonical, and the Markdown has the same numbers. Both are of one eventful week."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from kalshi_assets.domain.price import micros
from kalshi_assets.review.statistics.figure import usd
from kalshi_assets.review.weekly import WeekInputs, to_json, to_markdown, weekly_review
from kalshi_assets.review.weekly.as_markdown import table
from kalshi_assets.review.weekly.json_values import exact_usd, object_of
from kalshi_assets.review.weekly.spelling import duration, percent, signed_percent
from kalshi_assets.review.weekly.tables import Table
from kalshi_assets_tests.review.weekly.week_bench import MONDAY, eventful, trip, week_of

KINDS = ("trips", "overrides", "equity", "transfers", "refused", "orders")
LISTS = (*KINDS, "checks", "gaps", "halts", "calls", "changes")
MONEY = re.compile(r"[+-]?\$[\d,]+\.\d\d")
PERCENT = re.compile(r"[+-]?\d+\.\d(?= %)")


def document() -> dict[str, Any]:
    """Return the JSON of the eventful week, read back."""
    read: dict[str, Any] = json.loads(to_json(weekly_review(eventful())))
    return read


def values_of(node: Any, ending: str) -> Iterator[Any]:
    """Yield all values whose key has an ending."""
    if isinstance(node, list):
        for each in node:
            yield from values_of(each, ending)
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith(ending) and value is not None:
                yield value
            yield from values_of(value, ending)


def rows_of(markdown: str) -> dict[str, list[str]]:
    """Return the rows of all tables by their first cell, without marks."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    cells = [[c.strip().strip("*") for c in line.strip("|").split(" | ")] for line in lines]
    return {first.replace("\\", ""): rest for first, *rest in cells}


def turned(inputs: WeekInputs, by: int) -> WeekInputs:
    """Return the same in another order: backwards, and begun elsewhere."""
    changes: dict[str, Any] = {}
    for name in LISTS:
        members = list(getattr(inputs, name))[::-1]
        changes[name] = members[by:] + members[:by]
    categories = dict(reversed(list(inputs.categories.items())))
    return replace(inputs, categories=categories, **changes)


@pytest.mark.parametrize("by", range(4))
def test_the_order_of_what_is_given_does_not_matter(by: int) -> None:
    first, again = weekly_review(eventful()), weekly_review(turned(eventful(), by))
    assert to_json(first) == to_json(again)
    assert to_markdown(first) == to_markdown(again)


def test_the_json_is_canonical() -> None:
    text = to_json(weekly_review(eventful()))
    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text == again
    assert json.loads(text)["week"] == "2026-10-11"
    assert json.loads(text)["begin_at"] == "2026-10-11T04:00:00+00:00"


def test_money_is_decimal_strings_and_what_is_undefined_says_why() -> None:
    found = document()
    for value in values_of(found, "_usd"):
        if isinstance(value, str) and not value[-1].isalpha():
            assert re.fullmatch(r"-?\d+\.\d{2,8}", value), value
    assert found["trades"]["net_profit_usd"] == exact_usd(
        weekly_review(eventful()).figures.traded.whole.figures.net_profit
    )
    nulls = list(undefined(found))
    assert nulls, "the week has a refused gate that cannot be priced"
    for node, key in nulls:
        assert node["why_not"].get(key) or key in ("before", "after", "max_drawdown_recovered_at")


def undefined(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every object and key whose value is null."""
    children = node if isinstance(node, list) else []
    if isinstance(node, dict):
        yield from ((node, key) for key, value in node.items() if value is None)
        children = list(node.values())
    for child in children:
        yield from undefined(child)


def test_every_sum_of_money_and_every_percentage_in_the_markdown_is_in_the_json() -> None:
    found, text = document(), to_markdown(weekly_review(eventful()))
    known = {usd(Fraction(Decimal(v)) * 10**6) for v in values_of(found, "_usd") if v[-1].isdigit()}
    shares = [float(value) for value in values_of(found, "_share") if not isinstance(value, str)]
    rates = {f"{spell(share)}" for share in shares for spell in (percent, signed_percent)}
    told = {each.lstrip("+") for each in MONEY.findall(text)}
    assert len(told) > 30
    assert told - {"$0.00"} <= {each.lstrip("+") for each in known}
    # 95 % is the width of an interval, not a figure
    assert {f"{each} %" for each in PERCENT.findall(text)} <= rates


TRADE_ROWS: list[tuple[str, str, Callable[[Any], str]]] = [
    ("trades", "trade_count", str),
    ("won", "win_count", str),
    ("lost", "loss_count", str),
    ("win rate", "win_rate_share", percent),
    ("average winner", "average_winner_usd", lambda v: usd(Fraction(micros(v)))),
    ("average loser", "average_loser_usd", lambda v: usd(Fraction(micros(v)))),
    ("reward to risk", "reward_to_risk_ratio", lambda v: f"{v:.2f}"),
    ("expectancy", "expectancy_usd", lambda v: usd(Fraction(micros(v)))),
    ("net profit", "net_profit_usd", lambda v: usd(Fraction(micros(v)))),
    ("of it edge", "part_edge_usd", lambda v: usd(Fraction(micros(v)))),
    ("of it settlement", "part_settlement_usd", lambda v: usd(Fraction(micros(v)))),
    ("of it fees", "part_fees_usd", lambda v: usd(Fraction(micros(v)))),
]


@pytest.mark.parametrize(("label", "key", "spell"), TRADE_ROWS)
def test_the_table_of_trades_says_what_the_json_says(
    label: str, key: str, spell: Callable[[Any], str]
) -> None:
    found, rows = document(), rows_of(to_markdown(weekly_review(eventful())))
    columns = [found["trades"], *(party["trades"] for party in found["by_party"])]
    expected = [c["why_not"][key] if c[key] is None else spell(c[key]) for c in columns]
    assert rows[label] == expected


def test_other_tables_say_what_the_json_says() -> None:
    found, rows = document(), rows_of(to_markdown(weekly_review(eventful())))
    assert rows["fill rate by contract"] == [
        percent(found["entry_orders"]["fill_rate_by_contract_share"])
    ]
    assert rows["ticks_are_fresh"] == ["400", "3"]
    assert rows["HTTP 503"] == ["2"]
    halts = found["data_quality"]["halts"]
    assert rows["trading halted"][:2] == ["2", duration(halts["covered_seconds"])]
    assert rows["entry_deviation_points"] == ["Mon 2026-10-12 12:00 EDT", "8", "10"]
    spread = next(row for row in found["refusals"]["by_gate"] if row["gate"] == "spread")
    assert rows["stale"] == ["2", "0", "+$13.18", "0", "1", "1", "3"]
    assert rows["spread"][2] == usd(Fraction(micros(spread["would_have_made_usd"])))


def test_the_answer_comes_first_then_the_reasons_then_tables() -> None:
    review = weekly_review(eventful())
    text = to_markdown(review).replace("\\", "")
    places = [text.index(review.answer), *(text.index(reason) for reason in review.reasons)]
    assert places == sorted(places)
    assert places[-1] < text.index("## Trades") < text.index("| :---")


def test_a_name_from_outside_cannot_break_a_table() -> None:
    made = table(Table(["a", "b"], [["x|y\n| z", "<img src=x> *b* [l](u)"]]))
    assert made.splitlines()[2] == r"| x\|y \| z | \<img src=x> \*b\* \[l\](u) |"


def test_only_the_weightiest_markets_are_shown_and_the_rest_is_summed() -> None:
    trips = [trip(f"S{n}", market_ticker=f"KX-{n:02}", count=str(10 + n)) for n in range(12)]
    rows = rows_of(to_markdown(weekly_review(week_of(trips=trips))))
    assert "KX-11" in rows
    assert "KX-03" not in rows
    # 10 + 11 + 12 + 13 contracts win 68 cents each, and 4 x 1.2186 of fees: 31.28 - 4.8744
    assert rows["(4 more)"] == ["+$26.41", "4", "4", "100.0 %", "$4.87"]


@pytest.mark.parametrize(
    ("amount", "spelled"),
    [
        (0, "0.00"),
        (-1, "-0.000001"),
        (25_600_000, "25.60"),
        (Fraction(-1, 100), "-0.00000001"),
        (Fraction(40_000_000, 3), "13.333333"),
        (0.5, "0.00"),
        (-1234.5, "-0.001234"),
    ],
)
def test_dollars_are_exact_or_rounded_to_a_millionth(
    amount: int | float | Fraction, spelled: str
) -> None:
    assert exact_usd(amount) == spelled


def test_a_value_that_is_not_of_its_keys_unit_is_refused() -> None:
    with pytest.raises(TypeError, match="share_of_it cannot be spelled"):
        object_of({"share_of_it": 0.5})
    with pytest.raises(TypeError, match="moment cannot be spelled"):
        object_of({"moment": MONDAY})


def test_groups_of_one_result_stand_by_name() -> None:
    trips = [trip("S1", market_ticker="KXB"), trip("S2", market_ticker="KXA")]
    review = weekly_review(week_of(trips=trips))
    assert [group.name for group in review.figures.traded.by_market] == ["KXA", "KXB"]

"""What stands beside the week: the time before the bot, other thresholds, records that are gone."""

import json
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.week_inputs import Played, PlayedWeek
from kalshi_assets.review.weekly import to_json, to_markdown, weekly_review
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    MONDAY,
    by_hand,
    eventful,
    still_open,
    trip,
    week_of,
)


def document(**values: Any) -> Any:
    return json.loads(to_json(weekly_review(week_of(**values))))


BEFORE = [
    by_hand("old-1", opened_at=MONDAY - 90 * DAY, closed_at=MONDAY - 60 * DAY),
    by_hand("old-2", end="0", opened_at=MONDAY - 80 * DAY, closed_at=MONDAY - 70 * DAY),
    still_open("old-3", opened_at=MONDAY - 50 * DAY),
]


def test_what_was_before_the_bot_is_in_no_figure_but_its_own() -> None:
    alone, beside = document(trips=[trip()]), document(trips=[trip()], before=BEFORE)
    before = beside.pop("before")
    assert alone.pop("before") is None
    assert beside == alone
    assert before["name"] == "before"
    assert before["trades"]["trade_count"] == 2, "what was held at the opening is not closed"
    assert before["trades"]["win_count"] == 1
    assert before["first_opened_at"] == (MONDAY - 90 * DAY).isoformat()
    assert before["last_closed_at"] == (MONDAY - 60 * DAY).isoformat()


def test_bot_hand_and_what_was_before_stand_in_one_table() -> None:
    text = to_markdown(weekly_review(week_of(trips=[trip(), by_hand("H")], before=BEFORE)))
    [head] = [line for line in text.splitlines() if "before the bot" in line and "|" in line]
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        "",
        "all",
        "bot",
        "by hand",
        "before the bot",
    ]
    assert "They are in no other column." in text


def test_a_week_without_a_trade_still_shows_what_was_before() -> None:
    text = to_markdown(weekly_review(week_of(before=BEFORE)))
    assert "| win rate |" in text
    assert "| win rate |" not in to_markdown(weekly_review(week_of()))


def week(points: str, *results: int | None, is_configured: bool = False) -> PlayedWeek:
    trades = [Played("KX", MONDAY, result, is_open=result is None) for result in results]
    return PlayedWeek(Decimal(points), is_configured, trades)


def test_thresholds_stand_from_the_lowest_on_and_open_trades_apart() -> None:
    marked = PlayedWeek(
        Decimal("12.5"),
        True,
        [Played("KX", MONDAY, 5_000_000, is_open=False), Played("KX", MONDAY, -7, is_open=True)],
    )
    told = document(played=[marked, week("8", 1_000_000, -2_000_000, None)])["other_thresholds"]
    assert told["is_in_sample"] is True
    low, high = told["by_points"]
    assert (low["threshold_points"], high["threshold_points"]) == (8, 12.5)
    assert (low["trade_count"], low["win_count"], low["net_profit_usd"]) == (2, 1, "-1.00")
    assert (low["open_count"], low["open_result_usd"]) == (1, None)
    assert low["why_not"]["open_result_usd"] == "none has a price"
    assert (high["is_configured"], high["trade_count"]) == (True, 1)
    assert (high["open_count"], high["open_result_usd"]) == (1, "-0.000007")


def test_other_thresholds_are_marked_as_in_sample_wherever_they_are_shown() -> None:
    text = to_markdown(weekly_review(week_of(played=[week("12.5", is_configured=True)])))
    section = text[text.index("## Other thresholds") :]
    assert section.startswith("## Other thresholds (in-sample)\n\nIn-sample: ")
    assert "| 12.5 (as set) | 0 | 0 | no trade was closed |" in section
    assert "Other thresholds" not in to_markdown(weekly_review(eventful()))


def test_records_that_are_gone_are_named() -> None:
    review = weekly_review(week_of(forgotten=["ticks", "gaps", "calls"]))
    assert review.reasons[-1] == (
        "Some records of this week were past retention when it was reviewed: calls, gaps, ticks."
    )
    assert document(forgotten=["calls"])["forgotten"] == ["calls"]
    assert document()["forgotten"] == []

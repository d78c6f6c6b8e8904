"""What the UI shows of a materialisation and of a check: real runs on a real database."""

import base64
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from PIL import Image

from kalshi_assets.defs.market_data.shown import average_table
from kalshi_assets.defs.metadata import MOST_ROWS, days_text, span_text, table
from kalshi_assets.defs.partitions import PARTITION_TAG
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.storage import averages
from kalshi_assets_tests.defs.breaking import MARKETS, break_check
from kalshi_assets_tests.stand import MOMENT, OVERREACTING, Stand

FROZEN = "KXFED-26OCT-T3.75"
IMAGE = "data:image/png;base64,"


def metadata_of(result: Any, asset: str) -> Any:
    [materialisation, *_] = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in materialisation.metadata.items()}


def records(value: Any) -> list[dict[str, object]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


@pytest.fixture
def polled(loaded_stand: Stand) -> Any:
    loaded_stand.later(90)
    return loaded_stand.poll()


def test_the_averages_carry_a_plot_and_a_table_furthest_first(polled: Any) -> None:
    shown = metadata_of(polled, "rolling_averages")

    image = base64.b64decode(shown["price_against_average"].split(IMAGE)[1].removesuffix(")"))
    assert Image.open(BytesIO(image)).size[0] == 700
    assert len(image) < 25_000
    rows = records(shown["latest"])
    distances = [abs(float(str(row["points off"]))) for row in rows]
    assert len(rows) == 5
    assert distances == sorted(distances, reverse=True)
    assert (shown["averages_written"], shown["days"]) == (4, "2026-10-13, New York")
    assert shown["span"] == "2026-10-13 10:31 New York (10-13 14:31 UTC)"


def test_every_step_of_a_poll_says_how_much_and_of_when(polled: Any) -> None:
    assert metadata_of(polled, "raw_ticks")["slot"].startswith("2026-10-13 10:31 New York")
    clean = metadata_of(polled, "clean_ticks")
    assert (clean["ticks_written"], clean["markets"]) == (5, 5)
    # Of the last quarter of an hour, two polls: the hours loaded before do not count in.
    assert (clean["ticks"], clean["usable_share"]) == (10, 0.8)
    assert clean["span"].startswith("2026-10-13 10:30 to 2026-10-13 10:31 New York")
    signals = metadata_of(polled, "signals")
    assert OVERREACTING in [row["market"] for row in records(signals["open"])]


def test_without_any_average_a_sentence_stands_in_for_the_plot(stand: Stand) -> None:
    stand.run("markets_job")
    result = stand.run("daily_summaries_job", partition_key=stand.today)
    assert metadata_of(result, "daily_summaries")["newest_day"].startswith("No market")

    from kalshi_assets.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def()
    ran = job.get_subset(asset_selection={dg.AssetKey("rolling_averages")}).execute_in_process(
        instance=stand.instance, partition_key=stand.today, raise_on_error=False
    )
    shown = metadata_of(ran, "rolling_averages")
    assert "nothing to plot" in shown["price_against_average"]


def test_a_course_is_thinned_but_its_gaps_stay(loaded_stand: Stand) -> None:
    gap = ("2026-10-10T12:30:00Z", "2026-10-11T12:30:00Z")
    loaded_stand.execute(
        "UPDATE kalshi.clean_ticks SET is_usable = false "
        "WHERE market_ticker = :market AND observed_at BETWEEN :first AND :last",
        market=OVERREACTING,
        first=gap[0],
        last=gap[1],
    )

    def found(points: int) -> Any:
        with loaded_stand.database.transaction() as connection:
            return averages.price_courses(
                connection,
                [OVERREACTING],
                span=(MOMENT - timedelta(days=7), MOMENT),
                window_days=7,
                points=points,
            )

    fine, coarse = found(1_000), found(20)
    assert len(coarse) < 25 < len(fine)
    for course in (fine, coarse):
        assert set(course["stretch"]) == {0, 1}
        before, after = (course[course["stretch"] == n] for n in (0, 1))
        assert before["held_until"].max() <= datetime.fromisoformat("2026-10-10T14:30:00+00:00")
        assert after["observed_at"].min() > datetime.fromisoformat(gap[1])
        assert course["held_until"].max() <= MOMENT
        assert course["mean"].notna().all()


DAY = venue_day(MOMENT) - timedelta(days=5)
NOON = datetime.fromisoformat(f"{DAY}T16:00:00+00:00")


def break_a_day(stand: Stand) -> None:
    """Code two hours of one market as zero, lose three of all, and close an event at noon."""
    stand.execute(
        "UPDATE kalshi.candle_ticks SET yes_bid = 0, yes_ask = 0 WHERE observed_at > :noon"
        " AND observed_at <= :noon + interval '2 hours' AND source_id IN"
        " (SELECT source_id FROM kalshi.tick_sources WHERE market_ticker = :market)",
        noon=NOON,
        market=FROZEN,
    )
    stand.execute(
        "DELETE FROM kalshi.candle_ticks WHERE observed_at > :noon + interval '4 hours'"
        " AND observed_at <= :noon + interval '7 hours'",
        noon=NOON,
    )
    stand.execute(
        "INSERT INTO kalshi.markets SELECT n.* FROM kalshi.markets m, jsonb_populate_record(m,"
        " jsonb_build_object('ticker', 'KXGDP-26Q2-T2.5', 'event_ticker', 'KXGDP-26Q2', 'close_at',"
        " CAST(:noon AS text), 'status', 'finalized', 'is_tracked', false)) n"
        " WHERE m.ticker = 'KXGDP-26Q3-T2.5'",
        noon=NOON.isoformat(),
    )


def test_a_backfill_shows_what_was_wrong_with_its_days(loaded_stand: Stand) -> None:
    break_a_day(loaded_stand)

    result = loaded_stand.run("history_job", tags={PARTITION_TAG: DAY.isoformat()})

    shown = metadata_of(result, "clean_ticks")
    worst, *others = records(shown["faults_by_market"])
    assert worst == {
        "market": FROZEN,
        "ticks": "21",
        "usable": "19",
        "faults": "2 zero_coded",
        "spans without a price": "2",
        "longest, hours": "2.0",
    }
    assert [(row["usable"], row["faults"]) for row in others] == [("21", "none")] * 4
    assert shown["gap_count"] == 1
    assert records(shown["gaps"]) == [
        {
            "nothing was observed": "2026-10-08 16:00 to 2026-10-08 19:00 New York"
            " (10-08 20:00 to 10-08 23:00 UTC)",
            "hours": "3.0",
        }
    ]
    assert records(shown["rolls"]) == [
        {
            "series": "KXGDP",
            "closes": "KXGDP-26Q2",
            "follows": "KXGDP-26Q3",
            "at": "2026-10-08 12:00 New York (10-08 16:00 UTC)",
        }
    ]


def test_a_sound_day_says_so_in_words(loaded_stand: Stand) -> None:
    result = loaded_stand.run("history_job", tags={PARTITION_TAG: DAY.isoformat()})

    shown = metadata_of(result, "clean_ticks")
    assert {row["faults"] for row in records(shown["faults_by_market"])} == {"none"}
    assert (shown["gap_count"], shown["gaps"]) == (0, "Something was observed all the time.")
    assert shown["rolls"] == "No event of a series closed and was followed by another."


def test_a_check_that_fails_for_one_market_warns_and_names_it(polled: Any) -> None:
    [frozen] = [e for e in polled.get_asset_check_evaluations() if "frozen" in e.check_name]

    assert (frozen.passed, frozen.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert frozen.description.startswith(f"Fails for 1 of 5 markets: {FROZEN} (")
    [row] = records(frozen.metadata["failed_markets"])
    assert row["market"] == FROZEN
    assert polled.asset_materializations_for_node("clean_ticks"), "a warning blocks nothing"


def test_a_check_that_fails_for_the_feed_is_an_error_and_says_so(loaded_stand: Stand) -> None:
    break_check(loaded_stand, "ticks_are_fresh", MARKETS[:3])
    result = loaded_stand.judge_and_place(expect_success=False)

    [fresh] = [e for e in result.get_asset_check_evaluations() if e.check_name == "ticks_are_fresh"]
    assert (fresh.passed, fresh.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert fresh.description is not None
    assert fresh.description.startswith("Fails for the feed: 3 of 5 markets stale.")
    assert [row["market"] for row in records(fresh.metadata["failed_markets"])] == sorted(
        MARKETS[:3]
    )


def test_a_check_that_passes_says_for_how_many(polled: Any) -> None:
    [grid] = [e for e in polled.get_asset_check_evaluations() if "grid" in e.check_name]
    assert (grid.passed, grid.description) == (True, "Passes for all 5 markets.")
    assert grid.metadata["failed_markets"].value == "None failed."


def test_a_table_ends_and_an_empty_one_is_a_sentence() -> None:
    assert len(records(table(["n"], [[n] for n in range(99)], empty="-"))) == MOST_ROWS
    assert table(["n"], [], empty="Nothing is held.").value == "Nothing is held."


def test_spans_are_told_in_both_zones() -> None:
    later = datetime.fromisoformat("2026-10-14T03:59:00+00:00")
    assert days_text([venue_day(MOMENT), venue_day(later)]) == (
        "2026-10-13 to 2026-10-13, 2 New York days"
    )
    assert span_text(MOMENT, later) == (
        "2026-10-13 10:30 to 2026-10-13 23:59 New York (10-13 14:30 to 10-14 03:59 UTC)"
    )
    assert span_text(None, None) == "nothing new"


def test_a_market_without_a_price_or_an_average_leaves_the_table_of_the_others_whole() -> None:
    latest = pd.DataFrame(
        {
            "market_ticker": ["KXA-1", "KXB-1", "KXC-1"],
            "as_of": [pd.Timestamp("2026-10-13T14:30:00Z")] * 2 + [pd.NaT],
            "mean": [Decimal(400_000), Decimal(500_000), None],
            "coverage": [Decimal("0.9"), Decimal("0.8"), None],
            "mid": [410_000, None, None],
        }
    )
    rows = records(average_table(latest))
    assert [(row["market"], row["points off"]) for row in rows] == [
        ("KXA-1", "+1.0"),
        ("KXB-1", "-"),
    ]

"""Recorded WebSocket frames, replayed: small made-up folders, defects included."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.inputs import Recording
from kalshi_assets.local_exchange.recordings.book_course import CHECKPOINT_EVERY
from kalshi_assets.local_exchange.tape import Bar
from kalshi_assets.local_exchange.units import HOUR_MS, iso
from kalshi_assets_tests.local_exchange.frame_folders import (
    DOWN,
    START,
    UP,
    at,
    body,
    delta,
    load,
    sides,
    snapshot,
    trade,
    write,
    write_body,
)
from kalshi_assets_tests.local_exchange.recorded_folders import replaying


def test_a_book_is_folded_from_snapshot_and_changes(tmp_path: Path) -> None:
    write(
        tmp_path,
        START,
        delta(1, "yes", "0.4100", "-5.50"),
        delta(2, "yes", "0.4200", "3.00"),
        delta(2, "no", "0.5700", "1.25"),
    )
    tape = load(tmp_path)
    assert sides(tape.quote_at(UP, at(-1))) == ({}, {}), "before the record begins"
    assert sides(tape.quote_at(UP, at(0))) == ({4100: 550, 4000: 1000}, {4300: 700})
    assert [one.price for one in tape.quote_at(UP, at(0)).bids] == [4100, 4000], "best first"
    assert sides(tape.quote_at(UP, at(1.999))) == ({4000: 1000}, {4300: 700})
    assert sides(tape.quote_at(UP, at(2))) == ({4200: 300, 4000: 1000}, {4300: 825})
    assert tape.changes(UP, at(0), at(2)) == [at(1), at(2)]
    assert tape.changes(UP, at(-1), at(1)) == [at(0), at(1)]
    later = tape.quote_at(UP, at(500))
    assert (later.updated_ms, later.changed_ms, later.version) == (at(2),) * 3


def test_asks_follow_no_prices_or_yes_prices_as_the_folder_says(tmp_path: Path) -> None:
    write(tmp_path, START)
    (tmp_path / "recording.json").write_text('{"use_yes_price": true}')
    assert sides(load(tmp_path, 0).quote_at(UP, at(0)))[1] == {5700: 700}
    (tmp_path / "recording.json").write_text('{"use_yes_price": false}')
    assert sides(load(tmp_path, 0).quote_at(UP, at(0)))[1] == {4300: 700}
    write(tmp_path, START | {"use_yes_price": True}, delta(1, "no", "0.58", "1.00"))
    assert sides(load(tmp_path, 0).quote_at(UP, at(1)))[1] == {5700: 700, 4200: 100}


def test_a_snapshot_in_mid_stream_replaces_a_book_that_had_gone_wrong(tmp_path: Path) -> None:
    again = snapshot(9, yes=[("0.4000", "10.00"), ("0.3900", "1.00")])
    write(tmp_path, START, delta(5, "no", "0.5600", "2.00"), again, delta(8, "yes", "0.4000", "1"))
    tape = load(tmp_path)
    before, after = tape.quote_at(UP, at(7.9)), tape.quote_at(UP, at(8))
    assert sides(before) == ({4100: 550, 4000: 1000}, {4300: 700, 4400: 200})
    assert sides(after) == ({4000: 1100, 3900: 100}, {}), "it was taken before the next change"
    assert sides(tape.quote_at(UP, at(9))) == sides(after)


def test_a_snapshot_that_was_right_refreshes_nothing(tmp_path: Path) -> None:
    again = snapshot(6, yes=[("0.4000", "10.00"), ("0.4100", "9.00")], no=[("0.5700", "7.00")])
    tape = load(write(tmp_path, START, again))
    assert tape.changes(UP, at(0), at(9)) == [at(6)]
    versions = {one.price: one.version for one in tape.quote_at(UP, at(6)).bids}
    assert versions == {4100: at(6), 4000: at(0)}


def test_changes_before_the_first_snapshot_tell_nothing(tmp_path: Path) -> None:
    early = [delta(-5, "yes", "0.2000", "1.00"), trade(-4, "bid", "0.4300", "1.00")]
    tape = load(write(tmp_path, *early, START), 0)
    assert tape.changes(UP, at(-9), at(9)) == [at(0)]
    assert tape.trades(UP, at(-9), at(9)) == []
    with pytest.raises(RecordingError, match="holds no orderbook_snapshot in 1 files"):
        load(write(tmp_path / "none", *early))


def test_more_taken_off_than_stands_leaves_nothing(tmp_path: Path) -> None:
    frames = [delta(1, "yes", "0.4100", "-9.00"), delta(2, "yes", "0.4100", "1.00")]
    tape = load(write(tmp_path, START, *frames))
    assert 4100 not in sides(tape.quote_at(UP, at(1)))[0]
    assert sides(tape.quote_at(UP, at(2)))[0][4100] == 100


def test_time_never_runs_back_and_falls_back_to_the_receipt(tmp_path: Path) -> None:
    undated = delta(3, "yes", "0.3000", "1.00")
    del undated["event"]["msg"]["ts_ms"]
    tape = load(write(tmp_path, START, undated, delta(2, "yes", "0.2000", "1.00")))
    assert tape.changes(UP, at(0), at(9)) == [at(3.012)]
    assert sides(tape.quote_at(UP, at(3.012)))[0].keys() == {4100, 4000, 3000, 2000}


def test_markets_are_told_apart_and_days_are_joined(tmp_path: Path) -> None:
    for ticker in (UP, DOWN):
        days = tmp_path / "events" / ticker
        write(days, snapshot(0, yes=[("0.40", "1.00")], ticker=ticker), name="2026-08-11")
        write(days, delta(60, "yes", "0.41", "2.00", ticker=ticker), name="2026-08-12")
    write(tmp_path / "events" / "KXZ", delta(70, "yes", "0.42", "3.00"), name="2026-08-13")
    tape = load(tmp_path)
    assert sides(tape.quote_at(DOWN, at(99))) == ({4100: 200, 4000: 100}, {})
    assert 4200 in sides(tape.quote_at(UP, at(99)))[0], "the frame says whose it is"


def test_trades_are_the_tapes_and_count(tmp_path: Path) -> None:
    twice = trade(2, "ask", "0.4000", "2.00")
    block = trade(3, "bid", "0.9000", "500.00", is_block_trade=True)
    tape = load(write(tmp_path, START, trade(1, "bid", "0.4300", "1.50"), twice, twice, block))
    told = [
        (one.trade_id, one.price, one.count, one.taker_side, one.created_ms)
        for one in tape.trades(UP, at(0), at(9))
    ]
    assert told == [
        ("trade-1", 4300, 150, "bid", at(1)),
        ("trade-2", 4000, 200, "ask", at(2)),
    ]
    assert tape.trades(UP, at(1), at(1.9)) == []
    before, after = tape.activity_at(UP, at(0)), tape.activity_at(UP, at(2))
    assert (before.last_price, before.volume) == (0, 0)
    assert (after.last_price, after.volume, after.volume_24h) == (4000, 350, 350)
    next_day = tape.activity_at(UP, at(86_401))
    assert (next_day.volume, next_day.volume_24h, next_day.open_interest) == (350, 200, 0)


def test_candles_are_read_off_the_book_and_the_trades(tmp_path: Path) -> None:
    write(
        tmp_path,
        START,
        trade(30, "bid", "0.4300", "1.00"),
        delta(40, "no", "0.5700", "-7.00"),
        delta(60, "no", "0.5900", "1.00"),
        trade(200, "ask", "0.4000", "3.00"),
    )
    minutes = load(tmp_path).candles(UP, 1, at(-600), at(600))
    assert [iso(one.end_ms)[11:19] for one in minutes] == ["12:00:00", "12:01:00", "12:04:00"]
    first = minutes[1]
    assert first.bid == Bar(4100, 4100, 4100, 4100)
    assert first.ask == Bar(4300, 4100, 10_000, 4100), "nobody asks, and then 0.41"
    assert (first.price, first.previous) == (Bar(4300, 4300, 4300, 4300), None)
    assert (first.volume, first.notional) == (100, 430_000)
    assert (minutes[2].previous, minutes[2].volume) == (4300, 300)
    assert [one.volume for one in load(tmp_path).candles(UP, 60, at(0), at(3600))] == [0, 400]
    (day,) = load(tmp_path).candles(UP, 1440, at(0), at(86_400))
    assert iso(day.end_ms) == "2026-08-12T04:00:00Z"
    assert day.volume == 400


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_terms_and_settlement_come_from_the_metadata(tmp_path: Path, is_wrapped: bool) -> None:
    write_body(write(tmp_path, START), body(), is_wrapped=is_wrapped)
    tape = load(tmp_path, 0)
    listing = tape.listings[UP]
    assert (listing.floor_strike, listing.result, listing.expiration_value) == (
        4385.92,
        "yes",
        "4387.73",
    )
    write(tmp_path, START, delta(1000, "yes", "0.4000", "-1.00"))
    assert [iso(one.end_ms)[11:] for one in load(tmp_path).candles(UP, 1, at(0), at(2000))] == [
        "12:00:00Z"
    ], "what comes after the close is no candle"
    moments = [listing.open_ms, listing.close_ms, listing.settled_ms]
    assert [iso(ms)[11:] for ms in moments] == ["11:45:00Z", "12:15:00Z", "12:15:09.862Z"]
    assert listing.price_ranges[0].step == 10
    assert tape.series["KXGOLD"].category == "Commodities"


@pytest.mark.parametrize(
    ("price", "structure", "step"),
    [("0.42", "linear_cent", 100), ("0.425", "deci_cent", 10), ("0.4251", "banded_centi_cent", 1)],
)
def test_without_metadata_the_frames_show_the_grid_and_nobody_knows_the_result(
    tmp_path: Path, price: str, structure: str, step: int
) -> None:
    tape = load(write(tmp_path, START, delta(1, "yes", price, "1.00")))
    listing = tape.listings[UP]
    assert (listing.price_level_structure, listing.price_ranges[0].step) == (structure, step)
    assert (listing.open_ms, listing.close_ms) == (at(0), at(1) + 7 * 24 * HOUR_MS)
    assert listing.result is None


def test_the_name_changes_with_whatever_is_replayed(tmp_path: Path) -> None:
    def name() -> str:
        return Recording(tmp_path, at(0)).name

    write(tmp_path, START)
    names = [name(), name()]
    write(tmp_path, START, START)
    names.append(name())
    write_body(tmp_path, body())
    names.append(name())
    (tmp_path / "recording.json").write_text("{}")
    names.append(name())
    assert len(set(names)) == 4
    assert names[0] == names[1]


def test_what_is_taken_is_back_when_the_recording_changes_that_level(tmp_path: Path) -> None:
    write(tmp_path, START, delta(10, "yes", "0.4000", "1.00"), delta(20, "no", "0.5700", "-6.00"))
    ioc = {"ticker": UP, "time_in_force": "immediate_or_cancel"}
    with replaying(load(tmp_path)) as (me, clock):

        def bought() -> str:
            return str(me.order("bid", "0.43", "5", **ioc).json()["fill_count"])

        assert [bought(), bought()] == ["5.00", "2.00"]
        clock.advance(seconds=10)
        assert bought() == "0.00", "another level has changed, not this one"
        clock.advance(seconds=10)
        assert bought() == "1.00"
        shown = me.get(f"/markets/{UP}/orderbook")["orderbook_fp"]
        assert shown["yes_dollars"] == [["0.4000", "11.00"], ["0.4100", "5.50"]]


Step = tuple[str, int, int]


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["yes", "no"]), st.integers(1, 12), st.integers(-300, 300)),
        max_size=3 * CHECKPOINT_EVERY,
    ),
    st.data(),
)
def test_any_moment_shows_what_folding_from_the_start_gives(
    steps: list[Step], data: st.DataObject
) -> None:
    frames = [
        delta(n + 1, side, f"0.{cents:02d}", f"{'-' if by < 0 else ''}{abs(by) / 100:.2f}")
        for n, (side, cents, by) in enumerate(steps)
    ]
    with tempfile.TemporaryDirectory() as folder:
        tape = load(write(Path(folder), snapshot(0), *frames), 0)
    seen = data.draw(st.integers(0, len(steps)))
    books: dict[str, dict[int, int]] = {"yes": {}, "no": {}}
    for side, cents, by in steps[:seen]:
        price = cents * 100 if side == "yes" else 10_000 - cents * 100
        books[side][price] = max(books[side].get(price, 0) + by, 0)
    expected = [{p: c for p, c in book.items() if c} for book in books.values()]
    quote = tape.quote_at(UP, at(seen + 0.5))
    assert list(sides(quote)) == expected
    assert list(quote.bids) == sorted(quote.bids, key=lambda one: -one.price)
    assert list(quote.asks) == sorted(quote.asks, key=lambda one: one.price)

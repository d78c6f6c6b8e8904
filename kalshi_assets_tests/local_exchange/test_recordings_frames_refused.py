"""Frames that cannot be used: what is left out, what is passed over, what is refused by name."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets_tests.local_exchange.frame_folders import (
    DOWN,
    START,
    UP,
    Json,
    at,
    body,
    delta,
    line,
    load,
    packed,
    sides,
    snapshot,
    trade,
    write,
    write_body,
)


def test_a_torn_file_is_used_up_to_the_tear_and_after_it(tmp_path: Path) -> None:
    whole = [START, *[delta(n, "yes", f"0.{n:02d}", "1.00") for n in range(10, 35)]]
    torn = packed(*whole)[:-40]
    write(tmp_path)
    file = tmp_path / "2026-08-11.ndjson.gz"
    file.write_bytes(torn)
    kept = sides(load(tmp_path, 5).quote_at(UP, at(100)))[0]
    assert {4000, 4100, 1000} <= kept.keys()
    lost = packed(delta(80, "yes", "0.80", "4.00"))
    file.write_bytes(torn + lost)
    assert sides(load(tmp_path, 5).quote_at(UP, at(100)))[0] == kept, "who knows what is missing"
    again = packed(snapshot(85, yes=[("0.70", "1.00")]), delta(90, "yes", "0.90", "4.00"))
    file.write_bytes(torn + lost + again)
    assert sides(load(tmp_path, 5).quote_at(UP, at(100)))[0] == {7000: 100, 9000: 400}
    text = json.dumps(START) + "\n" + json.dumps(whole[1])[:-9]
    file.write_bytes(gzip.compress(text.encode()))
    assert sides(load(tmp_path, 0).quote_at(UP, at(100)))[0].keys() == {4100, 4000}


def test_other_frames_and_notes_between_them_are_left_alone(tmp_path: Path) -> None:
    others: list[Json] = [
        {"recv_ms": at(0), "subscribed": {"use_yes_price": True}},
        {"recv_ms": at(0), "event": "no JSON"},
        {"recv_ms": at(0), "event": {"type": "subscribed", "id": 1, "msg": {"sid": 1}}},
        {"recv_ms": at(0), "event": {"type": "ok", "id": 1}},
        line(0, "ticker", market_ticker=UP, price_dollars="0.40"),
    ]
    assert load(write(tmp_path, *others, START), 0).changes(UP, at(-9), at(9)) == [at(0)]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"event": None}, "line 2: no frame: Object missing required field `recv_ms`"),
        (delta(1, "yes", "1.0000", "1.00"), "line 2: price 1.0000 is not above 0 and below"),
        (delta(1, "yes", "0.40001", "1.00"), "line 2: price 0.40001"),
        (delta(1, "yes", "0.40", "1.001"), "line 2: 1.001 is no count"),
        (delta(1, "maybe", "0.40", "1.00"), "line 2: Invalid enum value 'maybe'"),
        (trade(1, "bid", "0.40", "1", ts_ms="x"), "line 2: Expected `int | null`, got `str`"),
        (line(1, "trade", market_ticker=UP), "line 2: Object missing required field `trade_id`"),
    ],
)
def test_a_folder_of_which_much_is_wrong_is_refused_by_its_first_wrong_frame(
    tmp_path: Path, frame: Json, words: str
) -> None:
    with pytest.raises(RecordingError, match=r"2026-08-11\.ndjson\.gz") as caught:
        load(write(tmp_path, START, frame))
    assert words in str(caught.value)


QUIET = [delta(n, "yes", f"0.{n:02d}", "1.00") for n in range(10, 38)]
WRONG = delta(50, "yes", "0.40", "1.001")


def test_a_few_wrong_frames_are_set_aside_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    again = snapshot(60, yes=[("0.50", "2.00")])
    lines = [START, *QUIET, WRONG, delta(55, "yes", "0.41", "1.00"), again]
    tape = load(write(tmp_path, *lines, delta(70, "no", "0.40", "1.00")))
    before, doubted = tape.quote_at(UP, at(49)), tape.quote_at(UP, at(59))
    assert doubted == before, "it stands as in a gap"
    assert doubted.updated_ms == at(37)
    assert tape.changes(UP, at(37), at(59)) == []
    assert sides(tape.quote_at(UP, at(70))) == ({5000: 200}, {6000: 100})
    assert f"{tmp_path}: frames not folded: 1 set aside; 32 were; first set aside: " in caplog.text
    assert "2026-08-11.ndjson.gz line 30: 1.001 is no count" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "is_doubted"),
    [
        (delta(50, "yes", "0.40", "x"), (True, False)),
        (line(50, "orderbook_delta", market_ticker=UP), (True, False)),
        (snapshot(50, yes=[("0.40", "x")]), (True, False)),
        (snapshot(50, yes=[("x", "1")], ticker="KXNEW-26AUG11-UP"), (False, False)),
        (line(50, "orderbook_delta", price_dollars="0.40"), (True, True)),
        ({"recv_ms": at(50), "event": {"type": "orderbook_delta", "seq": "x"}}, (True, True)),
        (trade(50, "bid", "0.40", "x"), (False, False)),
        (trade(50, "bid", "0.40", "1", ts_ms="x"), (False, False)),
    ],
)
def test_only_the_books_that_a_wrong_frame_may_be_about_are_in_doubt(
    tmp_path: Path, wrong: Json, is_doubted: tuple[bool, bool]
) -> None:
    begin = [START, snapshot(0, yes=[("0.40", "9.00")], ticker=DOWN)]
    later = [delta(51, "yes", "0.01", "7.00", ticker=one) for one in (UP, DOWN)]
    tape = load(write(tmp_path, *begin, *QUIET, wrong, *later))
    stands = tuple(100 not in sides(tape.quote_at(one, at(99)))[0] for one in (UP, DOWN))
    assert stands == is_doubted


def test_the_share_of_wrong_frames_that_is_borne_ends_at_five_percent(tmp_path: Path) -> None:
    load(write(tmp_path, START, *QUIET[:18], WRONG))
    with pytest.raises(RecordingError, match="1 of 19 frames cannot be used, more than 5 %"):
        load(write(tmp_path, START, *QUIET[:17], WRONG))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"result": "scalar"}, "Invalid enum value 'scalar'"),
        ({"close_time": None}, "got `null` - at `$.markets[0].close_time`"),
        ({"open_time": "2026-08-11T11:45:00"}, "$.markets[0].open_time"),
        ({"price_ranges": [{"start": "0", "end": "1", "step": "0"}]}, "price range"),
        ({"close_time": "2026-08-11T11:50:00Z"}, f"{UP} closed at 2026-08-11T11:50:00Z"),
    ],
)
def test_metadata_that_cannot_be_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    write_body(write(tmp_path, START), body(**changes))
    with pytest.raises(RecordingError) as caught:
        load(tmp_path)
    assert words in str(caught.value)


def test_a_start_outside_and_unknown_notes_are_refused(tmp_path: Path) -> None:
    write(tmp_path, START, delta(60, "yes", "0.41", "1.00"))
    with pytest.raises(RecordingError, match="recorded from 2026-08-11T12:00:00Z to"):
        load(tmp_path, 61)
    (tmp_path / "recording.json").write_text('{"use_yes_prices": true}')
    with pytest.raises(RecordingError, match="use_yes_prices"):
        load(tmp_path)

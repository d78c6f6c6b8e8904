"""Frames that cannot be used: what is left out, what is passed over, what is refused by name."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets_tests.local_exchange.frame_folders import (
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
    again = packed(delta(90, "yes", "0.90", "4.00"))
    file.write_bytes(torn + again)
    assert sides(load(tmp_path, 5).quote_at(UP, at(100)))[0] == kept | {9000: 400}
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
        ({"event": None}, "line 2 is no frame: Object missing required field `recv_ms`"),
        (delta(1, "yes", "1.0000", "1.00"), "line 2: price 1.0000 is not above 0 and below"),
        (delta(1, "yes", "0.40001", "1.00"), "line 2: price 0.40001"),
        (delta(1, "yes", "0.40", "1.001"), "line 2: 1.001 is no count"),
        (delta(1, "maybe", "0.40", "1.00"), "line 2: Invalid enum value 'maybe'"),
        (trade(1, "bid", "0.40", "1", ts_ms="x"), "line 2: Expected `int | null`, got `str`"),
        (line(1, "trade", market_ticker=UP), "line 2: Object missing required field `trade_id`"),
    ],
)
def test_a_frame_that_is_whole_but_wrong_is_named(tmp_path: Path, frame: Json, words: str) -> None:
    with pytest.raises(RecordingError, match=r"2026-08-11\.ndjson\.gz") as caught:
        load(write(tmp_path, START, frame))
    assert words in str(caught.value)


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

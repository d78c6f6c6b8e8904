"""Recordings that cannot be replayed: the message names the place, the value and the way out."""

import pytest

from kalshi_assets.local_exchange.errors import LocalExchangeError, RecordingError
from kalshi_assets_tests.local_exchange.recorded_folders import (
    APRIL,
    HOURS,
    LONG_MARKET,
    MARCH,
    RAIN,
    load,
    record,
    write_long,
    write_markets,
    write_wide,
)

FIRST = "2026-03-10T09:00:00-04:00"
GOOD = ("0.4", "0.46", "0.38", "0.44", "0.42", "720", "1000")
DAY = "1773201600,0.04,0.18,0.04,0.18,0.0656,,375.28,284.0,0.00,0.32"
NEXT_DAY = "1773288000,,,,,,0.18,0.00,284.0,0.00,0.17"


def refusal(folder, **changes):
    with pytest.raises(RecordingError) as refused:
        load(folder, **changes)
    return str(refused.value)


def with_cell(place, value):
    cells = list(GOOD)
    cells[place] = value
    return {FIRST: cells}


def test_a_refused_recording_is_one_of_the_errors_at_start():
    assert issubclass(RecordingError, LocalExchangeError)


def test_a_missing_folder_or_file_is_named(tmp_path):
    assert refusal(tmp_path / "no").startswith(f"{tmp_path / 'no'} is no folder")
    assert f"{tmp_path} has no candles.csv, and no frames in events/" in refusal(tmp_path)
    (tmp_path / "events").mkdir()
    assert f"{tmp_path} has no candles.csv, and no frames in events/" in refusal(tmp_path)


def test_a_wide_file_needs_the_records_of_its_markets(tmp_path):
    (write_wide(tmp_path) / "markets.csv").unlink()
    assert "which contract an hour belongs to is told by markets.csv" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs a header line"),
        ("a,a\n1,2\n", "names every column once"),
        ("when,price\n1,2\n", "neither a column timestamp nor end_period_ts"),
        ("timestamp,x\n", "no line below it"),
        (
            "timestamp,close_UP\n2026-03-10T13:00:00Z\n",
            "line 2 has 1 cells where the header names 2",
        ),
        ("timestamp,x\n2026-03-10T13:00:00Z,1\n", "no columns such as close_H0"),
        ("timestamp,close_UP\n2026-03-10T13:00:00Z,1\n", "lacks the columns open_UP, high_UP"),
        ("end_period_ts,volume\n1773201600,1\n", "lacks the columns price_open"),
        ('timestamp,x\n"' + "y" * 200_000 + '",1\n', "cannot be read as CSV"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path, text, words):
    write_wide(tmp_path)
    (tmp_path / "candles.csv").write_text(text)
    message = refusal(tmp_path)
    assert words in message
    assert str(tmp_path / "candles.csv") in message


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "candles.csv").write_bytes(b"timestamp\n\xff\n")
    assert "UTF-8" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "column"),
    [
        (0, "", "open_UP"),
        (0, "nan", "open_UP"),
        (0, "-0.4", "open_UP"),
        (0, "0.40001", "open_UP"),
        (0, "0.0", "open_UP"),
        (1, "1.0", "high_UP"),
        (1, "0.43", "high_UP"),
        (2, "0.41", "low_UP"),
        (3, "forty", "close_UP"),
        (4, "1.5", "mean_UP"),
        (5, "0.001", "volume_UP"),
        (5, "1e99", "volume_UP"),
        (6, "Infinity", "open_interest_UP"),
    ],
)
def test_a_bad_cell_is_named_with_file_line_column_and_value(tmp_path, place, value, column):
    message = refusal(write_wide(tmp_path, with_cell(place, value)))
    assert message.startswith(f"{tmp_path / 'candles.csv'} line 2, column {column}: {value!r} ")


def test_zero_prices_with_volume_are_no_missing_values(tmp_path):
    message = refusal(write_wide(tmp_path, {FIRST: ("0", "0", "0", "0", "0", "5", "1")}))
    assert "column open_UP: '0' is no price" in message


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (["2026-03-10T09:00:00"], "no ISO time with an offset"),
        (["soon"], "no ISO time with an offset"),
        (["2026-03-10T09:30:00Z"], "does not end a whole UTC period of 60 minutes"),
        (["2026-03-10T13:00:00Z", "2026-03-10T09:00:00-04:00"], "is there twice"),
        (["2026-03-10T13:00:00Z", "2026-03-10T12:00:00Z"], "is earlier than the line before"),
    ],
)
def test_times_are_whole_hours_in_order(tmp_path, ends, words):
    message = refusal(write_wide(tmp_path, dict.fromkeys(ends, GOOD)))
    assert words in message
    assert f"line {len(ends) + 1}, column timestamp: '{ends[-1]}'" in message


@pytest.mark.parametrize("start", ["11:59:59", "20:00:01"])
def test_a_start_outside_the_recording_names_its_ends(tmp_path, start):
    message = refusal(write_wide(tmp_path), start=start)
    assert f"2026-03-10T{start}Z" in message
    assert "from 2026-03-10T12:00:00Z to 2026-03-10T20:00:00Z" in message


def test_both_ends_of_a_recording_can_be_started_at(tmp_path):
    write_wide(tmp_path)
    assert [load(tmp_path, start=when).name for when in ("12:00", "20:00")] == ["made-up"] * 2


@pytest.mark.parametrize("spread", [-1, 10_000])
def test_a_spread_is_part_of_a_dollar(tmp_path, spread):
    assert f"spread {spread} is outside 0-9999" in refusal(write_wide(tmp_path), spread=spread)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price_level_structure": "tapered_deci_cent"}, "is none of linear_cent, deci_cent"),
        ({"result": "scalar"}, "only binary markets"),
        ({"close_time": ""}, "column close_time: ''"),
        ({"created_time": "2026-03-01"}, "column created_time"),
        ({"open_time": "2026-03-10T13:00:00Z"}, f"{MARCH} has a bar from 2026-03-10T12:00:00Z"),
    ],
)
def test_a_record_that_does_not_fit_is_named(tmp_path, changes, words):
    records = [record(MARCH, **changes), record(APRIL)]
    assert words in refusal(write_wide(tmp_path, records=records))


def test_a_record_of_a_contract_without_bars_need_not_fit(tmp_path):
    odd = record(APRIL, result="scalar")
    hours = dict(list(HOURS.items())[:2])
    assert list(load(write_wide(tmp_path, hours, [record(MARCH), odd])).listings) == [MARCH]


def test_a_record_lacking_a_column_is_not_guessed(tmp_path):
    short = {name: cell for name, cell in record(MARCH).items() if name != "open_time"}
    message = refusal(write_wide(tmp_path, records=[short]))
    assert "markets.csv lacks the columns open_time" in message


def test_a_bar_no_contract_is_listed_for_is_named(tmp_path):
    assert "no contract ending in -UP" in refusal(write_wide(tmp_path, records=[record(MARCH)]))


def test_two_contracts_that_close_together_are_refused(tmp_path):
    twin = record("KXSNOW-26MAR-UP")
    message = refusal(write_wide(tmp_path, records=[record(MARCH), twin, record(APRIL)]))
    assert "close at the same time" in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1773201600,,,,,,,5,5,0.1,0.2", "column volume: '5' contracts traded"),
        ("1773201600,0.1,,0.1,0.1,0.1,,5,5,0.1,0.2", "column price_high: ''"),
        ("1773201600,,,,,,,0,5,0.2,0.2", "is not below the ask 0.2"),
        ("1773201600,,,,,,,0,5,0.105,0.2", "column yes_bid_close: '0.105' is off the grid"),
        ("1773201600,,,,,,,0,5,0.1,0.205", "column yes_ask_close: '0.205' is off the grid"),
        ("1773201600.5,,,,,,,0,5,0.1,0.2", "no time in whole seconds"),
        ("1773205200,,,,,,,0,5,0.1,0.2", "no midnight in New York"),
    ],
)
def test_a_bad_long_line_is_named(tmp_path, line, words):
    lines = [line, "1773288000,,,,,,,0,5,0.1,0.2", "1773374400,,,,,,,0,5,0.1,0.2"]
    message = refusal(write_long(tmp_path, *lines))
    assert words in message
    assert "line 4" in message


@pytest.mark.parametrize("lines", [[DAY], [DAY, "1773202500,,,,,,,0,5,0.1,0.2"]])
def test_the_length_of_long_bars_must_show(tmp_path, lines):
    assert "candles of 1, 60 and 1440 minutes are replayed" in refusal(write_long(tmp_path, *lines))


@pytest.mark.parametrize(
    ("comments", "words"),
    [
        ([], "names no market"),
        ([f'# Market: {RAIN} "Rain?"'], "needs settlement_ts="),
        ([LONG_MARKET.replace(":30:00.5Z", ":30")], "needs settlement_ts="),
        ([LONG_MARKET.replace("03-11", "03-10")], "is open from 2026-03-10T04:00:00Z to"),
    ],
)
def test_a_long_file_tells_its_market(tmp_path, comments, words):
    assert words in refusal(write_long(tmp_path, DAY, NEXT_DAY, comments=comments))


def test_a_long_file_finds_its_record(tmp_path):
    write_markets(write_long(tmp_path, DAY, NEXT_DAY), record(MARCH))
    assert f"has no record of {RAIN}" in refusal(tmp_path)
    write_markets(write_long(tmp_path, DAY, NEXT_DAY, comments=[]), record(MARCH), record(APRIL))
    assert "lists 2 markets" in refusal(tmp_path)

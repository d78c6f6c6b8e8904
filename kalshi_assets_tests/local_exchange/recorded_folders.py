"""Small made-up recordings, written where a test says, and an exchange that replays them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.recordings import RecordedTape, load_recording
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.units import to_ms
from kalshi_assets_tests.local_exchange.bench import UNLIMITED, Caller, private_key, public_pem

MARCH, APRIL = "KXRAIN-26MAR-UP", "KXRAIN-26APR-UP"
RAIN = "KXRAIN-26MAR-T0.5"
VALUES = ("open", "high", "low", "close", "mean", "volume", "open_interest")
ZEROS = ("0.0", "0.0", "0.0", "0.0", "0.0", "0.0", "1300.0")

# 12-15 UTC belong to March; March closes at 17:59 and the next hour on record is April's.
HOURS: dict[str, tuple[str, ...]] = {
    "2026-03-10T09:00:00-04:00": ("0.4", "0.46", "0.38", "0.44", "0.4213", "720.0", "1000.0"),
    "2026-03-10T10:00:00-04:00": ("0.44", "0.44", "0.3", "0.32", "0.35", "1800.5", "1300.0"),
    "2026-03-10T11:00:00-04:00": ZEROS,
    "2026-03-10T15:00:00-04:00": ("0.2", "0.25", "0.2", "0.22", "0.22", "360.0", "50.0"),
    "2026-03-10T16:00:00-04:00": ("0.22", "0.22", "0.22", "0.22", "0.22", "5.0", "55.0"),
}
LONG_HEADER = (
    "end_period_ts,price_open,price_high,price_low,price_close,price_mean,price_previous,volume,"
    "open_interest,yes_bid_close,yes_ask_close"
)
LONG_MARKET = f'# Market: {RAIN} "Will it rain?" result=yes, settlement_ts=2026-03-11T15:30:00.5Z'

DAYS = (  # the second of them has 23 hours: clocks go forward
    "1772946000,,,,,,,0.00,0.00,0.01,0.31",
    "1773028800,0.31,0.31,0.31,0.31,0.31,,13.0,13.0,0.01,0.32",
    "1773201600,0.04,0.18,0.04,0.18,0.0656,0.31,375.28,284.0,0.00,1.00",
    "1773288000,,,,,,0.18,0.00,284.0,0.00,0.17",
)


def at(text: str) -> int:
    """A moment of 2026-03-10 (UTC) given by its time, or any moment given in full."""
    whole = text if "T" in text else f"2026-03-10T{text}"
    return to_ms(datetime.fromisoformat(whole).replace(tzinfo=UTC))


def record(ticker: str, **changes: str) -> dict[str, str]:
    """A line of markets.csv."""
    month = {"26MAR": "03", "26APR": "04"}[ticker.split("-")[1]]
    return {
        "ticker": ticker,
        "event_ticker": ticker.rpartition("-")[0],
        "title": f"Rain, {ticker}?",
        "yes_sub_title": "More, than before",
        "rules_primary": 'It "rains".',
        "rules_secondary": "",
        "created_time": "2026-03-01T10:00:00.123456Z",
        "open_time": "2026-03-02T10:00:00Z",
        "close_time": f"2026-{month}-10T17:59:00Z",
        "expected_expiration_time": f"2026-{month}-10T18:05:00Z",
        "price_level_structure": "linear_cent",
        "result": "yes" if month == "03" else "",
        "a_later_field": "x",
    } | changes


def write_markets(folder: Path, *records: dict[str, str]) -> None:
    lines = [list(records[0]), *[list(one.values()) for one in records]]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines]
    (folder / "markets.csv").write_text("\n".join(quoted) + "\n")


def write_wide(
    folder: Path,
    hours: Mapping[str, Sequence[str]] | None = None,
    records: Sequence[dict[str, str]] = (record(APRIL), record(MARCH)),
) -> Path:
    """A wide folder with one leg, UP."""
    lines = [
        f"{end},{','.join(cells)}" for end, cells in (HOURS if hours is None else hours).items()
    ]
    header = ",".join(["timestamp", *[f"{value}_UP" for value in VALUES]])
    (folder / "candles.csv").write_text("\n".join([header, *lines]) + "\n")
    write_markets(folder, *records)
    return folder


def write_long(folder: Path, *lines: str, comments: Sequence[str] = (LONG_MARKET,)) -> Path:
    """A long folder without markets.csv."""
    text = "\n".join(["# made up", *comments, LONG_HEADER, *lines]) + "\n"
    (folder / "candles.csv").write_text(text)
    return folder


def load(folder: Path, start: str = "13:00", **changes: Any) -> RecordedTape:
    return load_recording(folder, name="made-up", started_ms=at(start), **changes)


@contextmanager
def replaying(tape: RecordedTape) -> Iterator[tuple[Caller, ManualClock]]:
    """An exchange on a tape, with the clock in the test's hands."""
    clock, keys = ManualClock(tape.started_ms), {"me": public_pem(private_key("me"))}
    doorkeeper = Doorkeeper(keys)
    exchange = Exchange(tape, Store(None), doorkeeper=doorkeeper, clock=clock, terms=UNLIMITED)
    with running_exchange(exchange) as handle:
        me = Caller(handle.url, "me")
        with me.http:
            yield me, clock

"""What a quote of the stream costs on its way from a frame's bytes to the batch that is written."""

import json
from datetime import UTC, datetime
from statistics import median
from time import process_time

from bench.report import Figure
from kalshi_assets.domain.feed_waiting import State
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.kalshi.stream.session import Session

NOW_MS = 1_791_900_000_000
FRAMES, MARKETS, ROUNDS = 50_000, 500, 5
TICKERS = [f"KXCPI-26OCT-T0.{number}" for number in range(MARKETS)]


def run(server_url: str = "") -> list[Figure]:
    """Take frames in one by one, as the feed does; no database is needed."""
    frames = [_frame(number) for number in range(FRAMES)]
    took = median(_taking(frames) for _ in range(ROUNDS))
    return [Figure("a ticker frame into the batch, CPU", f"{took / FRAMES * 1e6:.1f} us", "")]


def _taking(frames: list[bytes]) -> float:
    session, feeding = Session(), Feeding(datetime.fromtimestamp(NOW_MS / 1000, UTC))
    session.want("ticker", TICKERS)
    session.commands(0.0)
    feeding.track(frozenset(TICKERS), now=datetime.fromtimestamp(NOW_MS / 1000, UTC))
    feeding.know(dict.fromkeys(TICKERS, State("active")))
    taken, began = 0, process_time()
    for number, frame in enumerate(frames):
        session.receive(frame, NOW_MS + 7 * number + 20)
        while (event := session.event()) is not None:
            feeding.take(event)
        if len(feeding.batch.ticks) == MARKETS:
            taken += len(feeding.hand_out().ticks)
    took = process_time() - began
    assert taken == len(frames)
    return took


def _frame(number: int) -> bytes:
    cents = 40 + number % 20
    msg = {
        "market_ticker": TICKERS[number % MARKETS],
        "market_id": "6832089a-be31-4f7f-8b70-6a1a5c2a51aa",
        "price_dollars": f"0.{cents}00",
        "yes_bid_dollars": f"0.{cents - 1}00",
        "yes_ask_dollars": f"0.{cents + 1}00",
        "yes_bid_size_fp": f"{number % 1000}.00",
        "yes_ask_size_fp": f"{number % 900}.00",
        "last_trade_size_fp": "1.00",
        "volume_fp": f"{1000 + number}.00",
        "open_interest_fp": f"{500 + number % 2000}.00",
        "dollar_volume": 16_000,
        "dollar_open_interest": 9_000,
        "ts_ms": NOW_MS + 7 * number,
        "ts": 1_791_900_000,
        "time": "2026-10-13T14:00:00.123456Z",
    }
    return json.dumps({"type": "ticker", "sid": 1, "msg": msg}, separators=(",", ":")).encode()


if __name__ == "__main__":
    for figure in run():
        print(figure)

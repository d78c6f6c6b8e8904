"""The person beside the bot: trades by hand on the same account, and meddles with the bot's trades.

Orders go to the exchange as from its website: under ids that are not of our scheme. The bot learns
of them as it does in life, from the venue's list.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from kalshi_assets.domain.account import OrderRequest, Side
from kalshi_assets.domain.market import Quote
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR, micros
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.execution.resuming import resume
from kalshi_assets.history.plan import Day, Deed
from kalshi_assets.history.steering import Steering
from kalshi_assets.storage import books, ledger, markets
from kalshi_assets.storage.trading_state import halt

NAME = "trader"
DEPOSIT_USD = Decimal(500)
LEAST_VOLUME = 800 * CENTICONTRACTS
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """Acts on the account of `account` at the exchange that `steering` steers."""

    steering: Steering
    account: str

    def act(self, desk: Desk, deed: Deed, day: Day, rng: Random) -> None:
        """Do one thing, if there is something to do it to."""
        try:
            if deed == "deposit":
                self._deposit(desk)
            elif deed == "halt":
                _halt(desk)
            elif deed == "resume":
                resume_trading(desk)
            elif deed == "buy":
                _buy(desk, rng)
            elif deed == "sell":
                _sell_own(desk, rng)
            elif deed in ("close early", "double"):
                _meddle(desk, deed, rng)
        except KalshiAssetsError as exc:
            _log.info("%s: the person could not %s: %s", day.day, deed, exc)

    def _deposit(self, desk: Desk) -> None:
        self.steering.pay(self.account, DEPOSIT_USD)
        with desk.database.transaction() as connection:
            amount = micros(DEPOSIT_USD)
            books.add_transfer(
                connection, amount, at=desk.clock.now(), note=f"{NAME}: monthly saving"
            )


def resume_trading(desk: Desk) -> bool:
    """Do what the runbook says after a halt; tell whether trading is active again."""
    try:
        resume(desk, by=NAME, why="looked into it", is_unknown_accepted=False)
    except KalshiAssetsError as exc:
        _log.info("not resumed: %s", exc)
        return False
    return True


def withdraw_resting(desk: Desk, rng: Random) -> None:
    """Take the bot's resting entries off the book, some of them."""
    with desk.database.transaction() as connection:
        live = [o for o in ledger.live_orders(connection) if o.status == "resting"]
    for order in live:
        if rng.random() < 0.5 and order.venue_order_id is not None:
            desk.venue.cancel_order(order.venue_order_id, market_ticker=order.market_ticker)


def _halt(desk: Desk) -> None:
    with desk.database.transaction() as connection:
        halt(connection, "command", why="watching the figures", at=desk.clock.now(), by=NAME)


def _buy(desk: Desk, rng: Random) -> None:
    """Buy something that trades well and that is not held, on a hunch."""
    held = {p.market_ticker for p in desk.venue.positions() if p.position}
    with desk.database.transaction() as connection:
        tracked = sorted(markets.tracked_markets(connection).keys() - held)
    snapshots = desk.venue.markets(tickers=tracked).snapshots
    quotes = sorted(
        (s.quote for s in snapshots if s.quote.volume_24h >= LEAST_VOLUME),
        key=lambda quote: quote.market_ticker,
    )
    if quotes:
        quote = rng.choice(quotes)
        side: Side = rng.choice(("yes", "no"))
        _order(desk, quote, side, rng.randint(4, 9) * 10 * CENTICONTRACTS, rng)


def _sell_own(desk: Desk, rng: Random) -> None:
    """Sell something that was bought by hand."""
    with desk.database.transaction() as connection:
        bots = {holding.market_ticker for holding in own_holdings(connection)}
    by_hand = [p for p in desk.venue.positions() if p.position and p.market_ticker not in bots]
    if by_hand:
        chosen = rng.choice(sorted(by_hand, key=lambda p: p.market_ticker))
        _sell(desk, chosen.market_ticker, chosen.position, rng)


def _meddle(desk: Desk, deed: Deed, rng: Random) -> None:
    """Sell what the bot bought, or buy more of it."""
    with desk.database.transaction() as connection:
        held = sorted(own_holdings(connection), key=lambda holding: holding.market_ticker)
    if not held:
        return
    chosen = rng.choice(held)
    if deed == "close early":
        sign = 1 if chosen.side == "yes" else -1
        _sell(desk, chosen.market_ticker, sign * chosen.count, rng)
        return
    [snapshot] = desk.venue.markets(tickers=[chosen.market_ticker]).snapshots
    _order(desk, snapshot.quote, chosen.side, chosen.count // 200 * CENTICONTRACTS, rng)


def _sell(desk: Desk, ticker: str, position: int, rng: Random) -> None:
    [snapshot] = desk.venue.markets(tickers=[ticker]).snapshots
    side: Side = "no" if position > 0 else "yes"
    _order(desk, snapshot.quote, side, abs(position), rng, is_reducing=True)


def _order(
    desk: Desk, quote: Quote, side: Side, count: int, rng: Random, *, is_reducing: bool = False
) -> None:
    """Buy a side at the ask, or two cents above where it closes something; the rest is left."""
    ask = quote.yes_ask if side == "yes" else MICROS_PER_DOLLAR - quote.yes_bid
    limit = min(ask + 20_000, MICROS_PER_DOLLAR - 10_000) if is_reducing else ask
    if quote.status != "active" or not 0 < ask < MICROS_PER_DOLLAR or count <= 0:
        return
    desk.venue.create_order(
        OrderRequest(
            client_order_id=f"website-{UUID(int=rng.getrandbits(128), version=4)}",
            market_ticker=quote.market_ticker,
            side=side,
            limit_price=limit,
            count=count,
            expires_at=desk.clock.now() + timedelta(minutes=5),
            time_in_force="immediate_or_cancel",
            is_reduce_only=is_reducing,
        )
    )

"""When trading stands still: the weekly pause, and what somebody at the controls has paused.

A switch takes effect at the first look after it was set. Which ones are in effect is remembered in
the state, so that a market still knows after a crash that it must cancel its orders on return.
"""

import json
from dataclasses import dataclass

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing

_REMEMBERED = "halts"


@dataclass(frozen=True, slots=True)
class Switches:
    """What is paused by hand; `markets` are inactive one by one."""

    trading: bool = False
    exchange: bool = False
    markets: tuple[str, ...] = ()

    @property
    def is_trading_off(self) -> bool:
        """Whether no market trades."""
        return self.trading or self.exchange


class Halts:
    """Knows what stands still at the moment that is being gone through."""

    def __init__(self, store: Store, interventions: Interventions) -> None:
        self._store = store
        self._interventions = interventions
        remembered = store.get_meta(_REMEMBERED)
        values = {} if remembered is None else json.loads(remembered)
        self.in_effect = Switches(
            trading=bool(values.get("trading")),
            exchange=bool(values.get("exchange")),
            markets=tuple(values.get("markets", ())),
        )

    def wanted(self) -> Switches:
        """Return how the switches are set, in effect yet or not."""
        return Switches(
            trading=self._interventions.is_trading_paused,
            exchange=self._interventions.is_exchange_paused,
            markets=tuple(sorted(self._interventions.paused_markets)),
        )

    def switch(self, switches: Switches) -> None:
        """Put switches into effect, within the caller's transaction."""
        self.in_effect = switches
        values = {
            "trading": switches.trading,
            "exchange": switches.exchange,
            "markets": switches.markets,
        }
        self._store.set_meta(_REMEMBERED, json.dumps(values))

    def is_matching(self, ticker: str, ms: int) -> bool:
        """Tell whether orders of a market trade at a moment of its active life."""
        off = self.in_effect.is_trading_off or ticker in self.in_effect.markets
        return not off and hours.pause_start(ms) is None

    def check_entry(self, listing: Listing, ms: int) -> None:
        """Refuse placing and changing an order while its market does not trade.

        Raises:
            Refusal: 409 while all trading is paused, 400 while this market does not trade.
        """
        self.check_exchange()
        if self.in_effect.trading or hours.pause_start(ms) is not None:
            raise Refusal.nested(409, "trading_is_paused")
        if listing.ticker in self.in_effect.markets:
            raise Refusal.nested(400, "MARKET_NOT_ACTIVE")
        self._check_active(listing, ms)

    def check_cancel(self, listing: Listing, ms: int) -> None:
        """Refuse cancelling while the exchange is paused, and after the market's close.

        Raises:
            Refusal: 409 and 400.
        """
        self.check_exchange()
        self._check_active(listing, ms)

    def check_exchange(self) -> None:
        """Refuse everything while the exchange is paused.

        Raises:
            Refusal: 409.
        """
        if self.in_effect.exchange:
            raise Refusal.nested(409, "exchange_is_paused")

    def _check_active(self, listing: Listing, ms: int) -> None:
        if listing.status_at(ms) != "active":
            raise Refusal.nested(400, "MARKET_NOT_ACTIVE")

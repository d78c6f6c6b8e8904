"""One subscription of a connection: a channel, its markets, and the count of its messages."""

from collections.abc import Iterable
from dataclasses import dataclass

from kalshi_assets.local_exchange.stream.commands import Channel, Subscribe, Update
from kalshi_assets.local_exchange.stream.happenings import Body

SEQUENCED: frozenset[Channel] = frozenset({"orderbook_delta", "trade", "market_lifecycle_v2"})
"""Channels whose data messages carry `seq`; acknowledgements do on every channel."""


@dataclass(slots=True)
class Subscription:
    """A channel as one connection takes it.

    Attributes:
        sid: its id on the connection, from 1.
        tickers: its markets in the order they were named; None is every market.
        seq: the last sequence number used.
    """

    sid: int
    channel: Channel
    tickers: dict[str, None] | None
    use_yes_price: bool
    skip_ticker_ack: bool
    seq: int = 0

    @classmethod
    def start(cls, sid: int, channel: Channel, command: Subscribe) -> "Subscription":
        """Make the subscription a command asks for; lives are always every market's."""
        is_whole = command.tickers is None or channel == "market_lifecycle_v2"
        return cls(
            sid,
            channel,
            None if is_whole else {},
            use_yes_price=command.use_yes_price,
            skip_ticker_ack=command.skip_ticker_ack,
        )

    def wants(self, ticker: str) -> bool:
        """Tell whether a market is among its own."""
        return self.tickers is None or ticker in self.tickers

    def missing(self, tickers: Iterable[str]) -> list[str]:
        """Return which of these markets it does not have yet."""
        return [ticker for ticker in tickers if not self.wants(ticker)]

    def add(self, tickers: Iterable[str] | None) -> None:
        """Take in markets, None for every market; whoever has every market keeps it."""
        if tickers is None:
            self.tickers = None
        elif self.tickers is not None:
            self.tickers |= dict.fromkeys(tickers)

    def remove(self, tickers: Iterable[str]) -> None:
        """Let go of markets."""
        if self.tickers is not None:
            gone = frozenset(tickers)
            self.tickers = {ticker: None for ticker in self.tickers if ticker not in gone}

    def objection(self, command: Update) -> int | None:
        """Return the error code for an update that this channel does not take, None if it does."""
        if self.channel == "market_lifecycle_v2":
            return 13
        if command.action == "get_snapshot" and self.channel != "orderbook_delta":
            return 13
        if command.is_by_id and self.channel != "ticker":
            return 14 if self.channel == "orderbook_delta" else 11
        return 11 if command.action == "delete_markets" and self.tickers is None else None

    def acknowledgement(self) -> Body:
        """Return the answer to an update, with the markets there are now; it uses up a number."""
        listed = {} if self.skip_ticker_ack else {"market_tickers": list(self.tickers or ())}
        return {"sid": self.sid, "seq": self.next_seq(), "type": "ok", "msg": listed}

    def next_seq(self) -> int:
        """Use up a sequence number and return it."""
        self.seq += 1
        return self.seq

"""What the exchange lists of our series and categories, and of markets that we follow."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kalshi_assets.domain.market import MarketSnapshot, Series
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.domain.universe import FINAL, KnownMarket, UniverseRules
from kalshi_assets.errors import NotFound
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.kalshi.batches import Batch
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.settings import Settings
from kalshi_assets.storage import ledger, own_fills
from kalshi_assets.storage.engine import Connection

# A request a series, up to here; of more series all open markets of the exchange are read, a
# thousand a request, and those of other series dropped.
MOST_SERIES_ALONE = 100


@dataclass
class Discovery:
    """What the exchange told; `unknown` are followed markets that it does not know."""

    series: dict[str, Series] = field(default_factory=dict)
    snapshots: dict[str, MarketSnapshot] = field(default_factory=dict)
    batches: list[Batch[MarketSnapshot] | Batch[Series]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def add(self, batch: Batch[MarketSnapshot], *, only: Collection[str] | None = None) -> None:
        """Take markets; with `only`, of these series."""
        self.batches.append(batch)
        for snapshot in batch.rows:
            if only is None or snapshot.market.series_ticker in only:
                self.snapshots.setdefault(snapshot.market.ticker, snapshot)


def rules_of(settings: Settings) -> UniverseRules:
    """Return what decides which markets are tracked."""
    return UniverseRules(
        include=settings.include_markets,
        exclude=settings.exclude_markets,
        min_volume=settings.min_tracked_volume * CENTICONTRACTS,
        most=settings.max_markets,
    )


def held_markets(connection: Connection) -> set[str]:
    """Return the markets in which something of ours is held, or may be, or is ordered."""
    return (
        {holding.market_ticker for holding in own_holdings(connection)}
        | own_fills.markets_missing_fills(connection)
        | {order.market_ticker for order in ledger.live_orders(connection)}
    )


def discover(
    client: KalshiClient,
    settings: Settings,
    known: Mapping[str, KnownMarket],
    *,
    held: Collection[str],
) -> Discovery:
    """Ask for the open markets of series and categories, and for those that we follow.

    A market is followed by its ticker from when it is not open any more until its result is final.
    """
    found = Discovery()
    for category in settings.categories:
        batch = client.series_list(category=category)
        found.batches.append(batch)
        found.series |= {series.ticker: series for series in batch.rows}
    for ticker in settings.series:
        _add_series(client, found, ticker)
    if len(found.series) > MOST_SERIES_ALONE:
        found.add(client.markets(status="open", combos="exclude"), only=found.series)
    else:
        for ticker in found.series:
            found.add(client.markets(series_ticker=ticker, status="open"))
    unfinished = {ticker for ticker, market in known.items() if market.status != FINAL}
    _follow(client, found, unfinished | set(settings.include_markets) | set(held))
    return found


def _follow(client: KalshiClient, found: Discovery, tickers: set[str]) -> None:
    """Look up the markets that no listing of open ones had, in one request where it can be."""
    listed = tickers - found.snapshots.keys()
    if listed:
        found.add(client.markets(tickers=sorted(listed)))
    archived = listed - found.snapshots.keys()
    if archived:
        found.add(client.historical_markets(tickers=sorted(archived)))
    found.unknown = sorted(archived - found.snapshots.keys())
    for ticker in sorted(listed & found.snapshots.keys()):
        _add_series(client, found, found.snapshots[ticker].market.series_ticker)


def _add_series(client: KalshiClient, found: Discovery, ticker: str) -> None:
    if ticker in found.series:
        return
    try:
        found.series[ticker] = client.series(ticker)
    except NotFound:
        return

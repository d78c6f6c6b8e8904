"""Series and events as the wire shows them.

Images and legal documents are not served: their addresses lead nowhere.
"""

from collections.abc import Sequence
from typing import Any

from kalshi_assets.local_exchange.catalog import Event
from kalshi_assets.local_exchange.shards import shard_of
from kalshi_assets.local_exchange.tape import Listing, Series
from kalshi_assets.local_exchange.units import iso

View = dict[str, Any]

_NOWHERE = "https://local-exchange.invalid"
_COLOR = "#808080"


def series_view(series: Series, listings: Sequence[Listing]) -> View:
    """Render a series with at least one market."""
    slug = series.ticker.lower()
    multiplier = series.fees.multiplier
    return {
        "ticker": series.ticker,
        "frequency": series.frequency,
        "title": series.title,
        "category": series.category,
        "categories": [series.category],
        "tags": list(series.tags),
        "settlement_sources": _sources(series),
        "contract_url": f"{_NOWHERE}/contracts/{slug}.pdf",
        "contract_terms_url": f"{_NOWHERE}/terms/{slug}.pdf",
        "fee_type": series.fees.fee_type,
        "fee_multiplier": int(multiplier) if multiplier.denominator == 1 else float(multiplier),
        "additional_prohibitions": [],
        "last_updated_ts": iso(updated_ms(listings)),
        "exchange_index": shard_of(listings[0], series),
    }


def event_view(event: Event) -> View:
    """Render an event without its markets."""
    return {
        "event_ticker": event.ticker,
        "series_ticker": event.series.ticker,
        "title": event.series.title,
        "sub_title": event.ticker.removeprefix(f"{event.series.ticker}-"),
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "category": event.series.category,
        "settlement_sources": _sources(event.series),
        "last_updated_ts": iso(updated_ms(event.listings)),
        "exchange_index": shard_of(event.listings[0], event.series),
        **_own_fees(event),
    }


def metadata_view(event: Event) -> View:
    """Render what an event and its markets look like."""
    return {
        "image_url": f"{_NOWHERE}/images/{event.ticker.lower()}.png",
        "market_details": [_look(listing) for listing in event.listings],
        "settlement_sources": _sources(event.series),
    }


def _own_fees(event: Event) -> View:
    """Return the fees of an event that differ from its series'."""
    fees = event.listings[0].event_fees
    if fees is None:
        return {}
    return {"fee_type_override": fees.fee_type, "fee_multiplier_override": float(fees.multiplier)}


def updated_ms(listings: Sequence[Listing]) -> int:
    """Return when what these markets share was last described: as the last of them was made."""
    return max(listing.created_ms for listing in listings)


def _look(listing: Listing) -> View:
    return {
        "market_ticker": listing.ticker,
        "image_url": f"{_NOWHERE}/images/{listing.ticker.lower()}.png",
        "color_code": _COLOR,
    }


def _sources(series: Series) -> list[View]:
    return [{"name": series.source_name, "url": series.source_url}]

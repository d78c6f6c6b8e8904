"""Which fee terms hold in a market: its waiver, else its event's, else its series'."""

from kalshi_assets.local_exchange.fees import NO_FEES, FeeTerms
from kalshi_assets.local_exchange.tape import Tape


def standing_terms(tape: Tape, ticker: str) -> FeeTerms:
    """Return a market's terms, waivers left aside: an order may outlive one."""
    listing = tape.listings[ticker]
    return listing.event_fees or tape.series[listing.series_ticker].fees


def terms_at(tape: Tape, ticker: str, ms: int) -> FeeTerms:
    """Return the terms of a fill at a moment."""
    waived_until_ms = tape.listings[ticker].fee_waiver_until_ms
    if waived_until_ms is not None and ms < waived_until_ms:
        return NO_FEES
    return standing_terms(tape, ticker)

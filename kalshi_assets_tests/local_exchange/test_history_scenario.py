"""The scenario `history`: what can be relied on in thirteen weeks of made-up markets."""

from functools import lru_cache

import pytest

from kalshi_assets.local_exchange.errors import UnknownScenario
from kalshi_assets.local_exchange.scenarios import history, load_scenario
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS, ONE_DOLLAR, iso

WEEKS = range(history.WEEKS)
HALF_SLOT_MS = 10_000


@lru_cache
def tape(name: str = "history"):
    return load_scenario(name)


START = tape().started_ms


def open_at(ms):
    return [t for t, listing in tape().listings.items() if listing.status_at(ms) == "active"]


def test_it_starts_on_a_new_york_sunday_at_midnight():
    assert iso(START) == "2026-08-09T04:00:00Z"
    assert {s.category for s in tape().series.values()} == {"Economics", "Financials"}


def test_some_twenty_markets_are_open_every_day_and_go_on_after_the_last_week():
    counts = [len(open_at(START + day * DAY_MS + 16 * HOUR_MS)) for day in range(13 * 7 + 5)]
    assert min(counts) >= 15
    assert max(counts) <= 26


@pytest.mark.parametrize("week", WEEKS)
def test_in_every_week_markets_are_listed_and_settle(week):
    begin, end = START + week * 7 * DAY_MS, START + (week + 1) * 7 * DAY_MS
    listings = tape().listings.values()
    assert any(begin <= listing.open_ms < end for listing in listings)
    assert any(begin <= listing.settled_ms < end for listing in listings)


def test_one_market_ends_in_a_scalar_result_within_the_weeks():
    [scalar] = [listing for listing in tape().listings.values() if listing.result == "scalar"]
    assert START < scalar.settled_ms < START + 13 * 7 * DAY_MS
    assert scalar.yes_payout == 6_200


def test_prices_stay_on_the_grid_between_nothing_and_a_dollar():
    for ticker in open_at(START + 30 * DAY_MS):
        listing = tape().listings[ticker]
        for ms in range(max(START, listing.open_ms), listing.close_ms, 17 * HOUR_MS):
            quote = tape().quote_at(ticker, ms)
            levels = [*quote.bids, *quote.asks]
            assert all(listing.is_on_grid(level.price) for level in levels)
            assert 0 < quote.bids[0].price < quote.asks[0].price < ONE_DOLLAR


def test_no_quote_changes_in_the_second_half_of_twenty_seconds():
    """The history in fast motion looks at such moments: how long a look takes changes nothing."""
    for ticker in open_at(START + 40 * DAY_MS):
        half = START + 40 * DAY_MS + 9 * HOUR_MS + HALF_SLOT_MS
        assert list(tape().changes(ticker, half, half + HALF_SLOT_MS - 1)) == []
        assert len(tape().changes(ticker, half - HALF_SLOT_MS, half)) == 1


def test_the_same_seed_is_the_same_history_and_another_one_another():
    again, other = load_scenario("history"), load_scenario("history-7")
    at = START + 50 * DAY_MS
    [ticker, *_] = open_at(at)
    assert again.quote_at(ticker, at) == tape().quote_at(ticker, at)
    assert (other.name, again.name) == ("history-7", "history")
    tickers = open_at(at)
    assert [other.quote_at(t, at) for t in tickers] != [tape().quote_at(t, at) for t in tickers]
    results = [[t.listings[n].result for n in t.listings] for t in (again, other)]
    assert results[0] != results[1]


@pytest.mark.parametrize("name", ["history-", "history-x", "history-12345678901"])
def test_a_seed_is_a_number(name):
    with pytest.raises(UnknownScenario, match="unknown scenario"):
        load_scenario(name)

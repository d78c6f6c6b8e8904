"""What is tracked: what we hold, what is named, then what trades most; and what changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kalshi_assets.domain.market import Market, MarketSnapshot, Quote
from kalshi_assets.domain.price import CENTICONTRACTS, PriceGrid
from kalshi_assets.domain.universe import KnownMarket, UniverseRules, changes_of, tracked_of

NOON = datetime(2026, 10, 13, 12, tzinfo=UTC)
RULES = UniverseRules(include=(), exclude=(), min_volume=0, most=2)


def market(
    ticker: str, volume: int = 100, status: str = "active", result: str = ""
) -> MarketSnapshot:
    terms = Market(
        ticker=ticker,
        event_ticker=ticker.rsplit("-", 1)[0],
        title=ticker,
        status=status,
        open_at=NOON - timedelta(days=9),
        close_at=NOON + timedelta(days=9),
        grid=PriceGrid.from_json([[0, 1_000_000, 10_000]]),
        result=result,
        exchange_index=0,
    )
    quote = Quote(
        market_ticker=ticker,
        status=status,
        yes_bid=400_000,
        yes_bid_size=100,
        yes_ask=410_000,
        yes_ask_size=100,
        last_price=400_000,
        volume=volume * CENTICONTRACTS,
        volume_24h=volume * CENTICONTRACTS,
        open_interest=100,
        quoted_at=NOON,
    )
    return MarketSnapshot(terms, quote)


A, B, C = (market(f"KXTEST-26OCT-{name}", 3 - n) for n, name in enumerate("ABC"))
NAMES = [s.market.ticker for s in (A, B, C)]


def tracked(*snapshots: MarketSnapshot, rules: UniverseRules = RULES, held=()) -> list[str]:
    return list(tracked_of(snapshots, rules, held=held))


def test_the_most_traded_open_markets_are_tracked() -> None:
    assert tracked(C, B, A) == NAMES[:2]
    for status in ("closed", "inactive"):
        assert tracked(market(NAMES[0], 9, status), B, C) == NAMES[1:]


def test_a_market_that_trades_too_little_is_not_tracked() -> None:
    assert tracked(A, B, C, rules=replace(RULES, min_volume=3 * CENTICONTRACTS)) == NAMES[:1]


def test_an_included_market_is_tracked_first_and_an_excluded_one_never() -> None:
    rules = replace(RULES, include=NAMES[1:], exclude=[NAMES[1]])
    assert tracked(A, B, C, rules=rules) == [NAMES[2], NAMES[0]]


def test_an_included_market_is_tracked_however_little_it_trades() -> None:
    rules = replace(RULES, include=[NAMES[2]], min_volume=3 * CENTICONTRACTS)
    assert tracked(A, B, C, rules=rules) == [NAMES[2], NAMES[0]]
    assert tracked(A, B, C, rules=replace(rules, most=1)) == [NAMES[2]]


def test_what_we_hold_is_tracked_while_it_is_quoted_whatever_the_settings_say() -> None:
    rules = replace(RULES, exclude=[NAMES[2]], most=1)
    assert tracked(A, B, C, rules=rules, held=[NAMES[2]]) == [NAMES[2]]
    paused, closed = market(NAMES[2], 1, "inactive"), market(NAMES[2], 1, "closed")
    assert tracked(A, paused, held=[NAMES[2]]) == [NAMES[2], NAMES[0]]
    assert tracked(A, closed, held=[NAMES[2]]) == [NAMES[0]]


def told(known: dict[str, KnownMarket], *snapshots: MarketSnapshot) -> list[tuple[str, str]]:
    chosen = tracked_of(snapshots, RULES, held=())
    found = changes_of(known, snapshots, tracked=chosen, rules=RULES)
    return [(c.market_ticker[-1], c.change) for c in found]


def known(*snapshots: MarketSnapshot) -> dict[str, KnownMarket]:
    chosen = tracked_of(snapshots, RULES, held=())
    return {
        s.market.ticker: KnownMarket(s.market.status, s.market.ticker in chosen, "KXTEST")
        for s in snapshots
    }


def test_at_the_first_look_only_what_is_tracked_is_a_change_and_at_the_second_nothing() -> None:
    assert told({}, A, B, C) == [("A", "tracked"), ("B", "tracked")]
    assert told(known(A, B, C), A, B, C) == []


def test_a_roll_shows_as_a_market_that_closed_and_a_new_one_that_took_its_place() -> None:
    settled = market(NAMES[0], 3, "finalized", "yes")
    assert told(known(A, B), settled, B, C) == [
        ("A", "settled"),
        ("A", "untracked"),
        ("C", "listed"),
        ("C", "tracked"),
    ]


def test_a_market_that_the_exchange_lists_no_more_is_said_to_be_untracked() -> None:
    assert told(known(A, B), B) == [("A", "untracked")]
    assert told(known(A, B, C), A, B) == [], "the third one was not tracked"


def test_each_change_says_why() -> None:
    settled = market(NAMES[0], 3, "finalized", "yes")
    chosen = tracked_of([settled, B], RULES, held=())
    found = changes_of(known(A, B), [settled, B], tracked=chosen, rules=RULES)
    assert [c.why for c in found] == ["was active, result yes", "it is finalized"]


def test_what_is_tracked_no_more_says_by_which_rule() -> None:
    def why(rules: UniverseRules) -> dict[str, str]:
        chosen = tracked_of([A, B, C], rules, held=())
        found = changes_of(known(A, B, C), [A, B, C], tracked=chosen, rules=rules)
        return {c.market_ticker[-1]: c.why for c in found if c.change == "untracked"}

    assert why(replace(RULES, exclude=[NAMES[0]])) == {"A": "named in KALSHI_EXCLUDE_MARKETS"}
    too_little = "volume of 2 contracts in 24 hours is no longer enough"
    assert why(replace(RULES, min_volume=3 * CENTICONTRACTS)) == {"B": too_little}
    assert why(replace(RULES, most=1)) == {"B": too_little}

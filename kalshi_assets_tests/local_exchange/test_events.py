import pytest

from kalshi_assets_tests.local_exchange.bench import NOON_MS, ScriptedTape, floor, listing

NOON = NOON_MS // 1000
EARLY, LATE, OTHER = "KXTEST-26OCT-T1", "KXTEST-26OCT-T2", "KXELSE-26NOV-T1"
HOUR = 3600


@pytest.fixture(scope="module")
def venue():
    """An event of two markets, one of which closes later, and an event yet to open."""
    listings = {
        EARLY: listing(EARLY),
        LATE: listing(
            LATE,
            close_ms=NOON_MS + 10 * HOUR * 1000,
            determined_ms=NOON_MS + 11 * HOUR * 1000,
            settled_ms=NOON_MS + 12 * HOUR * 1000,
        ),
        OTHER: listing(
            OTHER,
            created_ms=NOON_MS,
            open_ms=NOON_MS + 20 * HOUR * 1000,
            close_ms=NOON_MS + 30 * HOUR * 1000,
        ),
    }
    with floor(ScriptedTape(listings)) as running:
        yield running


def events(venue, **query):
    return [event["event_ticker"] for event in venue.me.get("/events", **query)["events"]]


def test_events_gather_their_markets(venue):
    assert events(venue) == ["KXTEST-26OCT", "KXELSE-26NOV"]
    answer = venue.me.get("/events/KXTEST-26OCT")
    assert [market["ticker"] for market in answer["markets"]] == [EARLY, LATE]
    assert "markets" not in answer["event"]
    nested = venue.me.get("/events/KXTEST-26OCT", with_nested_markets="true")
    assert nested["event"]["markets"] == answer["markets"]
    listed = venue.me.get("/events", with_nested_markets="true")["events"][0]
    assert listed == nested["event"]
    details = venue.me.get("/events/KXTEST-26OCT/metadata")["market_details"]
    assert [one["market_ticker"] for one in details] == [EARLY, LATE]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "open"}, ["KXTEST-26OCT"]),
        ({"status": "unopened"}, ["KXELSE-26NOV"]),
        ({"status": "closed"}, []),
        ({"series_ticker": "KXELSE"}, ["KXELSE-26NOV"]),
        ({"tickers": "KXNO-1,KXTEST-26OCT"}, ["KXTEST-26OCT"]),
        ({"min_close_ts": NOON + 8 * HOUR}, ["KXTEST-26OCT", "KXELSE-26NOV"]),
        ({"min_close_ts": NOON + 10 * HOUR}, ["KXELSE-26NOV"]),
        ({"min_updated_ts": NOON - 1}, ["KXELSE-26NOV"]),
    ],
)
def test_events_are_filtered(venue, query, found):
    assert events(venue, **query) == found


def test_events_come_page_by_page(venue):
    first = venue.me.get("/events", limit=1)
    rest = venue.me.get("/events", limit=1, cursor=first["cursor"])
    shown = [one["event_ticker"] for one in first["events"] + rest["events"]]
    assert shown == events(venue)
    assert rest["cursor"] == ""
    assert venue.me.call("GET", "/events", limit=201).status_code == 400


def test_a_series_tells_its_volume_on_request(venue):
    assert "volume_fp" not in venue.me.get("/series/KXTEST")["series"]
    venue.me.order("bid", "0.52", "2", time_in_force="immediate_or_cancel")
    series = venue.me.get("/series/KXTEST", include_volume="true")["series"]
    assert series["volume_fp"] == "2.00"
    assert [s["ticker"] for s in venue.me.get("/series", min_updated_ts=NOON - 1)["series"]] == [
        "KXELSE"
    ]


def test_an_event_is_closed_when_its_last_market_is_and_settled_when_all_are():
    listings = {EARLY: listing(EARLY), LATE: listing(LATE, close_ms=NOON_MS + 10 * HOUR * 1000)}
    late = listings[LATE].close_ms
    listings[LATE] = listing(
        LATE, close_ms=late, determined_ms=late + HOUR * 1000, settled_ms=late + 2 * HOUR * 1000
    )
    with floor(ScriptedTape(listings)) as venue:
        courses = []
        for _ in range(13):
            courses += [
                name
                for name in ("unopened", "open", "closed", "settled")
                if events(venue, status=name)
            ]
            venue.wait(HOUR)
    assert courses == ["open"] * 10 + ["closed"] * 2 + ["settled"]

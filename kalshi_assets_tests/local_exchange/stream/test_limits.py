"""What a connection may not do, who reads too slowly, and connections that end."""

from kalshi_assets.local_exchange.stream import StreamTerms
from kalshi_assets.local_exchange.stream.outbox import Outbox
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.local_exchange.stream.bench import OTHER, code_of, stand

THIRD = "KXTEST-26OCT-T3"


def test_more_markets_than_allowed_are_refused() -> None:
    client = stand(OTHER, THIRD, terms=StreamTerms(markets=3)).client()
    client.books(TICKER, OTHER)
    assert code_of(client.subscribe("trade", market_tickers=[TICKER, OTHER])) == 26
    client.subscribe("trade", market_ticker=TICKER)
    refused = client.send("update_subscription", sid=1, action="add_markets", market_ticker=THIRD)
    assert code_of(refused) == 26
    assert client.books(TICKER)[0]["type"] == "subscribed"


def test_more_commands_a_second_than_allowed_are_refused() -> None:
    now = [0.0]
    terms = StreamTerms(commands_per_second=2, monotonic=lambda: now[0])
    client = stand(terms=terms).client()
    answers = [client.send("list_subscriptions")[0] for _ in range(3)]
    assert [a["type"] for a in answers] == ["ok", "ok", "error"]
    assert (answers[2]["msg"]["code"], answers[2]["id"]) == (27, 3)
    now[0] = 1.0
    assert client.send("list_subscriptions")[0]["type"] == "ok"


def test_who_reads_too_slowly_loses_the_subscription_and_only_that() -> None:
    floor = stand(terms=StreamTerms(buffer=3))
    client = floor.client()
    client.books()
    client.subscribe("trade")
    for number in range(5):
        floor.place("you", "bid", f"0.4{number}", "1")
    floor.place("you", "ask", "0.47", "1")
    frames = client.take()
    assert [frame["type"] for frame in frames] == ["error", "trade"]
    assert (frames[0]["sid"], frames[0]["seq"], frames[0]["msg"]["code"]) == (1, 5, 25)
    assert [one.channel for one in client.session.subscriptions] == ["trade"]
    client.books()
    assert client.book() == floor.rest_book()


def test_a_first_burst_too_long_for_the_buffer_ends_with_the_error() -> None:
    client = stand(OTHER, THIRD, terms=StreamTerms(buffer=2)).client()
    frames = client.books(TICKER, OTHER, THIRD)
    assert [frame["type"] for frame in frames] == ["subscribed", "error"]
    assert client.session.subscriptions == ()


def test_a_closed_connection_hears_nothing_more() -> None:
    floor = stand()
    client, other = floor.client(), floor.client("you")
    client.books()
    other.books()
    floor.hub.disconnect_all()
    floor.place("you", "bid", "0.50", "1")
    assert client.session.is_closed
    assert other.session.is_closed
    assert client.send("list_subscriptions") == []


def test_a_new_connection_after_an_outage_starts_from_the_book_of_its_moment() -> None:
    floor = stand()
    floor.client().books()
    floor.hub.disconnect_all()
    floor.place("you", "bid", "0.50", "1")
    client = floor.client()
    client.books()
    floor.place("you", "bid", "0.50", "2")
    assert client.book() == floor.rest_book()
    assert [frame["msg"]["delta_fp"] for frame in client.of("orderbook_delta")] == ["2.00"]


def test_what_is_thrown_away_takes_no_room() -> None:
    outbox = Outbox(1)
    outbox.put("lost", 1)
    outbox.put("kept", 2)
    assert outbox.is_full(1)
    outbox.discard(1)
    assert not outbox.is_full(1)
    assert [outbox.pop(), outbox.pop()] == ["kept", None]

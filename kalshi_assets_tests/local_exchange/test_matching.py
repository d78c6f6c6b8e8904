import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.local_exchange.matching import Offer, plan
from kalshi_assets_tests.local_exchange.bench import count, price


def offer(at: str, size: str, when: int = 0, *, of: str | None = None) -> Offer:
    order_id = None if of is None else f"{of}-{at}-{when}"
    return Offer(price(at), count(size), (when, when), order_id=order_id, account=of)


def run(side, limit, size, offers, *, self_trade="taker_at_cross"):
    return plan(
        side,
        limit=price(limit),
        count=count(size),
        offers=offers,
        account="me",
        self_trade=self_trade,
    )


def taken(planned):
    return [(match.offer.price, match.offer.queued_at[0], match.count) for match in planned.matches]


def test_best_price_comes_first_then_first_come():
    offers = [offer("0.53", "1"), offer("0.52", "2", 9), offer("0.52", "2", 3)]
    assert taken(run("bid", "0.53", "4.50", offers)) == [
        (5_200, 3, 200),
        (5_200, 9, 200),
        (5_300, 0, 50),
    ]


def test_an_ask_meets_the_highest_bids():
    planned = run("ask", "0.50", "5", [offer("0.49", "9"), offer("0.51", "1"), offer("0.50", "1")])
    assert [match.offer.price for match in planned.matches] == [5_100, 5_000]
    assert planned.left == 300


def test_nothing_beyond_the_limit_is_taken():
    planned = run("bid", "0.51", "1", [offer("0.52", "1")])
    assert (planned.matches, planned.left) == ((), 100)


def test_taker_at_cross_stops_at_the_own_order_and_keeps_what_was_filled():
    offers = [offer("0.50", "1"), offer("0.51", "1", of="me"), offer("0.52", "9")]
    planned = run("bid", "0.55", "5", offers)
    assert planned.has_met_itself
    assert planned.left == 400
    assert not planned.cancelled


def test_maker_prevention_cancels_the_own_order_and_goes_on():
    offers = [offer("0.50", "1", of="me"), offer("0.52", "9", of="you")]
    planned = run("bid", "0.55", "5", offers, self_trade="maker")
    assert planned.cancelled == ("me-0.50-0",)
    assert planned.left == 0


def test_own_orders_beyond_the_need_are_left_alone():
    offers = [offer("0.50", "5"), offer("0.51", "1", of="me")]
    planned = run("bid", "0.55", "5", offers)
    assert not planned.has_met_itself


offers_of = st.lists(
    st.builds(
        Offer,
        price=st.integers(1, 99).map(lambda cents: cents * 100),
        count=st.integers(1, 500),
        queued_at=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    ),
    max_size=20,
)


@pytest.mark.parametrize("side", ["bid", "ask"])
@given(offers=offers_of, limit=st.integers(1, 99), wanted=st.integers(1, 2_000))
def test_all_that_crosses_is_taken_until_the_order_is_full(side, offers, limit, wanted):
    planned = plan(
        side,
        limit=limit * 100,
        count=wanted,
        offers=offers,
        account="me",
        self_trade="taker_at_cross",
    )
    good = [
        o for o in offers if (o.price <= limit * 100 if side == "bid" else o.price >= limit * 100)
    ]
    assert wanted - planned.left == min(wanted, sum(o.count for o in good))
    prices = [match.offer.price for match in planned.matches]
    assert prices == sorted(prices, reverse=side == "ask")

"""Random days on the floor, against a second exchange written from the rules alone.

After every step both must agree on the answer, on every order, on who stands where in the queue, on
every fill, position and cent; and all the money there is must still be there.
"""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.local_exchange.side_by_side import ACCOUNTS, CASH, dollars, new_day

SCALAR = 6_250

prices = st.integers(44, 56).map(lambda cents: cents * 100) | st.integers(1, 999).map(
    lambda mills: mills * 10
)
sizes = st.integers(1, 12).map(lambda whole: whole * 100) | st.integers(1, 900)
labels = st.integers(0, 40)
who = st.sampled_from(ACCOUNTS)
placing = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["bid", "ask"]),
        "price": prices,
        "count": sizes,
        "tif": st.sampled_from(
            ["good_till_canceled"] * 4 + ["immediate_or_cancel", "fill_or_kill"]
        ),
        "stp": st.sampled_from(["taker_at_cross", "maker"]),
        "modifier": st.sampled_from(["", "", "", "post_only", "reduce_only", "halts", "expires"]),
    }
)
levels_of_a_quote = st.lists(sizes, min_size=0, max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), who, placing),
        st.tuples(st.just("place"), who, placing),
        st.tuples(st.just("amend"), labels, st.tuples(prices, sizes)),
        st.tuples(st.just("amend"), labels, st.tuples(st.none(), sizes)),
        st.tuples(st.just("decrease"), labels, sizes),
        st.tuples(st.just("cancel"), labels, st.none()),
        st.tuples(st.just("cancel_all"), who, st.none()),
        st.tuples(
            st.just("quote"), st.integers(45, 55), st.tuples(levels_of_a_quote, levels_of_a_quote)
        ),
        st.tuples(st.just("trade"), st.integers(40, 60), sizes),
        st.tuples(st.just("pause"), st.booleans(), st.none()),
        st.tuples(st.just("deactivate"), st.booleans(), st.none()),
    ),
    min_size=12,
    max_size=45,
)


@pytest.mark.parametrize(
    ("fee_type", "maker_share"), [("quadratic", "0"), ("quadratic_with_maker_fees", "0.25")]
)
@pytest.mark.parametrize("result", ["no", "scalar"])
@settings(max_examples=40, deadline=None)
@given(steps_of_day=steps)
def test_both_exchanges_agree_and_no_money_is_made_or_lost(
    fee_type: str, maker_share: str, result: str, steps_of_day: list[tuple[str, Any, Any]]
) -> None:
    price = SCALAR if result == "scalar" else None
    day = new_day(fee_type, maker_share, result=result, settlement_price=price)
    for kind, subject, what in steps_of_day:
        if kind in ("amend", "decrease", "cancel") and not day.ids:
            continue
        day.act(kind, subject, what)
        day.compare()
        day.check_money()
    day.clock.advance(seconds=7 * 3600)
    day.ours.moment()
    day.theirs.settle(dollars(price or 0))
    for name, account in day.theirs.accounts.items():
        assert Decimal(day.ours.ledger.cash_micros(name)) / 1_000_000 == account.cash
        assert day.ours.ledger.position(name, TICKER).position == 0
    assert day.ours.orders.all_resting() == []
    assert day.ours.ledger.other_side.escrow_micros(TICKER) == 0
    assert day.ours.ledger.other_side.books().total == len(ACCOUNTS) * CASH * 1_000_000
    day.ours.close()

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.price import contracts, dollars
from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.schemas import Payload, as_count, as_price, read_payload
from kalshi_assets.kalshi.schemas_account import FillPayload, OrderPayload
from kalshi_assets.kalshi.schemas_market import MarketPayload, SeriesPayload
from kalshi_assets.kalshi.schemas_prices import BookSidesPayload, CandlePayload
from kalshi_assets_tests.kalshi import payloads


def read(schema: type[Payload], value: dict[str, Any]) -> Any:
    return read_payload(schema, Body(json.dumps(value).encode(), "GET /x").whole)


@given(st.integers(0, 1_000_000))
def test_a_price_string_becomes_micros_and_back(price):
    assert as_price(f"{dollars(price):.6f}") == price
    assert as_price(f"{dollars(price).normalize():f}") == price


@given(st.integers(0, 10**12))
def test_a_count_string_becomes_centicontracts_and_back(count):
    assert as_count(f"{contracts(count):.2f}") == count


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans() | st.binary())
def test_nothing_but_a_decimal_string_is_a_price(value):
    try:
        price = as_price(value)
    except ValueError:
        return
    assert isinstance(value, str)
    assert dollars(price) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "1e-2",
        "1e999999999",
        "NaN",
        "Infinity",
        " 0.5",
        "0.5\n",
        "0_1",
        ".5",
        "5.",
        "+0.5",
        "\N{ARABIC-INDIC DIGIT ZERO}.5",
        "",
    ],
)
def test_no_other_writing_of_a_number_is_a_price(text):
    with pytest.raises(ValueError, match="fixed-point"):
        as_price(text)


@pytest.mark.parametrize("text", ["1.0001", "-0.0001", "1.01", "42"])
def test_a_price_outside_its_range_is_refused(text):
    with pytest.raises(ValueError, match="outside 0-1"):
        as_price(text)


REQUIRED = [name for name, field in MarketPayload.model_fields.items() if field.is_required()]


@pytest.mark.parametrize("name", REQUIRED)
def test_every_field_we_use_is_required_and_has_no_default(name):
    broken = payloads.market()
    del broken[name]
    with pytest.raises(PayloadError, match=f"missing of .*{name}, GET /x"):
        read(MarketPayload, broken)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("wrong", [None, 7, 0.7, True, [], {}])
def test_every_field_we_use_is_strict_about_its_type(name, wrong):
    with pytest.raises(PayloadError, match=name):
        read(MarketPayload, payloads.market() | {name: wrong})


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "open"},
        {"result": "maybe"},
        {"ticker": ""},
        {"ticker": "A,B"},
        {"ticker": "A B"},
        {"title": "a\0b"},
        {"updated_time": "0001-01-01T00:00:00Z"},
        {"updated_time": "2026-11-22T15:00:00"},
        {"updated_time": "soon"},
        {"yes_bid_size_fp": "-1.00"},
        {"volume_fp": "1.001"},
        {"price_ranges": []},
        {"price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0000"}]},
        {"price_ranges": [{"start": "1.0000", "end": "0.0000", "step": "0.0100"}]},
        {"price_ranges": [{"start": "0.0000", "end": "1.0000"}]},
    ],
)
def test_an_impossible_market_is_malformed(changes):
    with pytest.raises(PayloadError, match="GET /x"):
        read(MarketPayload, payloads.market(**changes))


def test_the_message_names_value_rule_market_and_field():
    with pytest.raises(PayloadError) as caught:
        read(MarketPayload, payloads.market(yes_bid_dollars="1.0100"))
    assert str(caught.value) == (
        f"price 1.0100 is outside 0-1 of {payloads.TICKER} (yes_bid_dollars, GET /x)"
    )


def test_a_message_stays_short_however_much_is_wrong():
    with pytest.raises(PayloadError, match="more") as caught:
        read(MarketPayload, dict.fromkeys(REQUIRED, "x" * 10000))
    assert len(str(caught.value)) < 1_000


def test_a_market_without_title_takes_its_sub_title():
    untitled = payloads.market()
    del untitled["title"]
    assert read(MarketPayload, untitled).to_domain().market.title == "Above 0.3%"


def test_unknown_fields_pass_and_are_counted_with_their_way():
    value = payloads.market(
        brand_new=1.5,
        price_ranges=[
            {"start": "0.0000", "end": "0.5000", "step": "0.0100", "odd": 1},
            {"start": "0.5000", "end": "1.0000", "step": "0.0100", "odd": 2},
        ],
    )
    assert read(MarketPayload, value).unknown_fields() == {"brand_new": 1, "price_ranges.odd": 2}
    assert read(MarketPayload, payloads.market()).unknown_fields() == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"volume_fp": 12},
        {"end_period_ts": "1"},
        {"price": None},
        {"end_period_ts": 0},
        {"end_period_ts": 10**18},
    ],
)
def test_an_impossible_candle_is_malformed(changes):
    with pytest.raises(PayloadError):
        read(CandlePayload, payloads.candle(**changes))


@pytest.mark.parametrize(
    "untraded",
    [
        {},
        dict.fromkeys(
            ("open_dollars", "low_dollars", "high_dollars", "close_dollars", "mean_dollars")
        ),
    ],
)
def test_a_candle_without_trades_has_no_trade_prices(untraded):
    price = untraded | {"previous_dollars": "0.4000"}
    candle = read(CandlePayload, payloads.candle(price=price)).to_domain("A", 60)
    assert (candle.trade_open, candle.trade_low, candle.trade_high, candle.trade_close) == (
        None,
        None,
        None,
        None,
    )
    assert candle.yes_bid == 430_000


def test_a_candle_with_half_its_trade_prices_is_malformed():
    with pytest.raises(PayloadError, match="together"):
        read(CandlePayload, payloads.candle(price={"open_dollars": "0.4000"}))


@pytest.mark.parametrize("multiplier", ["1", -1, True, None, [1], 1e300])
def test_a_fee_multiplier_is_a_number(multiplier):
    with pytest.raises(PayloadError, match="fee_multiplier"):
        read(SeriesPayload, payloads.series(fee_multiplier=multiplier))


@pytest.mark.parametrize(
    "levels",
    [
        [["0.5", "1.00", "x"]],
        [["0.5"]],
        [[0.5, "1.00"]],
        ["0.5"],
        None,
        [["0.5", "-1.00"]],
        [["0.5", "1.00"], ["0.4", "1.00"]],
        [["0.5", "1.00"], ["0.5", "1.00"]],
        [["1.5", "1.00"]],
    ],
)
def test_an_impossible_book_is_malformed(levels):
    with pytest.raises(PayloadError):
        read(BookSidesPayload, {"yes_dollars": levels, "no_dollars": []})


def test_a_direction_that_contradicts_itself_is_malformed():
    contradiction = {"outcome_side": "yes", "book_side": "ask"}
    with pytest.raises(PayloadError, match="is not book side"):
        read(OrderPayload, payloads.order(**contradiction))
    with pytest.raises(PayloadError, match="is not book side"):
        read(FillPayload, payloads.fill(**contradiction))


def test_a_fill_needs_one_of_its_two_times():
    whole, bare = payloads.fill(), payloads.fill()
    del whole["created_time"], bare["created_time"], bare["ts"]
    assert read(FillPayload, whole).to_domain().filled_at.timestamp() == 1_795_359_601
    with pytest.raises(PayloadError, match="created_time"):
        read(FillPayload, bare)

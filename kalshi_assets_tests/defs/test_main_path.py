"""From the exchange to an order, through Dagster's jobs, on a real database and real HTTP."""

from kalshi_assets_tests.stand import OVERREACTING, Stand


def test_the_overreacting_contract_is_bought_and_each_other_one_refused(
    loaded_stand: Stand,
) -> None:
    loaded_stand.judge_and_place()

    decisions = loaded_stand.rows("SELECT market_ticker, refused_by FROM kalshi.decisions")
    assert {row["market_ticker"]: row["refused_by"] for row in decisions} == {
        OVERREACTING: [],
        "KXCPIYOY-26OCT-T3.0": ["deviation"],
        "KXFED-26OCT-T3.75": [
            "signal_fresh",  # the frozen price is not used
            "feed_is_not_frozen",
            "newest_ticks_are_usable",
        ],
        "KXGDP-26Q3-T2.5": ["volume"],
        "KXPAYROLLS-26SEP-T75000": ["time_to_close"],
    }
    [order] = loaded_stand.rows("SELECT * FROM kalshi.orders")
    assert (order["market_ticker"], order["side"], order["status"]) == (
        OVERREACTING,
        "no",
        "filled",
    )
    [fill] = loaded_stand.rows("SELECT * FROM kalshi.fills")
    paid = fill["count"] * (1_000_000 - fill["yes_price"]) // 100 + fill["fee_micros"]
    assert 99_000_000 < paid <= 100_000_000, "2 % of 5,000 USD, fees included, and hardly less"
    assert loaded_stand.order_requests() == 1

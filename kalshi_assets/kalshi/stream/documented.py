"""The fields the API document names for each message: whatever else comes is new to us."""

ENVELOPE = frozenset({"type", "id", "sid", "seq", "msg", "sending_ts_ms"})

_MARKET = "market_ticker market_id"
_TIMES = "ts ts_ms"
_FEES = "taker_fees_dollars maker_fees_dollars taker_fill_cost_dollars maker_fill_cost_dollars"

MESSAGES: dict[str, frozenset[str]] = {
    name: frozenset(fields.split())
    for name, fields in {
        "orderbook_snapshot": f"{_MARKET} yes_dollars_fp no_dollars_fp",
        "orderbook_delta": (
            f"{_MARKET} {_TIMES} price_dollars delta_fp side client_order_id subaccount"
        ),
        "ticker": (
            f"{_MARKET} {_TIMES} time price_dollars yes_bid_dollars yes_ask_dollars "
            "yes_bid_size_fp yes_ask_size_fp last_trade_size_fp volume_fp open_interest_fp "
            "dollar_volume dollar_open_interest"
        ),
        # `market_id` is not in the document's trade, but it was in recordings of it.
        "trade": (
            f"{_MARKET} {_TIMES} trade_id yes_price_dollars no_price_dollars count_fp "
            "taker_side taker_outcome_side taker_book_side is_block_trade"
        ),
        "fill": (
            f"market_ticker {_TIMES} trade_id order_id client_order_id exchange_index is_taker "
            "outcome_side book_side side action purchased_side yes_price_dollars count_fp "
            "fee_cost post_position_fp subaccount"
        ),
        "user_order": (
            f"{_FEES} order_id user_id ticker exchange_index status outcome_side book_side side "
            "is_yes yes_price_dollars initial_count_fp fill_count_fp remaining_count_fp "
            "client_order_id order_group_id self_trade_prevention_type created_time "
            "created_ts_ms last_update_time last_updated_ts_ms expiration_time expiration_ts_ms "
            "last_update_reason subaccount_number"
        ),
        "market_position": (
            "user_id market_ticker position_fp position_cost_dollars realized_pnl_dollars "
            "fees_paid_dollars position_fee_cost_dollars volume_fp subaccount"
        ),
        "market_lifecycle_v2": (
            "event_type market_ticker exchange_index open_ts close_ts result determination_ts "
            "settlement_value settled_ts is_deactivated price_level_structure price_ranges "
            "strike_type floor_strike cap_strike custom_strike yes_sub_title additional_metadata"
        ),
        "event_lifecycle": (
            "event_ticker exchange_index title subtitle collateral_return_type series_ticker "
            "strike_date strike_period"
        ),
        "event_fee_update": "event_ticker fee_type_override fee_multiplier_override",
        "subscribed": "channel sid",
        "ok": "market_tickers market_ids",
        "error": "code msg",
        "unsubscribed": "",
    }.items()
}

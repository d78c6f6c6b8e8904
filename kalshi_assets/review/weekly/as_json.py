"""A review as canonical JSON: sorted keys, no spaces, the same text for the same week.

`json_values` says how values are spelled.
"""

import json
from collections.abc import Callable

from kalshi_assets.review.statistics import Bootstrap, Drawdown, Figure, TradeFigures
from kalshi_assets.review.weekly.account import Account
from kalshi_assets.review.weekly.json_doings import doings
from kalshi_assets.review.weekly.json_values import Json, object_of, part
from kalshi_assets.review.weekly.review import WeekFigures, WeeklyReview
from kalshi_assets.review.weekly.traded import Before, Party
from kalshi_assets.review.weekly.trades import Group, Trades

VERSION = 1


def to_json(review: WeeklyReview) -> str:
    """Return the review as one line of canonical JSON."""
    return json.dumps(
        as_document(review), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def as_document(review: WeeklyReview) -> dict[str, Json]:
    """Return the review as what JSON can hold."""
    figures = review.figures
    return {
        **object_of(
            {
                "version": VERSION,
                "week": figures.week.first_day.isoformat(),
                "begin_at": figures.week.begin,
                "end_at": figures.week.end,
                "known_until_at": figures.known_until,
                "is_provisional": figures.is_provisional,
                "answer": review.answer,
                "unassigned_usd": figures.unassigned_micros,
            }
        ),
        "reasons": list(review.reasons),
        "forgotten": list(figures.forgotten),
        **_of_trades(figures),
        **doings(figures),
        "account": _account(figures.account),
    }


def _of_trades(figures: WeekFigures) -> dict[str, Json]:
    return {
        "trades": _trades(figures.traded.whole),
        "so_far_trade_count": figures.traded.so_far_count,
        "so_far": _bootstrap(figures.traded.so_far),
        "open_trips": object_of(
            {
                "trip_count": figures.traded.open_trips.count,
                "unpriced_count": figures.traded.open_trips.unpriced_count,
                "result_usd": figures.traded.open_trips.result,
            }
        ),
        "by_party": [_party(party) for party in figures.traded.parties],
        "before": _before(figures.traded.before),
        "by_strategy": [_group(group) for group in figures.traded.by_strategy],
        "by_category": [_group(group) for group in figures.traded.by_category],
        "by_market": [_group(group) for group in figures.traded.by_market],
    }


def _trades(trades: Trades) -> Json:
    return object_of({**_won(trades.figures), **_came_from(trades)})


def _won(of: TradeFigures) -> dict[str, object]:
    interval = of.win_interval
    return {
        "trade_count": of.trade_count,
        "win_count": of.win_count,
        "loss_count": of.loss_count,
        "tie_count": of.tie_count,
        "net_profit_usd": of.net_profit,
        "win_rate_share": of.win_rate,
        "win_rate_low_share": part(interval, lambda i: i.low),
        "win_rate_high_share": part(interval, lambda i: i.high),
        "average_winner_usd": of.average_winner,
        "average_loser_usd": of.average_loser,
        "reward_to_risk_ratio": of.reward_to_risk,
        "expectancy_usd": of.expectancy,
        "profit_factor_ratio": of.profit_factor,
    }


def _came_from(trades: Trades) -> dict[str, object]:
    whole = trades.parts
    return {
        "entry_cost_usd": trades.entry_cost_micros,
        "fees_usd": trades.fees_micros,
        "slippage_mid_usd": trades.slippage_mid.micros,
        "slippage_mid_known_count": trades.slippage_mid.known_count,
        "slippage_limit_usd": trades.slippage_limit.micros,
        "slippage_limit_known_count": trades.slippage_limit.known_count,
        "part_edge_usd": whole.parts.edge,
        "part_spread_and_slippage_usd": whole.parts.spread_and_slippage,
        "part_settlement_usd": whole.parts.settlement,
        "part_fees_usd": whole.parts.fees,
        "part_unexplained_usd": whole.unexplained,
        "unexplained_count": whole.unexplained_count,
    }


def _bootstrap(figure: Figure[Bootstrap]) -> Json:
    return object_of(
        {
            "is_different_from_zero": part(figure, lambda b: b.is_different_from_zero),
            "mean_usd": part(figure, lambda b: b.mean),
            "mean_low_usd": part(figure, lambda b: b.interval.low),
            "mean_high_usd": part(figure, lambda b: b.interval.high),
            "not_above_zero_share": part(figure, lambda b: b.share_not_above_zero),
            "resampled_by": part(figure, lambda b: b.resampled_by),
            "day_count": part(figure, lambda b: b.day_count),
            "resample_count": part(figure, lambda b: b.resample_count),
        }
    )


def _group(group: Group) -> Json:
    return {"name": group.name, "trades": _trades(group.trades)}


def _party(party: Party) -> dict[str, Json]:
    trades, so_far = _trades(party.trades), _bootstrap(party.so_far)
    return {"name": party.name, "trades": trades, "so_far": so_far}


def _before(before: Before | None) -> Json:
    if before is None:
        return None
    span = object_of({"first_opened_at": before.first_at, "last_closed_at": before.last_at})
    return {**_party(before.party), **span}


def _account(account: Account) -> Json:
    def fall(of: Callable[[Drawdown], object]) -> object:
        return part(account.drawdown, of)

    return object_of(
        {
            "opening_usd": account.opening,
            "closing_usd": account.closing,
            "paid_in_usd": account.paid_in,
            "change_usd": account.change,
            "change_beside_trades_usd": account.beside_trades,
            "net_return_share": account.net_return,
            "max_drawdown_usd": fall(lambda d: d.fall),
            "max_drawdown_share": part(account.drawdown, lambda d: d.share),
            "max_drawdown_peak_at": fall(lambda d: d.peak_at),
            "max_drawdown_trough_at": fall(lambda d: d.trough_at),
            "max_drawdown_recovered_at": fall(lambda d: d.recovered_at),
            "exposure_usd": account.exposure,
            "exposure_share": account.exposure_share,
            "unvalued_count": account.unvalued_count,
        }
    )

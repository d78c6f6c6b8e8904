"""What was done and how it went, in JSON: orders, refusals, overrides, data, calls."""

from datetime import UTC

from kalshi_assets.domain.week_inputs import CheckCount, SettingChange
from kalshi_assets.review.statistics import Figure, Percentiles
from kalshi_assets.review.weekly.hands import Hands
from kalshi_assets.review.weekly.health import Api, Orders, Quality, Stretches
from kalshi_assets.review.weekly.json_values import Json, object_of, part
from kalshi_assets.review.weekly.refusals import Refused
from kalshi_assets.review.weekly.review import WeekFigures
from kalshi_assets.review.weekly.thresholds import Threshold


def doings(figures: WeekFigures) -> dict[str, Json]:
    """Return all of it."""
    refusals, overrides = figures.refusals, figures.overrides
    return {
        "entry_orders": _orders(figures.orders),
        "refusals": {
            "decision_count": refusals.decision_count,
            "by_gate": [_refused(row) for row in refusals.by_gate],
            "total": _refused(refusals.total),
        },
        "overrides": {
            "by_kind": [_hands(row) for row in overrides.by_kind],
            "total": _hands(overrides.total),
            "so_far": _hands(overrides.so_far),
        },
        "data_quality": _quality(figures.quality),
        "api": _api(figures.api),
        "other_thresholds": {
            "is_in_sample": True,
            "by_points": [_threshold(each) for each in figures.thresholds],
        },
        "setting_changes": [_change(change) for change in figures.changes],
    }


def _orders(orders: Orders) -> Json:
    rate = orders.fill_rate
    told = object_of(
        {
            "order_count": rate.order_count,
            "filled_count": rate.filled_count,
            "touched_count": rate.touched_count,
            "not_reached_count": orders.not_reached_count,
            "fill_rate_by_order_share": rate.by_order,
            "fill_rate_by_contract_share": rate.by_contract,
        }
    )
    return {**told, "latency": _percentiles(orders.latency)}


def _percentiles(figure: Figure[Percentiles]) -> Json:
    return object_of(
        {
            "measured_count": 0 if figure.value is None else figure.value.count,
            "p50_seconds": part(figure, lambda p: p.p50),
            "p95_seconds": part(figure, lambda p: p.p95),
            "p99_seconds": part(figure, lambda p: p.p99),
            "longest_seconds": part(figure, lambda p: p.longest),
        }
    )


def _refused(row: Refused) -> Json:
    return object_of(
        {
            "gate": row.gate,
            "named_count": row.named_count,
            "signal_count": row.signal_count,
            "ordered_later_count": row.ordered_later_count,
            "settled_count": row.settled_count,
            "marked_count": row.marked_count,
            "unpriced_count": row.unpriced_count,
            "would_have_made_usd": row.would_have_made,
        }
    )


def _hands(row: Hands) -> Json:
    return object_of(
        {
            "kind": row.kind,
            "override_count": row.count,
            "unpriced_count": row.unpriced_count,
            "came_usd": row.came,
            "rule_usd": row.rule,
            "gain_usd": row.gain,
        }
    )


def _quality(quality: Quality) -> Json:
    return {
        "checks": [_check(check) for check in quality.checks],
        "total": _check(quality.total),
        "gaps": _stretches(quality.gaps),
        "halts": _stretches(quality.halts),
    }


def _check(check: CheckCount) -> Json:
    return object_of(vars(check))


def _stretches(stretches: Stretches) -> Json:
    told = object_of(
        {
            "stretch_count": stretches.count,
            "covered_seconds": stretches.seconds,
            "longest_seconds": stretches.longest_seconds,
            "covered_share": stretches.share,
        }
    )
    reasons: list[Json] = [
        {"reason": name, "stretch_count": count} for name, count in stretches.reasons
    ]
    return {**told, "reasons": reasons}


def _api(api: Api) -> Json:
    told = object_of({"call_count": api.call_count, "failed_share": api.failed_share})
    outcomes: list[Json] = [{"outcome": name, "call_count": count} for name, count in api.outcomes]
    return {**told, "outcomes": outcomes, "latency": _percentiles(api.latency)}


def _threshold(threshold: Threshold) -> Json:
    figures = threshold.figures
    return object_of(
        {
            "threshold_points": threshold.points,
            "is_configured": threshold.is_configured,
            "trade_count": figures.trade_count,
            "win_count": figures.win_count,
            "win_rate_share": figures.win_rate,
            "net_profit_usd": figures.net_profit,
            "open_count": threshold.open_count,
            "open_result_usd": threshold.open_result,
        }
    )


def _change(change: SettingChange) -> Json:
    """Return a change; null is a value here: it was not set."""
    return {
        "name": change.name,
        "changed_at": change.at.astimezone(UTC).isoformat(),
        "before": change.before,
        "after": change.after,
    }

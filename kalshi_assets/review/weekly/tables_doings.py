"""What was done and how it went, in tables: refusals, overrides, orders, data, calls."""

from kalshi_assets.domain.week_inputs import CheckCount
from kalshi_assets.review.statistics import Percentiles
from kalshi_assets.review.weekly.hands import Hands
from kalshi_assets.review.weekly.health import Stretches
from kalshi_assets.review.weekly.refusals import Refused
from kalshi_assets.review.weekly.review import WeekFigures
from kalshi_assets.review.weekly.spelling import duration, latency, percent, result, venue_time
from kalshi_assets.review.weekly.tables import Section, Table, section, told
from kalshi_assets.review.weekly.thresholds import Threshold

NOT_SET = "(not set)"


def doings(figures: WeekFigures) -> tuple[Section, ...]:
    """Return the sections; what has nothing to tell has none."""
    return (
        *_refusals(figures),
        *_overrides(figures),
        *_orders(figures),
        *_quality(figures),
        *_api(figures),
        *_thresholds(figures),
        *_settings(figures),
    )


def _refusals(figures: WeekFigures) -> tuple[Section, ...]:
    refusals = figures.refusals
    if not refusals.by_gate:
        return ()
    head = ["refused by this gate alone", "signals", "ordered later", "would have made"]
    head += ["settled", "at the mid", "no price", "named in"]
    rows = [_refused(row) for row in refusals.by_gate]
    said = f"{refusals.decision_count:,} judgements refused; each signal counts once."
    return section("Refusals", said, Table(head, rows, total=_refused(refusals.total)))


def _refused(row: Refused) -> list[str]:
    counts = (row.settled_count, row.marked_count, row.unpriced_count, row.named_count)
    return [
        row.gate,
        f"{row.signal_count:,}",
        f"{row.ordered_later_count:,}",
        told(row.would_have_made, result),
        *(f"{count:,}" for count in counts),
    ]


def _overrides(figures: WeekFigures) -> tuple[Section, ...]:
    overrides = figures.overrides
    if not overrides.so_far.count:
        return ()
    head = ["", "count", "no price", "came", "the rule", "gain"]
    rows = [_hands(row) for row in overrides.by_kind]
    so_far = overrides.so_far
    said = f"So far {so_far.count:,}, which brought {told(so_far.gain, result)} against the rule."
    return section("Overrides", Table(head, rows, total=_hands(overrides.total)), said)


def _hands(row: Hands) -> list[str]:
    money = (told(figure, result) for figure in (row.came, row.rule, row.gain))
    kind = row.kind.replace("_", " ")
    return [kind, f"{row.count:,}", f"{row.unpriced_count:,}", *money]


def _orders(figures: WeekFigures) -> tuple[Section, ...]:
    orders = figures.orders
    rate = orders.fill_rate
    rows = [
        ["orders at the venue", f"{rate.order_count:,}"],
        ["orders that never reached it", f"{orders.not_reached_count:,}"],
        ["filled in full", f"{rate.filled_count:,}"],
        ["filled at least in part", f"{rate.touched_count:,}"],
        ["fill rate by order", told(rate.by_order, percent)],
        ["fill rate by contract", told(rate.by_contract, percent)],
        ["from signal to acknowledged", told(orders.latency, _percentiles)],
    ]
    return section("Entry orders", Table([], rows))


def _percentiles(found: Percentiles) -> str:
    spelled = [latency(value) for value in (found.p50, found.p95, found.p99, found.longest)]
    p50, p95, p99, longest = spelled
    return f"p50 {p50}, p95 {p95}, p99 {p99}, longest {longest} (of {found.count:,})"


def _quality(figures: WeekFigures) -> tuple[Section, ...]:
    quality = figures.quality
    times = [_stretches("data missing", quality.gaps), _stretches("trading halted", quality.halts)]
    spans = Table(["", "times", "in all", "of the week", "longest", "because of"], times)
    if not quality.checks:
        return section("Data quality", spans, "No check was made.")
    rows = [_check(check) for check in quality.checks]
    checks = Table(["check", "made", "failed"], rows, total=_check(quality.total))
    return section("Data quality", spans, checks)


def _check(check: CheckCount) -> list[str]:
    return [check.check_name, f"{check.verdict_count:,}", f"{check.failure_count:,}"]


def _stretches(name: str, found: Stretches) -> list[str]:
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in found.reasons)
    covered, longest = duration(found.seconds), duration(found.longest_seconds)
    return [name, f"{found.count:,}", covered, percent(found.share), longest, reasons]


def _api(figures: WeekFigures) -> tuple[Section, ...]:
    api = figures.api
    if not api.call_count:
        return section("Calls to the exchange", "No call was made.")
    rows = [[name, f"{count:,}"] for name, count in api.outcomes]
    failed = told(api.failed_share, percent)
    said = f"{failed} failed; answers took {told(api.latency, _percentiles)}."
    outcomes = Table(["outcome", "calls"], rows, total=["all", f"{api.call_count:,}"])
    return section("Calls to the exchange", outcomes, said)


def _thresholds(figures: WeekFigures) -> tuple[Section, ...]:
    if not figures.thresholds:
        return ()
    head = ["points off the average", "trades", "won", "win rate", "net profit"]
    head += ["still open", "at their marks"]
    rows = [_threshold(each) for each in figures.thresholds]
    said = (
        "In-sample: the week played again on its stored prices, knowing how it ended. No gate, no "
        "depth and no limit of the account is in it, so it is not what would have been made, and "
        "what looks best here was picked for that."
    )
    return section("Other thresholds (in-sample)", said, Table(head, rows))


def _threshold(threshold: Threshold) -> list[str]:
    figures = threshold.figures
    return [
        f"{float(threshold.points):g}" + (" (as set)" if threshold.is_configured else ""),
        f"{figures.trade_count:,}",
        f"{figures.win_count:,}",
        told(figures.win_rate, percent),
        result(figures.net_profit),
        f"{threshold.open_count:,}",
        told(threshold.open_result, result),
    ]


def _settings(figures: WeekFigures) -> tuple[Section, ...]:
    if not figures.changes:
        return ()
    rows = [
        [change.name, venue_time(change.at), _set(change.before), _set(change.after)]
        for change in figures.changes
    ]
    return section("Settings changed", Table(["setting", "when", "before", "after"], rows))


def _set(value: str | None) -> str:
    return NOT_SET if value is None else value

"""The status as a screen: aligned, for a glance. Knows nothing of where it comes from."""

from collections.abc import Iterable, Iterator, Sequence

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.runtime.status import Status
from kalshi_assets.runtime.status_gates import CheckLine

LABEL_WIDTH = 10
SHOWN_NAMES = 4


def screen(status: Status) -> str:
    """Return the text form."""
    return "\n".join(
        [
            *_head(status),
            "",
            *_section("Gates", _gates(status)),
            *_section("Checks", _checks(status)),
            *_section("Breaker", [_breaker(status)]),
            *_section("Feed", [_feed(status)]),
            *_section("Signals", _signals(status) or ["none open"]),
            *_section("Orders", _orders(status) or ["none live"]),
            *_section("Positions", _positions(status) or ["none"]),
            *_section("Account", [_account(status)]),
            *_section("Alerts", [status.alerts.as_text()]),
        ]
    )


def _head(status: Status) -> Iterator[str]:
    source = f"{status.venue}, input {status.input}" if status.input else status.venue
    local = status.venue_at.astimezone(VENUE_ZONE)
    running = _span((wall_now() - status.running_since).total_seconds())
    yield f"Venue {source}; venue time {local:%a %Y-%m-%d %H:%M:%S} ET"
    yield (
        f"Running since {status.running_since:%Y-%m-%d %H:%M:%S} UTC ({running}), "
        f"process {status.pid}, UI {status.ui_url or 'none'}"
    )
    yield ""
    trading = f"TRADING {status.trading_state.upper()}"
    if not status.closed_gates:
        yield f"{trading}, GATE OPEN: an order could pass now"
        return
    yield f"{trading}, GATE CLOSED by {_listed(status.closed_by)}"
    for why in status.halted_because:
        yield f"  halted by {why}"
    for order in status.unknown_orders[:SHOWN_NAMES]:
        yield f"  not sent by this ledger: order {order}"
    if len(status.unknown_orders) > SHOWN_NAMES:
        yield f"  and {len(status.unknown_orders) - SHOWN_NAMES} more orders, see --json"


def _section(name: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{'' if number else name:<{LABEL_WIDTH}} {line}"


def _gates(status: Status) -> list[str]:
    width = max(len(gate.gate) for gate in status.gates)
    return [
        f"{_mark(gate.is_passed):<6} {gate.gate:<{width}}  {gate.reason or gate.value}"
        for gate in status.gates
    ]


def _checks(status: Status) -> list[str]:
    width = max((len(check.gate) for check in status.checks), default=0)
    return [
        f"{_mark(check.is_passed):<6} {check.gate:<{width}}  {_seconds(check.age_seconds):>7}  "
        + (check.observed if check.is_passed else f"{check.value}, needed: {check.limit}")
        + _failing(check)
        for check in status.checks
    ]


def _failing(check: CheckLine) -> str:
    return f": {_listed(sorted(check.markets_failed))}" if check.markets_failed else ""


def _breaker(status: Status) -> str:
    newest = status.breaker
    if newest is None:
        return "closed"
    since = f"since {newest.at:%Y-%m-%d %H:%M:%S} UTC: {newest.reason}"
    if newest.to_state == "closed":
        return f"closed {since}"
    return f"{newest.to_state.replace('_', ' ').upper()}, only cancels are sent, {since}"


def _feed(status: Status) -> str:
    if status.quote_age_seconds is None or status.poll_age_seconds is None:
        return "no quote polled yet"
    return (
        f"newest quote {_seconds(status.quote_age_seconds)} old by the exchange's time, "
        f"newest poll {_seconds(status.poll_age_seconds)} ago"
    )


def _signals(status: Status) -> list[str]:
    width = max((len(signal.market) for signal in status.signals), default=0)
    lines = []
    for s in status.signals:
        head = f"{s.market:<{width}}  buy {s.side.upper():<3}  {s.deviation_points:+6.2f} points  "
        first, *rest = (s.why_not or s.outcome or "not judged yet").split("; ")
        lines += [head + first, *(" " * len(head) + reason for reason in rest)]
    return lines


def _orders(status: Status) -> list[str]:
    return [
        f"{o.market}  buy {o.side.upper()}  {o.filled_contracts:g} of {o.contracts:g} at up to "
        f"{o.limit_usd:.2f} USD  {o.status}, expires in {o.expires_in_seconds:.0f} s"
        for o in status.orders
    ]


def _positions(status: Status) -> list[str]:
    return [f"{p.market}  {p.contracts:g} {p.side.upper()}  {p.bid}" for p in status.positions]


def _account(status: Status) -> str:
    account = status.account
    if account is None:
        return "unknown: the venue gave no answer, and none is recorded"
    value = "unknown" if account.value_usd is None else f"{account.value_usd:,.2f} USD"
    source = "stated by the venue" if account.source == "venue" else "recorded"
    return (
        f"value {value}, cash {account.cash_usd:,.2f} USD, {source} {account.age_seconds:.0f} s ago"
    )


def _mark(is_passed: bool) -> str:
    return "ok" if is_passed else "CLOSED"


def _listed(names: Sequence[str]) -> str:
    more = "" if len(names) <= SHOWN_NAMES else f" and {len(names) - SHOWN_NAMES} more"
    return ", ".join(names[:SHOWN_NAMES]) + more


def _seconds(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds:.0f} s"


def _span(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"

"""The status on one screen of 24 lines and 80 columns, to be left open: what a glance must tell.

What does not fit is counted, never dropped silently. Knows nothing of where it comes from, and
nothing of terminals.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.runtime.status import Status
from kalshi_assets.runtime.status_lines import OrderLine, PositionLine

LABEL_WIDTH = 10
SMALLEST_HEIGHT, WIDTH = 24, 80
# Lines of each part on the smallest screen; a higher one gives the rest to positions and orders.
HALTS, UNKNOWN, GATES, ORDERS, POSITIONS, REVIEW = 2, 2, 4, 3, 4, 2


def watch_screen(
    status: Status, *, seconds: float, width: int = WIDTH, height: int = SMALLEST_HEIGHT
) -> str:
    """Return the text of a screen.

    Args:
        status: of now.
        seconds: after how many of them it is shown anew.
        width: columns; longer lines are cut.
        height: lines; it takes no more, and may take fewer.
    """
    room = max(0, height - SMALLEST_HEIGHT)
    lines = [
        *_head(status, seconds),
        *_section("State", _state(status)),
        *_section("Gate", _gate(status)),
        *_section("Feed", [_feed(status)]),
        *_section("Today", [_today(status)]),
        *_section("Account", [_account(status)]),
        *_section("Orders", _capped(_orders(status.orders), ORDERS + room // 2)),
        *_section("Positions", _capped(_positions(status.positions), POSITIONS + room // 2)),
        *_section("Review", _review(status, width)),
    ]
    return "\n".join(_cut(line, width) for line in lines)


def trouble_screen(
    problem: str,
    *,
    since: datetime,
    now: datetime,
    last: Status | None,
    seconds: float,
    width: int = WIDTH,
) -> str:
    """Return what is shown while nothing can be known: the reason, and how old the last look is.

    What was seen then is not shown as if it were so now.
    """
    if last is None:
        seen = "Nothing has been seen since this screen was opened."
    else:
        age = (now - since).total_seconds()
        trading = f"{last.trading_state.upper()}, gate {'closed' if last.closed_by else 'open'}"
        seen = f"Last seen {_seconds(age)} ago: trading {trading}. It may be otherwise now."
    lines = [
        f"kalshi-assets: NO STATUS at {now:%H:%M:%S} UTC, tried again every {seconds:g} s",
        "",
        *wrap(problem, width),
        "",
        *wrap(seen, width),
        "",
        "Ctrl-C ends this screen, and nothing else.",
    ]
    return "\n".join(_cut(line, width) for line in lines)


def _head(status: Status, seconds: float) -> Iterator[str]:
    source = f"{status.venue}, input {status.input}" if status.input else status.venue
    local = status.venue_at.astimezone(VENUE_ZONE)
    yield f"{local:%a %Y-%m-%d %H:%M:%S} ET, {source}; every {seconds:g} s, Ctrl-C ends"
    yield ""


def _state(status: Status) -> list[str]:
    armed = {"not needed": "no real money", "not armed": "NOT ARMED: no order of real money passes"}
    word = armed.get(status.arming, status.arming.upper())
    if status.armed_until is not None:
        word = f"ARMED until {status.armed_until:%Y-%m-%d %H:%M} UTC"
    halts = [f"  halted by {why}" for why in status.halted_because]
    unknown = [f"  not sent by this ledger: {order}" for order in status.unknown_orders]
    return [
        f"TRADING {status.trading_state.upper()}, {word}",
        *_capped(halts, HALTS),
        *_capped(unknown, UNKNOWN),
    ]


def _gate(status: Status) -> list[str]:
    closed = status.closed_gates
    if not closed:
        return ["OPEN: an order could pass now"]
    reasons = [f"  {_why(gate.gate, gate.reason or gate.value)}" for gate in closed]
    return [f"CLOSED by {len(closed)}:", *_capped(reasons, GATES)]


def _why(gate: str, reason: str) -> str:
    is_named = reason.startswith((gate, gate.replace("_", " ")))
    return reason if is_named else f"{gate}: {reason}"


def _feed(status: Status) -> str:
    age, poll = status.quote_age_seconds, status.poll_age_seconds
    if age is None or poll is None:
        return "no quote yet"
    is_stale = age > status.max_quote_age_seconds
    word = f"STALE, older than {status.max_quote_age_seconds} s: " if is_stale else ""
    return f"{word}newest quote {_seconds(age)} old, newest poll {_seconds(poll)} ago"


def _today(status: Status) -> str:
    made, opened = status.today.made_usd, status.today.opened_at_usd
    if made is None or opened is None:
        return "not known: no value of the account is recorded, or none is stated now"
    return f"{made:+,.2f} USD, from {opened:,.2f} USD as the day began; positions at the bid"


def _account(status: Status) -> str:
    account = status.account
    if account is None:
        return "not known: the venue gave no answer, and none is recorded"
    value = "not known" if account.value_usd is None else f"{account.value_usd:,.2f} USD"
    source = "by the venue" if account.source == "venue" else "RECORDED"
    return (
        f"value {value}, cash {account.cash_usd:,.2f} USD, {source} "
        f"{_seconds(account.age_seconds)} ago"
    )


def _orders(orders: Sequence[OrderLine]) -> list[str]:
    return [
        f"{o.market}  {o.filled_contracts:g}/{o.contracts:g} {o.side.upper()} at "
        f"{o.limit_usd:.2f}, {'FATE UNKNOWN' if o.status == 'unknown' else o.status}, "
        f"{_left(o.expires_in_seconds)}"
        for o in orders
    ] or ["none open"]


def _positions(positions: Sequence[PositionLine]) -> list[str]:
    return [f"{p.market}  {p.contracts:g} {p.side.upper()}, {p.bid}" for p in positions] or ["none"]


def _review(status: Status, width: int) -> list[str]:
    if status.review is None:
        return ["none yet: the first one comes on Sunday"]
    word = ", provisional" if status.review.is_provisional else ""
    told = f"week of {status.review.first_day}{word}: {status.review.answer}"
    return wrap(told, width - LABEL_WIDTH - 1, max_lines=REVIEW, placeholder="…")


def _section(name: str, lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{'' if number else name:<{LABEL_WIDTH}} {line}"


def _capped(lines: Sequence[str], most: int) -> list[str]:
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"  and {len(lines) - most + 1} more: `kalshi-assets status`"]


def _left(seconds: float) -> str:
    return f"expires in {seconds:.0f} s" if seconds >= 0 else "its time is over"


def _seconds(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.0f} h"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"

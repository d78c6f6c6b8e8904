"""`status`: can it trade now, and what does it hold?

The gate is asked with the very rules of `risk.common`: they need no signal. Nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from kalshi_assets.domain.calls import BreakerTransition
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.price import contracts, dollars
from kalshi_assets.domain.signal import Signal
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.execution.desk import limits_of
from kalshi_assets.risk.gate import Gate
from kalshi_assets.risk.inputs import AccountView
from kalshi_assets.runtime.findings_alerts import AlertsSeen, alerts_seen
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import Installation, database_of, running_installation
from kalshi_assets.runtime.status_gates import CheckLine, check_lines, common_gates
from kalshi_assets.runtime.status_lines import (
    AccountLine,
    OrderLine,
    PositionLine,
    ReviewLine,
    SignalLine,
    TodayLine,
)
from kalshi_assets.runtime.status_sources import Answers, Recorded, ask_exchange, read_database
from kalshi_assets.runtime.summary import why_not
from kalshi_assets.settings import Settings
from kalshi_assets.storage.ledger import Decision, Order
from kalshi_assets.storage.weekly_reviews import StoredReview

EXIT_OPEN, EXIT_NOT_RUNNING, EXIT_SETTINGS, EXIT_CLOSED = 0, 1, 2, 3


class NothingRuns(KalshiAssetsError):
    """No installation runs on this home."""


@dataclass(frozen=True)
class Status:
    """Everything on the screen. Ages are in seconds of the venue's time; the breaker's are wall.

    Attributes:
        arming: of real money: "armed", "not armed", or on other venues "not needed".
        armed_until: wall time.
    """

    venue: str
    input: str
    pid: int
    running_since: datetime
    ui_url: str | None
    venue_at: datetime
    trading_state: str
    arming: str
    armed_until: datetime | None
    halted_because: Sequence[str]
    unknown_orders: Sequence[str]
    gates: Sequence[Gate]
    checks: Sequence[CheckLine]
    max_verdict_age_seconds: int
    max_quote_age_seconds: int
    quote_age_seconds: float | None
    poll_age_seconds: float | None
    signals: Sequence[SignalLine]
    orders: Sequence[OrderLine]
    positions: Sequence[PositionLine]
    account: AccountLine | None
    today: TodayLine
    breaker: BreakerTransition | None
    alerts: AlertsSeen
    review: ReviewLine | None

    @property
    def closed_gates(self) -> list[Gate | CheckLine]:
        """Return the gates and checks that stand in an order's way."""
        every: list[Gate | CheckLine] = [*self.gates, *self.checks]
        return [gate for gate in every if not gate.is_passed]

    @property
    def closed_by(self) -> list[str]:
        """Return their names."""
        return [gate.gate for gate in self.closed_gates]

    @property
    def exit_code(self) -> int:
        """Return 0 where an order could pass now, else 3."""
        return EXIT_CLOSED if self.closed_by else EXIT_OPEN

    def as_dict(self) -> dict[str, object]:
        """Return it as `--json` prints it; moments as ISO texts."""
        told = {"is_open": not self.closed_by, "closed_by": self.closed_by, **asdict(self)}
        return {name: _plain(value) for name, value in told.items()}


def look(given: Settings) -> Status:
    """Return the state of what runs on the home of these settings.

    Raises:
        NothingRuns: nothing does.
        StorageError: its database gives no answer.
    """
    home = Home(given.home)
    running = running_installation(home)
    if running is None:
        raise NothingRuns(
            f"nothing runs on {home.path.resolve()}: `kalshi-assets demo` or `up` starts it"
        )
    settings = running.settings
    clock = VenueClock.parse(settings.venue_clock)
    database = database_of(running, home, given=given)
    try:
        recorded = read_database(database, settings, clock.now(), started_at=running.started_at)
    finally:
        database.dispose()
    answers = ask_exchange(settings, recorded)
    seen = alerts_seen(home, recorded.deliveries)
    return _status(running, recorded=recorded, answers=answers, alerts=seen, now=clock.now())


def _status(
    running: Installation,
    *,
    recorded: Recorded,
    answers: Answers,
    alerts: AlertsSeen,
    now: datetime,
) -> Status:
    settings, age = running.settings, partial(_age, now)
    limits = limits_of(settings)
    poll, held = recorded.poll, _held(recorded, answers)
    return Status(
        venue=settings.venue,
        input=settings.input_name,
        pid=running.owner.pid,
        running_since=running.started_at,
        ui_url=None if running.port is None else f"http://127.0.0.1:{running.port}",
        venue_at=now,
        trading_state=recorded.trading_state,
        arming=recorded.arming,
        armed_until=recorded.armed_until,
        halted_because=[f"{halt.cause}: {halt.reason}" for halt in recorded.halts],
        unknown_orders=[order.as_text() for order in recorded.unknown_orders],
        gates=common_gates(recorded, answers, limits, now=now),
        checks=check_lines(recorded, answers, limits, now=now),
        max_verdict_age_seconds=limits.max_verdict_age_seconds,
        max_quote_age_seconds=limits.max_quote_age_seconds,
        quote_age_seconds=None if recorded.quoted_at is None else age(recorded.quoted_at),
        poll_age_seconds=None if poll is None else age(poll.received_at),
        signals=[_signal(s, recorded.decisions.get(s.signal_id)) for s in recorded.signals],
        orders=[_order(order, now) for order in recorded.live_orders],
        positions=[] if held is None else held.lines(),
        account=None if held is None else held.summary(age(held.view.as_of)),
        today=_today(recorded.opening_value_micros, held),
        breaker=recorded.breaker,
        alerts=alerts,
        review=_review(recorded.review),
    )


@dataclass(frozen=True)
class _Held:
    source: str
    view: AccountView
    sell_prices: Mapping[str, int]
    waiting: frozenset[str] = frozenset()  # as recorded it is not told

    def lines(self) -> list[PositionLine]:
        return [
            PositionLine(
                market=ticker,
                side="yes" if position > 0 else "no",
                contracts=float(contracts(abs(position))),
                sell_price_usd=_usd(self.sell_prices.get(ticker)),
                is_waiting=ticker in self.waiting,
            )
            for ticker, position in sorted(self.view.positions.items())
        ]

    def summary(self, age_seconds: float) -> AccountLine:
        cash, value = float(dollars(self.view.cash_micros)), _usd(self.view.value_micros)
        return AccountLine(self.source, self.view.as_of, age_seconds, cash, value)


def _held(recorded: Recorded, answers: Answers) -> _Held | None:
    """Return the account as the venue states it now, else as last recorded."""
    stated, kept = answers.statement, recorded.account
    if stated is not None:
        view = stated.view(committed_micros=0)
        return _Held("venue", view, stated.sell_prices, stated.waiting)
    if kept is None:
        return None
    view = AccountView(
        as_of=kept.as_of,
        cash_micros=kept.cash_micros,
        value_micros=kept.value_micros,
        positions=kept.positions,
        exposures={},  # not looked at here
    )
    return _Held("recorded", view, kept.sell_prices)


def _today(opening: int | None, held: _Held | None) -> TodayLine:
    """Return what the day has made, from its opening value as it was recorded."""
    value = None if held is None else held.view.value_micros
    made = None if value is None or opening is None else value - opening
    return TodayLine(_usd(opening), _usd(made))


def _signal(signal: Signal, decision: Decision | None) -> SignalLine:
    refused = decision is not None and decision.outcome != "approved"
    return SignalLine(
        market=signal.market_ticker,
        side=signal.side,
        deviation_points=float(dollars(100 * signal.deviation)),
        status=signal.status,
        outcome=None if decision is None else decision.outcome,
        why_not=why_not(decision) if decision is not None and refused else "",
    )


def _review(newest: StoredReview | None) -> ReviewLine | None:
    if newest is None:
        return None
    return ReviewLine(newest.first_day.isoformat(), newest.is_provisional, newest.answer)


def _order(order: Order, now: datetime) -> OrderLine:
    return OrderLine(
        market=order.market_ticker,
        side=order.side,
        contracts=float(contracts(order.count)),
        filled_contracts=float(contracts(order.fill_count)),
        limit_usd=float(dollars(order.limit_price)),
        status=order.status,
        expires_in_seconds=-_age(now, order.expires_at),
    )


def _age(now: datetime, moment: datetime) -> float:
    return round((now - moment).total_seconds(), 1)


def _usd(amount_micros: int | None) -> float | None:
    return None if amount_micros is None else float(dollars(amount_micros))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value

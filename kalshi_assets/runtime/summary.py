"""What a demo has done so far: one object for machines, a few lines for people."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kalshi_assets.domain.price import CENTICONTRACTS, dollars
from kalshi_assets.storage import overview
from kalshi_assets.storage.account import latest_portfolio_value
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.intake import count_quarantined
from kalshi_assets.storage.ledger import Decision, latest_decisions
from kalshi_assets.storage.verdicts import latest_verdicts

if TYPE_CHECKING:  # Dagster takes a second and more to import: `status` does without
    from kalshi_assets.runtime.dagster_stack import Running


@dataclass(frozen=True)
class Summary:
    """The object that `demo --once --json` prints.

    Attributes:
        faults: by name, the clean ticks that have it.
        signals: episodes that passed the trading threshold.
        refused: by gate, the signals whose newest decision it refuses. What only follows from
            another gate's refusal, as the size of an order without a price, is not counted.
        checks_passed, checks_failed: of each check the newest verdict; a check that passes for the
            feed counts as failed where it fails a market.
        failed_checks: by name, what those that failed found.
    """

    venue: str
    input: str
    markets: int
    ticks: int
    quarantined: int
    faults: dict[str, int]
    signals: int
    orders: int
    fills: int
    refused: dict[str, int]
    checks_passed: int
    checks_failed: int
    failed_checks: dict[str, str]
    portfolio_value_usd: float | None
    dagster_runs: int
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """Return it as a plain dictionary."""
        return asdict(self)


def summarise(running: "Running") -> Summary:
    """Return the summary of everything in the database."""
    with running.database.transaction() as connection:
        verdicts = latest_verdicts(connection).values()
        failed = [v for v in verdicts if not v.is_passed or v.markets_failed]
        value = latest_portfolio_value(connection)
        refused = Counter(
            gate
            for decision in latest_decisions(connection).values()
            if decision.outcome == "refused"
            for gate in decision.refused_by
        )
        counts = overview.counts(connection)
        return Summary(
            venue=running.settings.venue,
            input=running.settings.input_name,
            markets=counts["markets"],
            ticks=counts["raw_ticks"],
            quarantined=count_quarantined(connection),
            faults=overview.faults(connection),
            signals=counts["signals"],
            orders=counts["orders"],
            fills=counts["fills"],
            refused=dict(sorted(refused.items())),
            checks_passed=len(verdicts) - len(failed),
            checks_failed=len(failed),
            failed_checks={v.check_name: v.observed for v in failed},
            portfolio_value_usd=None if value is None else float(dollars(value)),
            dagster_runs=running.instance.get_runs_count(),
            seconds=round(running.seconds, 1),
        )


def story(database: Database) -> list[str]:
    """Return, a line each, what closes the gate for all and what became of every signal judged."""
    with database.transaction() as connection:
        closed = [v for v in latest_verdicts(connection).values() if not v.is_passed]
        decisions = sorted(latest_decisions(connection).values(), key=lambda d: d.market_ticker)
        orders = {o.signal_id: o for o in overview.all_orders(connection) if o.leg == "entry"}
    lines = [f"  the gate is closed: {v.check_name}, {v.observed}" for v in closed]
    for decision in decisions:
        order = orders.get(decision.signal_id)
        if order is None:
            lines.append(f"  {decision.market_ticker:<24} not traded: {why_not(decision)}")
            continue
        lines.append(
            f"  {decision.market_ticker:<24} bought {order.fill_count / CENTICONTRACTS:g} of "
            f"{order.count / CENTICONTRACTS:g} {order.side.upper()} at up to "
            f"{dollars(order.limit_price):.2f} USD: {order.status}"
        )
    return lines


def why_not(decision: Decision) -> str:
    """Return a refused decision's reasons in words, those of the gates that decided."""
    deciding = [gate for gate in decision.gates if gate["gate"] in decision.refused_by]
    reasons = [str(gate["reason"]) for gate in deciding if not gate["is_passed"]]
    return "; ".join(reasons) or decision.outcome

"""The ledger, as Dagster assets. A rerun or a backfill adds no order and changes no row."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from kalshi_assets.defs.partitions import DATA_KINDS, OWNERS
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.price import CENTICONTRACTS, dollars
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.execution import account
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.judge import Judgement, judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.storage.engine import ORDER_LOCK
from kalshi_assets.storage.ledger import Order

# Every asset that carries a gating check: a failing one stops this step itself.
GATED_BY = ["markets", "raw_ticks", "clean_ticks", "rolling_averages"]


class OrderJobRunning(KalshiAssetsError):
    """Another order job is at work on this database."""


@dg.asset(
    group_name="execution", owners=OWNERS, kinds=DATA_KINDS, deps=["signals"], output_required=True
)
def decisions(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A signal judged: approved, or refused by which gates, with every value and limit.

    The why-not ledger. It names the check verdicts, the average and the account it saw. It depends
    on signals only, so that it is written when the gate is closed, too.
    """
    with _order_desk(context.run.run_id, platform) as desk:
        judgements = judge_open_signals(desk)
    approved = sum(j.decision.is_approved for j in judgements)
    return dg.MaterializeResult(
        metadata={
            "signals_judged": len(judgements),
            "approved": approved,
            "refused": len(judgements) - approved,
            "judgements": dg.MetadataValue.md(_judgement_table(judgements)),
        }
    )


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=["decisions", "signals", *GATED_BY],
)
def orders(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """An order of ours, from its intent to its end, with the verdicts that let it through.

    Made of an approved decision whose gates pass once more at the moment of sending. The intent is
    committed first, then sent once under an id that is the same after any crash.
    """
    with _order_desk(context.run.run_id, platform) as desk:
        placed = place_approved(desk)
    return dg.MaterializeResult(
        metadata={"orders": len(placed), "placed": dg.MetadataValue.md(_order_table(placed))}
    )


@dg.asset(group_name="execution", owners=OWNERS, kinds=DATA_KINDS, deps=[orders])
def fills(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A fill of one of our orders, as the venue states it: price of the YES leg, count, fee."""
    with platform.desk(context.run.run_id) as desk:
        reconciled = reconcile(desk)
        added = account.record_fills(desk)
    return dg.MaterializeResult(metadata={"new_fills": added, "orders_reconciled": reconciled})


@dg.asset(group_name="execution", owners=OWNERS, kinds=DATA_KINDS, deps=[fills])
def positions(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A position at a moment: contracts (YES positive, NO negative) and the bid to sell it at."""
    with platform.desk(context.run.run_id) as desk:
        statement = account.read_statement(desk)
        added = account.record_positions(desk, statement)
    return dg.MaterializeResult(
        metadata={
            "open_positions": len(statement.positions),
            "rows_added": added,
            "positions": dg.MetadataValue.json(
                {p.market_ticker: p.position / CENTICONTRACTS for p in statement.positions}
            ),
        }
    )


@dg.asset(group_name="execution", owners=OWNERS, kinds=DATA_KINDS, deps=[fills])
def settlements(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market paid out: its result, the contracts held, revenue and fees."""
    with platform.desk(context.run.run_id) as desk:
        added = account.record_settlements(desk)
    return dg.MaterializeResult(metadata={"new_settlements": added})


@dg.asset(group_name="execution", owners=OWNERS, kinds=DATA_KINDS, deps=[positions, settlements])
def portfolio(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """What the account is worth at a moment: cash, and positions at the bid they could be sold at.

    The value is missing where a held market has no quote: then nothing new is bought.
    """
    with platform.desk(context.run.run_id) as desk:
        statement = account.read_statement(desk)
        account.record_portfolio(desk, statement)
    value = statement.view(committed_micros=0).value_micros
    return dg.MaterializeResult(
        metadata={
            "cash_usd": float(dollars(statement.balance.cash_micros)),
            "value_usd": "unknown" if value is None else float(dollars(value)),
            "open_positions": len(statement.positions),
        }
    )


@contextmanager
def _order_desk(run_id: str, platform: Platform) -> Iterator[Desk]:
    """Yield the desk while this process alone may judge and place on this database."""
    with (
        platform.database.advisory_lock(ORDER_LOCK) as is_ours,
        platform.desk(run_id) as desk,
    ):
        if not is_ours:
            raise OrderJobRunning(
                f"another order job holds the lock of {platform.database.name}: this one stops"
            )
        yield desk


def _judgement_table(judgements: list[Judgement]) -> str:
    lines = ["| market | buy | outcome | why |", "|---|---|---|---|"]
    for judgement in judgements:
        refusals = [gate.reason for gate in judgement.decision.gates if not gate.is_passed]
        outcome = "approved" if judgement.decision.is_approved else "refused"
        signal = judgement.signal
        why = "; ".join(refusals) or judgement.decision.gates[-1].value
        lines.append(f"| {signal.market_ticker} | {signal.side.upper()} | {outcome} | {why} |")
    return "\n".join(lines)


def _order_table(placed: list[Order]) -> str:
    lines = [
        "| market | buy | contracts | at most | status | filled |",
        "|---|---|---:|---:|---|---:|",
    ]
    lines += [
        f"| {o.market_ticker} | {o.side.upper()} | {o.count / CENTICONTRACTS:g} "
        f"| {dollars(o.limit_price):.4f} | {o.status} | {o.fill_count / CENTICONTRACTS:g} |"
        for o in placed
    ]
    return "\n".join(lines)

"""The ledger, as Dagster assets. A rerun or a backfill adds no order and changes no row."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from kalshi_assets.defs import freshness
from kalshi_assets.defs.metadata import moment_text, table
from kalshi_assets.defs.partitions import DATA_KINDS, OWNERS
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_CENT, dollars
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.execution import account
from kalshi_assets.execution.desk import Desk, exit_rules_of
from kalshi_assets.execution.exits import sell_for_reasons, words
from kalshi_assets.execution.judge import Judgement, judge_open_signals
from kalshi_assets.execution.marks import Mark
from kalshi_assets.execution.place import place_approved
from kalshi_assets.execution.resting import tend
from kalshi_assets.execution.upkeep import check_daily_loss, keep_up
from kalshi_assets.storage.engine import ORDER_LOCK
from kalshi_assets.storage.ledger import Order

# Every asset that carries a gating check: a failing one stops this step itself.
GATED_BY = ["markets", "raw_ticks", "clean_ticks", "rolling_averages"]
# What is judged is today's. Told so, Dagster looks up the newest day of each, and not all days.
TODAYS = {
    name: dg.AssetDep(name, partition_mapping=dg.LastPartitionMapping())
    for name in ("raw_ticks", "clean_ticks", "rolling_averages", "signals")
}
# What is approved is sent first: its price does not wait.
AFTERWARDS = {"dagster/priority": "-1"}


class OrderJobRunning(KalshiAssetsError):
    """Another order job is at work on this database."""


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[TODAYS["signals"]],
    output_required=True,
)
def decisions(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A signal judged: approved, or refused by which gates, with every value and limit.

    The why-not ledger: what was not traded, and why. It keeps all that it saw, to be judged again.
    It depends on signals only, so that it is written when the gate is closed. An order that rests
    is renewed while its signal is healthy, and cancelled when it is not.

    **Refreshed** by `order_sensor`, after every poll that leaves an open signal or a live order.

    **When it is red:** another order job was at work, or the database was away. The next poll is
    judged anew; nothing is ordered meanwhile.
    """
    with _order_desk(context.run.run_id, platform) as desk:
        judgements = judge_open_signals(desk)
        tended = tend(desk, judgements)
    approved = sum(j.decision.is_approved for j in judgements)
    return dg.MaterializeResult(
        metadata={
            "judgements": _judgement_table(judgements),
            "signals_judged": len(judgements),
            "approved": approved,
            "refused": len(judgements) - approved,
            **{f"resting_{name}": count for name, count in vars(tended).items()},
        }
    )


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[TODAYS["signals"]],
    op_tags=AFTERWARDS,
)
def exits(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """An order that sells what ours bought, with its reason: take profit, stop, time, flatten.

    By default nothing is sold before it settles. No check of the data and no entry rule stands in
    an exit's way: only what is held, a fresh bid, an open exchange and, for real money, arming.

    **Refreshed** by the order job. A backfill or a rerun sells what a rule says now, once.

    **When it is red:** another order job was at work, or the venue did not answer. The next poll
    asks again.
    """
    with _order_desk(context.run.run_id, platform) as desk:
        judged = sell_for_reasons(desk, exit_rules_of(platform.settings))
    return dg.MaterializeResult(
        metadata={
            "exits": table(["what became of it"], [[w] for w in words(judged)], empty="None."),
            "orders": sum(one.order is not None for one in judged),
        }
    )


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[TODAYS.get(name, name) for name in ("decisions", "signals", *GATED_BY)],
)
def orders(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """An order of ours, from its intent to its end, with the verdicts that let it through.

    Made of an approved decision whose gates pass once more at the moment of sending. The intent is
    committed first, then sent once under an id that is the same after any crash.

    **Refreshed** by the order job, right after `decisions`. A backfill or a rerun orders nothing.

    **When it is red or skipped:** a check fails for the feed, or the venue did not answer. An order
    whose answer is missing is `unknown`; the reconcile job settles it within five minutes.
    """
    with _order_desk(context.run.run_id, platform) as desk:
        placed = place_approved(desk)
    return dg.MaterializeResult(metadata={"placed": _order_table(placed), "orders": len(placed)})


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[orders],
    freshness_policy=freshness.RECONCILED,
)
def fills(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A fill of one of our orders, as the venue states it: price of the YES leg, count, fee.

    Before it asks for fills, it brings every live order to what the venue lists; while trading is
    halted, it cancels them.

    **Refreshed** every five minutes, and after every order job.

    **When it is red or late:** the venue does not answer; nothing new is bought meanwhile, for the
    gate needs a recent statement of the account.
    """
    with platform.desk(context.run.run_id) as desk:
        kept = keep_up(desk)
        added = account.record_fills(desk).added
        as_of = moment_text(desk.clock.now())
    return dg.MaterializeResult(
        metadata={
            "new_fills": added,
            "orders_reconciled": kept.reconciled,
            "orders_live": len(kept.live),
            "as_of": as_of,
        }
    )


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[fills],
    freshness_policy=freshness.RECONCILED,
)
def positions(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A position at a moment: contracts (YES positive, NO negative) and the bid to sell it at.

    Once its market trades no more it counts its last bid, then what the exchange tells it pays.

    **Refreshed** every five minutes, and after every order job. What we hold is what the venue
    says, never what our orders add up to.

    **When it is red or late:** see `fills`.
    """
    with platform.desk(context.run.run_id) as desk:
        statement = account.read_statement(desk)
        added = account.record_positions(desk, statement)
    return dg.MaterializeResult(
        metadata={
            "positions": _position_table(statement),
            "open_positions": len(statement.positions),
            "rows_added": added,
            "as_of": moment_text(statement.balance.as_of),
        }
    )


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[fills],
    freshness_policy=freshness.RECONCILED,
)
def settlements(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market paid out: its result, the contracts held, revenue and fees.

    **Refreshed** every five minutes, and after every order job, from the venue's list.

    **When it is red or late:** see `fills`.
    """
    with platform.desk(context.run.run_id) as desk:
        added, as_of = account.record_settlements(desk), moment_text(desk.clock.now())
    return dg.MaterializeResult(metadata={"new_settlements": added, "as_of": as_of})


@dg.asset(
    group_name="execution",
    owners=OWNERS,
    kinds=DATA_KINDS,
    deps=[positions, settlements],
    freshness_policy=freshness.RECONCILED,
)
def portfolio(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """What the account is worth at a moment: cash, and positions at the bid they could be sold at.

    What waits for its result counts what it was last worth, and no new order is a share of that.
    The value is missing where a held market has no quote: then nothing new is bought.

    **Refreshed** every five minutes, and after every order job. The most one trade may lose is
    2 % of what is not waiting; a day that loses more than it may halts trading here.

    **When it is red or late:** see `fills`; no order is placed on a value older than two minutes.
    """
    with platform.desk(context.run.run_id) as desk:
        statement = account.read_statement(desk)
        account.record_portfolio(desk, statement)
        check_daily_loss(desk, statement)
    value = statement.view(committed_micros=0).value_micros
    return dg.MaterializeResult(
        metadata={
            "cash_usd": float(dollars(statement.balance.cash_micros)),
            "value_usd": "unknown" if value is None else float(dollars(value)),
            "open_positions": len(statement.positions),
            "as_of": moment_text(statement.balance.as_of),
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


def _judgement_table(judgements: list[Judgement]) -> dg.MetadataValue:
    return table(
        ["market", "buy", "outcome", "why"],
        [[j.signal.market_ticker, j.signal.side.upper(), *_outcome(j)] for j in judgements],
        empty="No signal was open.",
    )


def _outcome(judgement: Judgement) -> tuple[str, str]:
    gates = judgement.decision.gates
    if judgement.decision.is_approved:
        return "approved", judgement.decision.gate("size").value
    refused_by = judgement.decision.refused_by
    return "refused", "; ".join(gate.reason for gate in gates if gate.gate in refused_by)


def _order_table(placed: list[Order]) -> dg.MetadataValue:
    return table(
        ["market", "buy", "contracts", "at most", "status", "filled"],
        [
            [
                o.market_ticker,
                o.side.upper(),
                f"{o.count / CENTICONTRACTS:g}",
                f"{o.limit_price / MICROS_PER_CENT:g}¢",
                o.status,
                f"{o.fill_count / CENTICONTRACTS:g}",
            ]
            for o in placed
        ],
        empty="Nothing was to be ordered.",
    )


def _position_table(statement: account.Statement) -> dg.MetadataValue:
    return table(
        ["market", "holds", "contracts", "sells at"],
        [
            [
                p.market_ticker,
                "YES" if p.position > 0 else "NO",
                f"{abs(p.position) / CENTICONTRACTS:g}",
                _price_text(statement.marks.get(p.market_ticker)),
            ]
            for p in statement.positions
        ],
        empty="Nothing is held.",
    )


def _price_text(mark: Mark | None) -> str:
    if mark is None:
        return "no quote"
    return f"{mark.price / MICROS_PER_CENT:g}¢" + (", not trading" if mark.is_waiting else "")

"""`explain` and `replay`: where an order comes from, and whether its decision comes out again."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR, dollars
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution.decision_record import recompute
from kalshi_assets.runtime.trading import at_work
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.lineage import Lineage, decision_of, lineage_of

SHOWN_TICKS = 5
EXIT_DIFFERENT = 3


@click.command()
@click.argument("order")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--ticks", default=SHOWN_TICKS, show_default=True, help="Newest ticks to show.")
def explain(*, order: str, as_json: bool, ticks: int) -> None:
    """Say what ORDER rests on: decision, signal, average, ticks, verdicts, run, code, settings.

    ORDER is our id of it or the venue's.
    """
    with at_work(load_settings()) as (_, database), database.transaction() as connection:
        found = lineage_of(connection, order, ticks=ticks)
    if found is None:
        raise ConfigurationError(f"no order {order} in {database.name}: `status` lists live ones")
    if as_json:
        click.echo(json.dumps(asdict(found), default=str))
    else:
        click.echo("\n".join(_lines(found)))


@click.command()
@click.argument("decision")
@click.pass_context
def replay(context: click.Context, *, decision: str) -> None:
    """Judge DECISION again from what it saw, and compare the bytes of the result.

    DECISION is its id, or an order made of it. Exit code 0: the same; 3: not the same.
    """
    with at_work(load_settings()) as (_, database), database.transaction() as connection:
        stored = decision_of(connection, decision)
    if stored is None:
        raise ConfigurationError(f"no decision {decision} in {database.name}")
    if stored.result is None:
        raise ConfigurationError(
            f"decision {decision} says what became of an approval: nothing was judged in it"
        )
    again, kept = recompute(stored), stored.result.encode()
    if again == kept:
        click.echo(f"The same {len(kept)} bytes: {stored.outcome}, {len(stored.gates)} gates.")
        return
    click.echo(f"NOT THE SAME.\nkept:  {kept.decode()}\nagain: {again.decode()}")
    context.exit(EXIT_DIFFERENT)


def _lines(found: Lineage) -> Iterator[str]:
    order = found.order
    at_venue = order["venue_order_id"] or "no id at the venue"
    yield f"Order      {order['client_order_id']} ({at_venue})"
    yield (
        f"           {order['leg']}: {_deal(order)}, {order['status']}, "
        f"{order['fill_count'] / CENTICONTRACTS:g} filled"
    )
    for event in found.events:
        yield f"           {_at(event['at'])} {event['kind']}: {event['status']} {event['detail']}"
    for fill in found.fills:
        yield (
            f"Fill       {_at(fill['filled_at'])} {fill['count'] / CENTICONTRACTS:g} at YES "
            f"{dollars(fill['yes_price']):.4f}, fee {dollars(fill['fee_micros']):.4f} USD"
        )
    yield f"Decision   {order['decision_id']}, {order['outcome']} at {_at(order['judged_at'])}" + (
        f", reason {order['decision_reason']}" if order["decision_reason"] else ""
    )
    yield f"Signal     {order['signal_id']}, {order['strategy']}, since {_since(order)}"
    yield from _average_lines(found)
    for verdict in order["verdicts"]:
        yield f"Verdict    {verdict}"
    yield f"Run        {order['run_id']}"
    yield f"Code       {order['code_version'] or 'not kept'}"
    yield f"Settings   {order['settings_id'] or 'not kept'}, {len(found.settings)} values"


def _deal(order: Mapping[str, Any]) -> str:
    """Say what is bought or sold: the venue sells a side by buying the other one."""
    side, price = order["side"], order["limit_price"]
    how_many = f"{order['count'] / CENTICONTRACTS:g}"
    if order["leg"] == "entry":
        return f"buy {how_many} {side.upper()} of {order['market_ticker']} at {dollars(price):.4f}"
    sold, received = "no" if side == "yes" else "yes", dollars(MICROS_PER_DOLLAR - price)
    return (
        f"sell {how_many} {sold.upper()} of {order['market_ticker']} at {received:.4f} "
        f"(a buy of {side.upper()} at {dollars(price):.4f})"
    )


def _average_lines(found: Lineage) -> Iterator[str]:
    order = found.order
    if order["average_as_of"] is None:
        yield f"Average    {order['average_hash'] or 'none: an exit rests on what is held'}"
        return
    yield (
        f"Average    {dollars(round(order['mean'])):.4f} at {_at(order['average_as_of'])}, from "
        f"{_at(order['window_start'])} on, {order['tick_count']} ticks, coverage "
        f"{order['coverage']:.3f}"
    )
    yield f"           content hash {order['average_hash']}"
    yield f"Ticks      {found.tick_count} of the window are kept; the newest:"
    for tick in found.last_ticks:
        source = f"{tick['source']} {tick['source_key']}".strip()
        yield (
            f"           {_at(tick['observed_at'])} {source}: bid "
            f"{dollars(tick['yes_bid']):.4f}, ask {dollars(tick['yes_ask']):.4f}, quoted "
            f"{_at(tick['quoted_at'])}"
        )


def _since(order: Mapping[str, Any]) -> str:
    started = order["signal_started_at"]
    return "not known" if started is None else _at(started)


def _at(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

"""What raises alerts of its own: fills, verdicts, the feed, runs. In words for a trader.

A cause is a short name. It alerts once, until it is settled; a filled order is never settled.

An outage of the exchange is one cause: while its calls fail, the runs, checks and quotes that fail
with them raise nothing of their own. If it lasts, the halt that follows tells of it; what still
fails a few minutes after calls get through again alerts then.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate

from sqlalchemy import Connection, func, select, update

from kalshi_assets.domain.account import Fill, Side
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.settings import AlertKind
from kalshi_assets.storage.alerts import LONGEST_TEXT, raise_alert, settle_cause
from kalshi_assets.storage.schema import (
    alerts,
    breaker_failures,
    breaker_transitions,
    orders,
    polls,
)

FEED, STREAM, HALT = "feed", "stream", "halt "
# An outage ends with the call that gets through. Quotes come with the next poll, and the order job
# after that one is the first to judge them.
AFTERMATH = timedelta(minutes=4)


def alert_on_fills(
    connection: Connection, fills: Sequence[Fill], *, client_ids: Mapping[str, str]
) -> None:
    """Raise one alert for each order of ours that was filled; later fills of it raise none."""
    ours = {
        fill.order_id: client_ids[fill.order_id] for fill in fills if fill.order_id in client_ids
    }
    exits = _exits(connection, ours.values())
    for order_id, client_id in sorted(ours.items()):
        own = [fill for fill in fills if fill.order_id == order_id]
        tell, word = (_sold, "Sold") if client_id in exits else (_bought, "Filled")
        raise_alert(
            connection,
            kind="order_filled",
            cause=f"order {client_id}",
            what=f"{word}: " + "; ".join(tell(fill) for fill in own),
            why=f"order {client_id} found its other side at the venue",
            done="the fill is in the ledger; further fills of this order are not told",
            todo="nothing; `orders` and `fills` in the UI show the whole order",
            at=max(fill.filled_at for fill in own),
        )


def alert_on_halt(connection: Connection, cause: str, *, why: str, at: datetime) -> bool:
    """Raise an alert: trading was halted for a cause."""
    kinds: dict[str, AlertKind] = {"daily_loss": "daily_loss", "unknown_order": "unknown_order"}
    return raise_alert(
        connection,
        kind=kinds.get(cause, "halt"),
        cause=f"{HALT}{cause}",
        what=f"Trading is halted: {cause.replace('_', ' ')}",
        why=why,
        done="nothing new is ordered; our resting orders are being cancelled until the venue "
        "confirms",
        todo="see docs/runbook.md; `kalshi-assets status` says more, and only `kalshi-assets "
        "resume` ends it",
        at=at,
    )


def settle_halts(connection: Connection, *, at: datetime) -> None:
    """Note that trading goes on: each cause of a halt alerts anew."""
    connection.execute(
        update(alerts)
        .where(alerts.c.cause.startswith(HALT), alerts.c.settled_at.is_(None))
        .values(settled_at=at)
    )


def cause_of_check(check: str) -> str:
    """Return the cause under which a check alerts."""
    return f"check {check}"


def alert_on_verdict(
    connection: Connection,
    check: str,
    *,
    is_passed: bool,
    observed: str,
    threshold: str,
    at: datetime,
) -> None:
    """Raise an alert where a gating check fails for the feed, settle it where it passes again."""
    if is_passed:
        settle_cause(connection, cause_of_check(check), at=at)
        return
    if is_outage(connection):
        return
    raise_alert(
        connection,
        kind="check_failed",
        cause=cause_of_check(check),
        what=f"The data check {check} fails for the feed",
        why=f"{observed}; must hold: {threshold}",
        done="nothing is ordered until it passes again",
        todo=f"open the check {check} in the UI, or run `kalshi-assets status`",
        at=at,
    )


def alert_on_silence(connection: Connection, *, since: datetime, at: datetime) -> bool:
    """Raise an alert: no poll was answered since a moment."""
    if is_outage(connection):
        return False
    return raise_alert(
        connection,
        kind="feed_down",
        cause=FEED,
        what=f"The feed is down: no quotes since {since:%Y-%m-%d %H:%M:%S} UTC",
        why="no poll of the tracked markets was answered in that time",
        done="polls go on; nothing new is ordered on old quotes",
        todo="run `kalshi-assets doctor`, and look at the newest run of poll_job in the UI",
        at=at,
    )


def alert_on_stream_away(connection: Connection, *, since: datetime, at: datetime) -> bool:
    """Raise an alert: the live feed tells nothing since a moment, though it is wanted."""
    if is_outage(connection):
        return False
    return raise_alert(
        connection,
        kind="feed_down",
        cause=STREAM,
        what=f"The live feed is away: nothing was streamed since {since:%Y-%m-%d %H:%M:%S} UTC",
        why="the feed service has ended, or the exchange's WebSocket does not answer it",
        done="it is started and connected again and again; polls go on meanwhile, so that trading "
        "goes on, more slowly",
        todo="look into feed.log in the run folder; `kalshi-assets doctor` tries the key",
        at=at,
    )


def settle_stream(connection: Connection, *, at: datetime) -> bool:
    """Note that the live feed tells something again."""
    return settle_cause(connection, STREAM, at=at)


def is_outage(connection: Connection) -> bool:
    """Tell whether calls to the exchange fail at present, or did until a moment ago.

    They do from the first failure in a row on, and while the breaker is open.
    """
    failing = select(func.count()).where(breaker_failures.c.failures > 0)
    if connection.scalar(failing):
        return True
    table = breaker_transitions
    query = select(table.c.to_state, table.c.at).order_by(table.c.transition_id.desc())
    newest = connection.execute(query.limit(1)).one_or_none()
    if newest is None:
        return False
    return bool(newest.to_state != "closed" or wall_now() - newest.at < AFTERMATH)


def settle_silence(connection: Connection, *, at: datetime) -> bool:
    """Note that quotes come again."""
    return settle_cause(connection, FEED, at=at)


def newest_answer_at(connection: Connection) -> datetime | None:
    """Return when the newest poll that brought anything was answered, venue time."""
    is_answered = polls.c.received + polls.c.rejected > 0
    found: datetime | None = connection.scalar(
        select(func.max(polls.c.received_at)).where(is_answered)
    )
    return found


def alert_on_run(connection: Connection, job: str, *, run_id: str, why: str, at: datetime) -> bool:
    """Raise an alert: a run of a job failed, and none of that job succeeded since."""
    if is_outage(connection):
        return False
    return raise_alert(
        connection,
        kind="failed_run",
        cause=f"job {job}",
        what=f"A run of {job} failed",
        why=why,
        done="further failures of this job are not told until it succeeds",
        todo=f"open run {run_id} in the UI; the description of {job} says what its failure means",
        at=at,
    )


def alert_on_review(
    connection: Connection, week: date, *, answer: str, reasons: Sequence[str], at: datetime
) -> bool:
    """Raise an alert: a week was reviewed. Made anew, it is not told again."""
    return raise_alert(
        connection,
        kind="weekly_review",
        cause=f"review {week}",
        what=answer,
        why=_whole(reasons) or "nothing happened",
        done="the review is kept: `weekly_review` in the UI shows it",
        todo=f"read it: reviews/{week}.html in the home folder",
        at=at,
    )


def settle_run(connection: Connection, job: str, *, at: datetime) -> bool:
    """Note that a job succeeds again."""
    return settle_cause(connection, f"job {job}", at=at)


def _whole(sentences: Sequence[str]) -> str:
    """Return as many of the first sentences as a message holds."""
    length = accumulate(len(sentence) + 1 for sentence in sentences)
    return " ".join(s for s, end in zip(sentences, length, strict=True) if end <= LONGEST_TEXT)


def _exits(connection: Connection, client_ids: Collection[str]) -> set[str]:
    """Return which of our orders close a position."""
    is_exit = orders.c.client_order_id.in_(client_ids), orders.c.leg == "exit"
    return set(connection.scalars(select(orders.c.client_order_id).where(*is_exit)))


def _bought(fill: Fill) -> str:
    return _told(fill, fill.side)


def _sold(fill: Fill) -> str:
    """Return a fill of an exit: what it bought, the venue set off against the other side."""
    return _told(fill, "no" if fill.side == "yes" else "yes")


def _told(fill: Fill, side: Side) -> str:
    price = fill.yes_price if side == "yes" else MICROS_PER_DOLLAR - fill.yes_price
    return (
        f"{contracts(fill.count):g} {side.upper()} of {fill.market_ticker} "
        f"at {dollars(price):.4f} USD"
    )

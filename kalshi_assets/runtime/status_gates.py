"""The gates that need no signal, and every gating check, asked as the judge would ask them now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from kalshi_assets.execution.known import in_ms, opening_or_now
from kalshi_assets.risk.common import COMMON, feed_verdict
from kalshi_assets.risk.gate import Gate
from kalshi_assets.risk.inputs import CheckVerdict, Limits, Surroundings
from kalshi_assets.runtime.status_sources import Answers, Recorded

# The markets' own check is run hourly, and by every order job before it judges: between the two an
# old verdict that passes closes nothing.
ASKED_BEFORE_ORDERS = "markets_are_known"
LONGEST_UNASKED_SECONDS = 7_200


@dataclass(frozen=True)
class CheckLine:
    """A gating check with its newest verdict.

    Attributes:
        age_seconds: of the verdict; None where there is none.
        observed: what the check found, whether that is fresh or not.
        value, limit, reason: what the gate makes of it.
        markets_failed: single markets it refuses, with what was seen.
    """

    gate: str
    is_passed: bool
    age_seconds: float | None
    observed: str
    value: str
    limit: str
    reason: str
    markets_failed: Mapping[str, str]


def common_gates(
    recorded: Recorded, answers: Answers, limits: Limits, *, now: datetime
) -> list[Gate]:
    """Return the answers of all rules that need no signal, but for the checks'."""
    around = _surroundings(recorded, answers, now)
    return [
        *(rule(around, limits) for rule in COMMON),
        _warmed_up(recorded),
        _sound_markets(recorded.verdicts, limits),
    ]


def check_lines(
    recorded: Recorded, answers: Answers, limits: Limits, *, now: datetime
) -> list[CheckLine]:
    """Return every check that an order needs, judged for the feed."""
    around = _surroundings(recorded, answers, now)
    return [_check_line(name, around, limits) for name in limits.required_checks]


def _surroundings(recorded: Recorded, answers: Answers, now: datetime) -> Surroundings:
    statement = answers.statement
    account = None if statement is None else statement.view(committed_micros=0)
    return Surroundings(
        now=now,
        exchange=answers.status,
        account=account,
        verdicts=recorded.verdicts,
        trading_state=recorded.trading_state,
        breaker="closed" if recorded.breaker is None else recorded.breaker.to_state,
        arming=recorded.arming,
        opening_value_micros=opening_or_now(recorded.opening_value_micros, account),
        activity=recorded.activity,
        clock_offset_ms=in_ms(answers.clock_offset_seconds),
        disk_free_bytes=recorded.disk_free_bytes,
    )


def _check_line(name: str, around: Surroundings, limits: Limits) -> CheckLine:
    if name == ASKED_BEFORE_ORDERS:
        limits = replace(limits, max_verdict_age_seconds=LONGEST_UNASKED_SECONDS)
    gate = feed_verdict(name)(around, limits)
    found = around.verdicts.get(name)
    return CheckLine(
        gate=name,
        is_passed=gate.is_passed,
        age_seconds=None if found is None else round((around.now - found.as_of).total_seconds(), 1),
        observed="" if found is None else found.observed,
        value=gate.value,
        limit=gate.limit,
        reason=gate.reason,
        markets_failed={} if found is None else dict(found.markets_failed),
    )


def _warmed_up(recorded: Recorded) -> Gate:
    """The averages' window is loaded; where it cannot be, collection goes on without."""
    missing, limit = len(recorded.missing_days), "the averages' window is loaded"
    if not missing:
        return Gate("warmed_up", True, "history loaded", limit)
    value = f"{missing} days of history missing"
    if recorded.is_history_overdue:
        return Gate("warmed_up", True, f"{value}, collecting all the same", limit)
    return Gate("warmed_up", False, value, limit, f"warming up: {value}, it is being loaded")


def _sound_markets(verdicts: Mapping[str, CheckVerdict], limits: Limits) -> Gate:
    """There is a market that no check fails: the feed may pass while single markets do not."""
    needed = [verdicts.get(name) for name in limits.required_checks]
    known = [verdict for verdict in needed if verdict is not None]
    looked_at = frozenset[str]().union(*(verdict.markets_checked for verdict in known))
    sound = looked_at if len(known) == len(needed) else frozenset[str]()
    for verdict in known:
        sound = (sound & verdict.markets_checked) - verdict.markets_failed.keys()
    value, limit = f"{len(sound)} of {len(looked_at)}", ">= 1 market that passes every check"
    reason = "" if sound else f"{value} markets pass every check"
    return Gate("sound_markets", bool(sound), value, limit, reason)

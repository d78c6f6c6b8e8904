"""Selling what is held: six gates of its own, and no entry rule ever in its way."""

from dataclasses import fields, replace
from typing import Any

import pytest

from kalshi_assets.domain.market import ExchangeStatus, ShardStatus
from kalshi_assets.risk.engine import judge_exit
from kalshi_assets.risk.exit_limits import REDUCE
from kalshi_assets.risk.inputs import ExitInputs
from kalshi_assets_tests.risk.cases import EXIT, LIMITS, NOW, QUOTE, SECOND

HALF = 14_900
SHARDS = (ShardStatus(0, False, True), ShardStatus(1, True, True))


def changed(**values: Any) -> ExitInputs:
    return replace(EXIT, **values)


def quoted(**values: Any) -> ExitInputs:
    return changed(quote=replace(QUOTE, **values))


def test_what_is_held_may_be_sold_at_the_bid_of_its_side() -> None:
    decision = judge_exit(EXIT, LIMITS)
    assert decision.is_approved
    assert decision.limit_price == 300_000, "NO is sold where YES is bought, at 0.70"
    assert decision.count == 29_800
    yes = judge_exit(changed(side="yes", position=29_800), LIMITS)
    assert (yes.is_approved, yes.limit_price) == (True, 680_000)


def test_nothing_else_is_asked() -> None:
    names = [gate.gate for gate in judge_exit(EXIT, LIMITS).gates]
    assert names == [rule.__name__ for rule in REDUCE]
    assert names == [
        "armed",
        "shard_open",
        "market_active",
        "quote_fresh",
        "has_bid",
        "within_position",
    ]


# gate, an input at its limit that passes, one just beyond that does not
BOUNDS: list[tuple[str, ExitInputs, ExitInputs]] = [
    ("armed", changed(arming="armed"), changed(arming="not armed")),
    ("shard_open", EXIT, changed(exchange=ExchangeStatus(True, False))),
    (
        "shard_open",
        changed(exchange=ExchangeStatus(False, False, shards=SHARDS), exchange_index=1),
        changed(exchange=ExchangeStatus(True, True, shards=SHARDS), exchange_index=0),
    ),
    ("market_active", EXIT, quoted(status="inactive")),
    (
        "quote_fresh",
        quoted(quoted_at=NOW - 300 * SECOND),
        quoted(quoted_at=NOW - 301 * SECOND),
    ),
    ("quote_fresh", quoted(quoted_at=NOW + 5 * SECOND), quoted(quoted_at=NOW + 6 * SECOND)),
    ("has_bid", quoted(yes_bid_size=0), quoted(yes_ask_size=0)),
    ("within_position", changed(count=1), changed(count=0)),
    ("within_position", EXIT, changed(count=29_801)),
    ("within_position", changed(count=HALF, own_count=HALF), changed(own_count=HALF)),
    ("within_position", changed(count=HALF, position=-HALF), changed(position=-HALF)),
    ("within_position", EXIT, changed(position=29_800)),
    ("within_position", EXIT, changed(side="yes")),
]


@pytest.mark.parametrize(("name", "good", "bad"), BOUNDS, ids=lambda v: v if v else "")
def test_a_rule_passes_at_its_limit_and_refuses_beyond(
    name: str, good: ExitInputs, bad: ExitInputs
) -> None:
    assert judge_exit(good, LIMITS).is_approved
    refusal = judge_exit(bad, LIMITS)
    assert name in refusal.refused_by
    assert not refusal.is_approved
    assert refusal.gate(name).reason


def test_every_rule_has_bounds_here() -> None:
    assert {name for name, _, _ in BOUNDS} == {rule.__name__ for rule in REDUCE}


@pytest.mark.parametrize("unknown", ["position", "own_count", "quote", "exchange", "arming"])
def test_what_is_not_known_refuses(unknown: str) -> None:
    assert unknown in {field.name for field in fields(ExitInputs)}
    without: dict[str, Any] = {unknown: None}
    decision = judge_exit(changed(**without), LIMITS)
    assert not decision.is_approved
    assert "unknown" in {decision.gate(name).value for name in decision.refused_by}

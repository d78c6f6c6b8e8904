"""No order without a fresh passing verdict of every check, whatever the checks' histories are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts
from kalshi_assets_tests.crash.stage import ELSEWHERE, Stage, passing, signal, staged
from kalshi_assets_tests.crash.work import LEDGER, LIMITS, Job, run
from kalshi_assets_tests.execution.faults import CREATE
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import DatabaseMaker

CHECKS = LIMITS.required_checks
OLDEST = LIMITS.max_verdict_age_seconds
# A venue's clock may be some seconds ahead of ours.
FURTHEST_AHEAD = -5
Kind = Literal["passed", "failed for the feed", "warned for the market", "market not checked"]


@dataclass(frozen=True)
class Ran:
    """A check that ran so many seconds ago. One that raised left nothing, as if it never ran."""

    kind: Kind
    age: int

    @property
    def is_open(self) -> bool:
        """Tell whether the gate is open where this is the newest verdict."""
        return self.kind == "passed" and FURTHEST_AHEAD <= self.age <= OLDEST


History = tuple[Ran, ...]
FRESH = (Ran("passed", 10),)
kinds = st.sampled_from(
    ["passed", "failed for the feed", "warned for the market", "market not checked"]
)
ages = st.one_of(
    st.integers(0, OLDEST - 1),
    st.sampled_from([OLDEST - 1, OLDEST + 1, FURTHEST_AHEAD + 1, FURTHEST_AHEAD - 1]),
    st.integers(OLDEST + 1, 10_000),
    st.integers(-3_000, -6),
)
runs = st.builds(Ran, kinds, ages)
histories = st.one_of(
    st.just(FRESH),
    st.lists(runs, max_size=4, unique_by=lambda ran: ran.age).map(tuple),
)
# Mostly all is well but for a check or two, else the gate would hardly ever be open.
worlds = st.dictionaries(st.sampled_from(CHECKS), histories, max_size=3)


@pytest.fixture(scope="module")
def stage(
    make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with staged(make_database(), tmp_path_factory.mktemp("gate")) as made:
        yield made


def is_gate_open(world: dict[str, History]) -> bool:
    newest = [min(world.get(name, FRESH), key=lambda ran: ran.age, default=None) for name in CHECKS]
    return all(ran is not None and ran.is_open for ran in newest)


def write(stage: Stage, world: dict[str, History]) -> None:
    """Write the verdicts down in the order in which the checks ran."""
    by_name = {verdict.check_name: verdict for verdict in passing(stage.now, stage.tickers)}
    rows = [
        (ran.age, verdict_of(by_name[name], ran))
        for name in CHECKS
        for ran in world.get(name, FRESH)
    ]
    in_turn = [row for _, row in sorted(rows, key=lambda pair: -pair[0])]
    with stage.database.transaction() as connection:
        save_verdicts(connection, in_turn, run_id="a check")


def verdict_of(verdict: NewVerdict, ran: Ran) -> NewVerdict:
    at = replace(verdict, as_of=verdict.as_of - timedelta(seconds=ran.age))
    if ran.kind == "failed for the feed":
        return replace(at, is_passed=False)
    if ran.kind == "warned for the market":
        return replace(at, markets_failed={TICKER: "frozen"})
    if ran.kind == "market not checked":
        return replace(at, markets_checked=[ELSEWHERE])
    return at


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@example(judged={}, sent={})
@example(judged={}, sent={CHECKS[0]: (Ran("failed for the feed", 1),)})
@example(judged=dict.fromkeys(CHECKS, ()), sent={})
@given(judged=worlds, sent=st.one_of(st.just({}), worlds))
def test_an_order_goes_out_only_where_every_newest_verdict_is_fresh_and_passes(
    stage: Stage, judged: dict[str, History], sent: dict[str, History]
) -> None:
    """`sent` is what the checks find between the judgement and the sending."""
    stage.reset()
    stage.later(60)
    stage.quote("0.47", "0.52")
    stage.see([signal(stage.now)])
    run(Job(stage.place, stage.clock, LEDGER))
    write(stage, judged)
    run(Job(stage.place, stage.clock, ["judge"]))
    write(stage, sent)
    run(Job(stage.place, stage.clock, ["place"]))

    both = {name: (*judged.get(name, FRESH), *sent.get(name, FRESH)) for name in CHECKS}
    is_open = is_gate_open(judged) and is_gate_open(both)
    event("open" if is_open else "closed")
    assert stage.troubles.writes == ([CREATE] if is_open else [])

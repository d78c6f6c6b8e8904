from datetime import UTC, datetime, timedelta

import pytest

from kalshi_assets.domain.calls import BreakerTransition
from kalshi_assets.errors import BreakerOpen, DatabaseUnavailable
from kalshi_assets.kalshi.breaker import (
    FAILURES_IN_A_ROW,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LOOK_SECONDS,
    PROBE_SECONDS,
    Breaker,
    OwnStore,
)

HOST = "external-api.kalshi.com"


class World:
    """One store, one time, and processes that each have a breaker of their own."""

    def __init__(self, random: float = 1.0) -> None:
        self.at = datetime(2026, 11, 22, 15, tzinfo=UTC)
        self.seconds = 0.0
        self.store = OwnStore()
        self.random = random

    def breaker(self, store: OwnStore | None = None) -> Breaker:
        return Breaker(
            HOST,
            self.store if store is None else store,
            now=lambda: self.at,
            monotonic=lambda: self.seconds,
            random=lambda: self.random,
        )

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds

    @property
    def states(self) -> list[str]:
        return [transition.to_state for transition in self.store.transitions]


def call(breaker: Breaker, *, works: bool, kind: str = "read") -> None:
    is_probe = breaker.admit(kind)  # type: ignore[arg-type]  # a kind by construction
    if works:
        breaker.succeeded(is_probe=is_probe)
    else:
        breaker.failed("GET /x: 502", is_probe=is_probe)


def opened(world: World) -> Breaker:
    breaker = world.breaker()
    for _ in range(FAILURES_IN_A_ROW):
        call(breaker, works=False)
    return breaker


def test_it_opens_after_three_failures_in_a_row_and_says_why_and_until_when() -> None:
    world = World()
    breaker = opened(world)
    for kind in ("read", "order"):
        with pytest.raises(
            BreakerOpen, match=r"open until 15:00:05 UTC .*3 failures in a row.*502"
        ):
            call(breaker, works=True, kind=kind)
    [transition] = world.store.transitions
    assert (transition.from_state, transition.to_state) == ("closed", "open")
    assert (transition.host, transition.at) == (HOST, world.at)


def test_a_success_between_failures_begins_the_row_anew() -> None:
    world = World()
    breaker = world.breaker()
    for works in (False, False, True, False, False):
        call(breaker, works=works)
    assert world.states == []
    call(breaker, works=False)
    assert world.states == ["open"]


def test_what_one_process_opened_refuses_the_calls_of_another() -> None:
    world = World()
    other = world.breaker()
    call(other, works=True)
    opened(world)
    with pytest.raises(BreakerOpen):
        call(other, works=True, kind="order")
    world.wait(LOOK_SECONDS)
    with pytest.raises(BreakerOpen):
        call(other, works=True)


def test_after_the_pause_one_read_probes_and_its_success_closes() -> None:
    world = World()
    breaker, other = opened(world), world.breaker()
    world.wait(FIRST_PAUSE_SECONDS - 0.1)
    with pytest.raises(BreakerOpen):
        breaker.admit("read")
    world.wait(0.1)
    assert breaker.admit("read"), "it probes"
    with pytest.raises(BreakerOpen, match="half open"):
        other.admit("read")
    breaker.succeeded(is_probe=True)
    assert world.states == ["open", "half_open", "closed"]
    world.wait(LOOK_SECONDS)
    call(other, works=True)
    call(other, works=True, kind="order")


def test_an_order_never_probes() -> None:
    world = World()
    breaker = opened(world)
    world.wait(LONGEST_PAUSE_SECONDS)
    with pytest.raises(BreakerOpen, match="then a read probes"):
        breaker.admit("order")
    assert world.states == ["open"]


@pytest.mark.parametrize(("random", "share"), [(0.0, 0.5), (1.0, 1.0)])
def test_pauses_double_up_to_the_cap_between_half_and_whole(random: float, share: float) -> None:
    world = World(random)
    breaker = opened(world)
    pauses = []
    for _ in range(8):
        newest = world.store.transitions[-1]
        assert newest.until is not None
        pauses.append((newest.until - world.at).total_seconds())
        world.wait(LONGEST_PAUSE_SECONDS)
        call(breaker, works=False)
    assert pauses == [share * seconds for seconds in (5, 10, 20, 40, 80, 120, 120, 120)]
    world.wait(LONGEST_PAUSE_SECONDS)
    call(breaker, works=True)
    for _ in range(FAILURES_IN_A_ROW):
        call(breaker, works=False)
    newest = world.store.transitions[-1]
    assert newest.until == world.at + timedelta(seconds=5 * share), "it starts small again"


def test_cancels_pass_always_and_the_first_that_succeeds_closes() -> None:
    world = World()
    breaker = opened(world)
    call(breaker, works=False, kind="cancel")
    assert world.states == ["open"]
    call(breaker, works=True, kind="cancel")
    assert world.states == ["open", "closed"]
    call(breaker, works=True, kind="order")


def test_a_new_process_that_only_cancels_closes_what_it_finds_open() -> None:
    world = World()
    opened(world)
    call(world.breaker(), works=True, kind="cancel")
    assert world.states == ["open", "closed"]


def test_an_answer_to_a_call_of_before_closes_nothing() -> None:
    world = World()
    slow = world.breaker()
    before = slow.admit("read")
    opened(world)
    world.wait(LOOK_SECONDS)
    with pytest.raises(BreakerOpen):
        slow.admit("read")
    slow.succeeded(is_probe=before)
    assert world.states == ["open"]


def test_a_probe_that_died_is_followed_by_another() -> None:
    world = World()
    breaker = opened(world)
    world.wait(FIRST_PAUSE_SECONDS)
    assert breaker.admit("read")
    world.wait(PROBE_SECONDS - 1)
    with pytest.raises(BreakerOpen):
        world.breaker().admit("read")
    world.wait(1)
    call(world.breaker(), works=True)
    assert world.states == ["open", "half_open", "half_open", "closed"]


def test_a_clock_that_was_set_back_does_not_prolong_the_pause() -> None:
    world = World()
    breaker = opened(world)
    world.at -= timedelta(days=1)
    assert breaker.admit("read")


def test_once_another_closed_it_a_row_of_failures_begins_anew_here() -> None:
    world = World()
    breaker = opened(world)
    world.wait(FIRST_PAUSE_SECONDS)
    call(world.breaker(), works=True)
    world.wait(LOOK_SECONDS)
    call(breaker, works=False)
    assert world.states == ["open", "half_open", "closed"]


class BrokenStore(OwnStore):
    """A database that is away while `is_away`."""

    is_away = True

    def newest(self) -> BreakerTransition | None:
        self._ask()
        return super().newest()

    def record(
        self, transition: BreakerTransition, *, after: BreakerTransition | None
    ) -> BreakerTransition | None:
        self._ask()
        return super().record(transition, after=after)

    def _ask(self) -> None:
        if self.is_away:
            raise DatabaseUnavailable("the database does not answer")


def test_without_the_store_no_order_is_sent_while_reads_and_cancels_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    breaker = World().breaker(BrokenStore())
    with pytest.raises(BreakerOpen, match=r"no order is sent: .*the database does not answer"):
        breaker.admit("order")
    call(breaker, works=True)
    call(breaker, works=True, kind="cancel")
    assert "cannot be read, reads go on" in caplog.text


def test_without_the_store_it_still_opens_here_and_says_that_it_is_not_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, store = World(), BrokenStore()
    breaker = world.breaker(store)
    for _ in range(FAILURES_IN_A_ROW):
        call(breaker, works=False)
    with pytest.raises(BreakerOpen):
        call(breaker, works=True)
    assert "is not kept" in caplog.text
    world.wait(FIRST_PAUSE_SECONDS)
    call(breaker, works=True)
    store.is_away = False
    call(breaker, works=True, kind="order")

"""One trial: a scene is played, a process is killed in it, others go on, and all must be well.

Everything that varies is drawn from the seed: the same seed plays the same trial.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from kalshi_assets_tests.crash import proof
from kalshi_assets_tests.crash.death import Point
from kalshi_assets_tests.crash.points import EXECUTED, RECOVERY
from kalshi_assets_tests.crash.stage import ELSEWHERE, Stage, signal
from kalshi_assets_tests.crash.troubles import Death, Trouble
from kalshi_assets_tests.crash.work import LEDGER, ORDERS, Job, run
from kalshi_assets_tests.exchange_rest.world import client_of
from kalshi_assets_tests.local_exchange.bench import TICKER, order_body

ROUND_SECONDS = 20.0
MOST_ROUNDS = 60
RESTS = ("resting", "vanishing", "cancel", "withdraw", "renew", "fill", "unclear")


@dataclass
class Trial:
    """A trial, and what became of it.

    Attributes:
        is_open: whether the signal is one still.
        is_killed: whether the process reached its point.
        second: where a second process died, in recovery.
    """

    stage: Stage
    point: Point
    trouble: Trouble
    seed: int
    scene: str = ""
    is_open: bool = True
    is_killed: bool = False
    second: str = ""
    rounds: int = 0
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.point.name}|{self.trouble}|{self.seed}")  # noqa: S311  a draw
        self.scene = self.chance.choice(list(self.point.scenes))

    def play(self) -> None:
        """Play it.

        Raises:
            AssertionError: something is not as it must be.
        """
        self.stage.reset()
        self._open()
        for _ in range(0 if self.scene == "opening" else self.chance.randint(0, 1)):
            self._round(*LEDGER)
        self._prelude()
        self.stage.troubles.begin(self.trouble)
        self.is_killed = self._killed_in(self.point, *self._fatal_steps())
        self._recover()
        proof.check(self.stage)

    def _open(self) -> None:
        """Let the market be what the scene needs, and the books be open but where they are not."""
        thin = self.scene in RESTS and self.scene != "vanishing"
        self.stage.quote("0.47", "0.52", size="3" if thin else "1000", after=-1)
        if self.scene != "opening":
            self.stage.poll([])
            self._run("keep_up", "fills", "snapshots")
        self.stage.troubles.ask_vanishes = self.scene == "vanishing"

    def _prelude(self) -> None:
        """Do what the scene needs to have been done before."""
        stage, scene = self.stage, self.scene
        if scene in ("cancel", "withdraw", "renew", "fill"):
            self._round(*ORDERS)
        if scene == "unclear":
            self._stranger(ELSEWHERE, "0.20")
            self._killed_in(EXECUTED, *ORDERS)
        if scene == "exit":
            self._round(*ORDERS, *LEDGER)
            self._stranger(TICKER, "0.60")
        if scene == "renew":
            stage.later(60)
        if scene == "withdraw":
            self.is_open = False
        if scene == "fill":
            self._fill(after=1)
        elif scene in RESTS and self.chance.random() < 0.6:
            is_soon_fine = scene in ("resting", "vanishing", "unclear", "cancel")
            soon = [5] if is_soon_fine else []
            self._fill(after=self.chance.choice([*soon, 25, 45, 130]))

    def _fill(self, *, after: float) -> None:
        """Let what rests be filled by the tape, whole or in part, so much later."""
        size = self.chance.choice(["20", "1000"])
        self.stage.quote("0.36", "0.41", size=size, after=after)

    def _stranger(self, ticker: str, price: str) -> None:
        """Let somebody bid for contracts of his own on the account."""
        with client_of(self.stage.place.api_url, Path(self.stage.place.key)) as client:
            client._connection.write_once(
                "POST",
                "/portfolio/events/orders",
                json=order_body("bid", price, "5")
                | {"ticker": ticker, "client_order_id": "by-hand"},
            )

    def _steps(self) -> tuple[str, ...]:
        if self.scene == "exit":
            return ("judge", "flatten", "place", *LEDGER)
        return (*ORDERS, *LEDGER)

    def _fatal_steps(self) -> tuple[str, ...]:
        return ("halt", "keep_up", *LEDGER) if self.scene == "cancel" else self._steps()

    def _recover(self) -> None:
        """Go on as the jobs do, until nothing moves any more; the trouble ends on the way."""
        troubles, ends = self.stage.troubles, self.chance.randint(0, 3)
        dies = self.chance.choice([None, *RECOVERY]) if self.chance.random() < 0.7 else None
        for number in range(MOST_ROUNDS):
            if number == ends:
                self._all_is_well()
            if number == 1:
                troubles.is_released = True
            if number == ends + 5:
                self.is_open = False  # else an order that rests is renewed for ever
            before = self._state()
            if dies is not None and number == self.chance.choice([0, 1]):
                self.second, died = dies.name, dies
                dies = None
                self._killed_in(died, *self._steps())
            else:
                self._round(*self._steps())
            is_calm = self._state() == before and troubles.present == "none"
            if is_calm and number > ends + 2 and not self._is_live():
                return
        raise AssertionError(f"not quiet after {MOST_ROUNDS} rounds: {self._state()}")

    def _all_is_well(self) -> None:
        troubles = self.stage.troubles
        troubles.end()
        deadline = time.monotonic() + 5
        while troubles.under_way and time.monotonic() < deadline:
            time.sleep(0.002)
        assert not troubles.under_way, "a request is still under way"

    def _round(self, *steps: str) -> None:
        """Do a job a while later, in a process that lives on."""
        self._pass_time()
        self._run(*steps)

    def _run(self, *steps: str) -> None:
        self.log += run(Job(self.stage.place, self.stage.clock, steps))

    def _killed_in(self, point: Point, *steps: str) -> bool:
        """Do a job in a process that dies at a point, and tell whether it came so far."""
        self._pass_time()
        troubles = self.stage.troubles
        if point.is_at_exchange:
            troubles.death = Death(point.at, is_carried_out=point.when == "after")
        pid = self.stage.warm.start(Job(self.stage.place, self.stage.clock, steps, point))
        if troubles.death is not None:
            troubles.death.pid = pid
        is_killed = self.stage.warm.end()
        troubles.death = None
        return is_killed

    def _pass_time(self) -> None:
        self.rounds += 1
        self.stage.later(ROUND_SECONDS)
        self.stage.poll([signal(self.stage.now)] if self.is_open else [])

    def _state(self) -> list[dict[str, Any]]:
        return self.stage.rows("SELECT client_order_id, status, fill_count FROM kalshi.orders")

    def _is_live(self) -> bool:
        live = "SELECT 1 FROM kalshi.orders WHERE status IN ('intent', 'unknown', 'resting')"
        return bool(self.stage.rows(live))

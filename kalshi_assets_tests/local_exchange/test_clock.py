import pytest

from kalshi_assets.local_exchange.clock import LEASE_SECONDS, LeasedClock
from kalshi_assets.local_exchange.errors import StateMismatch
from kalshi_assets.local_exchange.exchange import open_exchange
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import private_key, public_pem

KEYS = {"me": public_pem(private_key("me"))}


class Wall:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("speed", [0.5, 1, 600])
def test_the_clock_runs_at_its_speed_and_never_past_what_is_written(speed):
    wall = Wall()
    written: list[int] = []
    clock = LeasedClock(5_000, speed=speed, write_lease=written.append, monotonic=wall)
    for _ in range(200):
        wall.seconds += 0.173
        assert clock.now_ms() <= written[-1]
    assert clock.now_ms() == pytest.approx(5_000 + 200 * 173 * speed, abs=2)
    assert written == sorted(written)


def test_after_a_crash_the_clock_resumes_at_or_after_what_it_showed():
    wall = Wall()
    written: list[int] = []
    clock = LeasedClock(0, speed=10, write_lease=written.append, monotonic=wall)
    wall.seconds += 7.77
    shown = clock.now_ms()
    resumed = LeasedClock(written[-1], speed=1, write_lease=written.append, monotonic=wall)
    assert shown <= resumed.now_ms() <= shown + 10 * LEASE_SECONDS * 1000 + 10


def test_a_clean_stop_writes_the_exact_moment():
    wall = Wall()
    written: list[int] = []
    clock = LeasedClock(0, speed=10, write_lease=written.append, monotonic=wall)
    wall.seconds += 1.5
    clock.stop()
    assert written[-1] == 15_000


def test_checkpoints_keep_the_lease_at_least_half_full():
    wall = Wall()
    written: list[int] = []
    clock = LeasedClock(0, speed=1, write_lease=written.append, monotonic=wall)
    for _ in range(100):
        wall.seconds += 0.1
        clock.checkpoint()
    assert 8 <= len(written) <= 12


def test_a_speed_of_nothing_is_refused():
    with pytest.raises(ValueError, match="speed"):
        LeasedClock(0, speed=0, write_lease=lambda ms: None)


def test_the_first_start_is_at_the_scenarios_moment(tmp_path):
    exchange = open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path)
    started = load_scenario("cpi-week").started_ms
    assert started <= exchange.moment() < started + 5_000
    exchange.close()


def test_the_clock_stands_still_between_stop_and_start(tmp_path):
    exchange = open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path, speed=5_000)
    exchange.moment()
    before = exchange.moment()
    exchange.close()
    again = open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path)
    assert before <= again.moment() <= before + 60_000
    again.close()


def test_a_state_folder_belongs_to_its_scenario(tmp_path):
    store = Store(tmp_path)
    store.stamp("another-week")
    store.close()
    with pytest.raises(StateMismatch, match=r"'another-week'.*'cpi-week'"):
        open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path)


def test_a_state_folder_is_held_by_one(tmp_path):
    exchange = open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path)
    with pytest.raises(StateMismatch, match="in use"):
        open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path)
    exchange.close()
    open_exchange("cpi-week", keys=KEYS, state_dir=tmp_path).close()

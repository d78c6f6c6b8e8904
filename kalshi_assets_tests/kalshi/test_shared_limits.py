"""Processes that share an account's limits: fair, exact, whatever happens to one of them."""

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.kalshi.rate_limit import BASIC, BucketSize, RateLimits, Tier
from kalshi_assets.kalshi.shared_limits import FileBook, shared_limits, user_folder
from kalshi_assets_tests.kalshi.test_rate_limit import COSTED, Time

URL = "https://external-api.kalshi.com/trade-api/v2"
SPAWN = multiprocessing.get_context("spawn")
FAST = Tier(read=BucketSize(1_000, 1_000), write=BucketSize(1_000, 1_000))


def limits(path: Path, time: Time) -> RateLimits:
    return RateLimits(FileBook(path, monotonic=time), sleep=time.sleep)


def waited(tokens: RateLimits, time: Time, cost: float = 10) -> float:
    before = time.now
    tokens.take("read", cost)
    return time.now - before


def rested(path: Path) -> tuple[RateLimits, Time]:
    """Return limits whose buckets are full."""
    time = Time()
    tokens = limits(path, time)
    tokens.take("read", 1)
    time.sleep(10)
    return tokens, time


def test_what_one_spends_the_other_waits_for(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    one, time = rested(path)
    other = limits(path, time)
    assert [waited(one, time) for _ in range(9)] == [0] * 9
    assert waited(other, time) == 0
    assert waited(other, time) == pytest.approx(0.05)
    assert waited(one, time) == pytest.approx(0.05)


def test_a_new_account_is_taken_to_have_just_spent_everything(tmp_path: Path) -> None:
    time = Time()
    assert waited(limits(tmp_path / "limits", time), time) == pytest.approx(0.05)


BROKEN = [
    b"{",
    b"[]",
    b"null",
    b"{}" * 3,
    b"\xff\xfe",
    b'{"counted_at": "soon", "full_at": {}, "tier": {}}',
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_neither_blocks_nor_lets_a_burst_through(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "limits"
    tokens, time = rested(path)
    path.write_bytes(content)
    assert [waited(tokens, time) for _ in range(5)] == pytest.approx([0.05] * 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("read", 1e12), ("read", float("nan")), ("write", float("inf")), ("write", None)],
)
def test_a_moment_that_cannot_be_is_not_waited_for(
    name: str, value: float | None, tmp_path: Path
) -> None:
    path = tmp_path / "limits"
    tokens, time = rested(path)
    state = json.loads(path.read_bytes())
    state["full_at"][name] = value
    path.write_text(json.dumps(state))
    assert waited(tokens, time) == pytest.approx(0.05)


@pytest.mark.parametrize("size", [0, -5, "NaN", "Infinity"])
def test_sizes_that_cannot_be_are_not_believed(size: Any, tmp_path: Path) -> None:
    path = tmp_path / "limits"
    tokens, time = rested(path)
    told = path.read_text().replace('"per_second": 200', f'"per_second": {size}')
    path.write_text(told)
    assert waited(tokens, time) == pytest.approx(0.05)


def test_after_a_restart_of_the_machine_nobody_waits_for_the_old_clock(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    _, time = rested(path)
    time.now -= 300
    again = limits(path, time)
    assert waited(again, time) == pytest.approx(0.05)
    assert again.is_tier_due()


def test_a_tier_is_looked_up_by_one_process_an_hour(tmp_path: Path) -> None:
    path, time = tmp_path / "limits", Time()
    one, other = limits(path, time), limits(path, time)
    assert one.is_tier_due()
    assert not other.is_tier_due()
    time.sleep(61)
    assert other.is_tier_due(), "it was not learnt: again after a minute"
    other.learn(COSTED)
    time.sleep(3_500)
    assert not one.is_tier_due()
    assert one.cost("GET", "/cfbenchmarks/a") == 150
    time.sleep(101)
    assert one.is_tier_due()


def test_who_only_asks_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    tokens, time = rested(path)
    tokens.is_tier_due()
    path.write_bytes(path.read_bytes() + b" ")  # as it is read, and written anew it would be gone
    time.now += 1
    assert (tokens.cost("GET", "/markets"), tokens.is_tier_due()) == (10, False)
    assert path.read_bytes().endswith(b" ")
    tokens.take("read", 10)
    assert not path.read_bytes().endswith(b" "), "what is taken is"


def test_a_refusal_seen_by_one_process_holds_back_the_other(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    one, time = rested(path)
    one.refused("read", 10)
    assert waited(limits(path, time), time) == pytest.approx(0.05)


def test_each_exchange_and_key_has_a_line_of_its_own(tmp_path: Path) -> None:
    for url, key in [(URL, "a"), (URL, "b"), (URL, None), ("http://127.0.0.1:1/x", "a")]:
        shared_limits(url, key, folder=tmp_path).take("read", 0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 4
    assert "external-api.kalshi.com-public.json" in names
    assert [oct(path.stat().st_mode)[-3:] for path in tmp_path.iterdir()] == ["600"] * 4


def test_while_one_looks_the_other_waits(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    other = threading.Thread(target=RateLimits(FileBook(path)).take, args=("read", 10))
    with FileBook(path).opened():
        other.start()
        other.join(0.2)
        assert other.is_alive()
    other.join(10)
    assert not other.is_alive()


def test_state_unused_for_a_day_is_removed_when_a_new_one_begins(tmp_path: Path) -> None:
    old, young = tmp_path / "127.0.0.1_1-public.json", tmp_path / "127.0.0.1_2-public.json"
    for path, hours in ((old, 25), (young, 23)):
        path.touch()
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    shared_limits(URL, folder=tmp_path)
    assert list(tmp_path.iterdir()) == [young]


def take_many(path: str, times: int, results: Any) -> None:
    tokens = RateLimits(FileBook(Path(path)))
    moments = []
    for _ in range(times):
        tokens.take("read", 10)
        moments.append(time.monotonic())
    results.put((os.getpid(), moments))


def test_processes_together_spend_the_rate_and_no_more_and_each_gets_its_share(
    tmp_path: Path,
) -> None:
    path, results = tmp_path / "limits", SPAWN.Queue()
    RateLimits(FileBook(path)).learn(FAST)
    started = [SPAWN.Process(target=take_many, args=(str(path), 60, results)) for _ in range(3)]
    for process in started:
        process.start()
    told = dict(results.get(timeout=30) for _ in started)
    for process in started:
        process.join(10)
    every = sorted(moment for moments in told.values() for moment in moments)
    for at, moment in enumerate(every):
        later = [m for m in every[at:] if m < moment + 0.3]
        assert 10 * len(later) <= FAST.read.burst + 0.3 * 1_000 + 10
    together = (max(moments[0] for moments in told.values()), every[-1])
    if together[1] - together[0] > 0.2:  # they ran beside each other
        spent = 10 * sum(together[0] < m <= together[1] for m in every)
        assert spent >= 0.9 * 1_000 * (together[1] - together[0])


def die_inside(path: str) -> None:
    with FileBook(Path(path)).opened():
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_process_killed_while_it_holds_the_file_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    killed = SPAWN.Process(target=die_inside, args=(str(path),))
    killed.start()
    killed.join(30)
    assert killed.exitcode == -signal.SIGKILL
    RateLimits(FileBook(path)).take("read", 10, within_seconds=1)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_the_users_own(temporary: Path) -> None:
    folder = user_folder()
    assert folder.parent == temporary
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert user_folder() == folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_folder_others_can_write_to_is_refused(temporary: Path) -> None:
    folder = user_folder()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others than you may write to it; remove it"):
        user_folder()
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(ConfigurationError, match=str(folder)):
        user_folder()
    folder.unlink()
    folder.symlink_to(temporary / "elsewhere", target_is_directory=True)
    (temporary / "elsewhere").mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match="it is no folder"):
        user_folder()


def test_a_place_where_nothing_can_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set TMPDIR"):
        shared_limits(URL, folder=tmp_path / "missing").take("read", 10)


def test_the_file_holds_the_account_and_not_the_key(tmp_path: Path) -> None:
    shared_limits(URL, "the-key-id", folder=tmp_path).take("read", 10)
    [path] = tmp_path.iterdir()
    assert "the-key-id" not in path.name + path.read_text()
    assert json.loads(path.read_text())["tier"]["read"]["per_second"] == BASIC.read.per_second

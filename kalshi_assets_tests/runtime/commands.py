"""Running the command line in this process, and an installation to look at."""

import json
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.runtime import cli
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import described
from kalshi_assets_tests.stand import Stand

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
OK, FAILED, SETTINGS = 0, 1, 2
CHILDREN = ("exchange", "daemon", "webserver")


@dataclass
class Shell:
    """Another shell than the one that started what runs."""

    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def run(self, words: str) -> tuple[int, str, str]:
        """Run a command; return exit code, stdout and stderr."""
        self.captured.readouterr()
        self.patch.setattr(sys, "argv", ["kalshi-assets", *shlex.split(words)])
        self.patch.setattr(signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.captured.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def run_json(self, words: str) -> tuple[int, Any]:
        """Run a command with --json; return exit code and the only line of stdout, read."""
        code, out, _ = self.run(f"{words} --json")
        [line] = out.splitlines()
        return code, json.loads(line)


@contextmanager
def installed(stand: Stand, *, children: Sequence[str] = ()) -> Iterator[Children]:
    """Let this process be the owner of an installation on a stand, with children that sleep."""
    home = Home(stand.settings.home)
    with (
        Children(home.run) as started,
        described(stand.settings, home, port=3000, started_at=wall_now()),
    ):
        for name in children:
            started.start(name, SLEEPER, {})
        yield started


def finding(told: Any, name: str) -> dict[str, str]:
    """Return one of doctor's findings."""
    [found] = [f for f in told["findings"] if f["name"] == name]
    return dict(found)


def look(shell: Shell, name: str) -> tuple[int, str, str, str]:
    """Return doctor's exit code, and state, found and remedy of one finding."""
    code, told = shell.run_json("doctor")
    found = finding(told, name)
    assert found["state"] == "ok" or found["remedy"], "what is not ok has a remedy"
    assert told["ok"] == (code == OK)
    return code, found["state"], found["found"], found["remedy"]

"""`status --watch`: one screen, looked at anew every few seconds until Ctrl-C.

On a terminal it is drawn in place, on a page of its own, so that the terminal is as before when it
ends; elsewhere the text of each look follows the last. A look that fails is told and tried again:
whoever watches must see that nothing is known, and that it comes back.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import sleep
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import StorageError
from kalshi_assets.runtime.status import NothingRuns, Status
from kalshi_assets.runtime.watch_screen import SMALLEST_HEIGHT, WIDTH, trouble_screen, watch_screen

Look = Callable[[], Status]


class Display(Protocol):
    """Where screens are shown, and how much fits."""

    @property
    def width(self) -> int:
        """Return its columns."""

    @property
    def height(self) -> int:
        """Return its lines."""

    def show(self, text: str) -> None:
        """Show a screen in place of the one before."""


class Watch:
    """Looks again and again, and shows what it sees.

    Args:
        look: returns the status of now, or raises.
        seconds: between two looks.
        now: wall clock.
    """

    def __init__(
        self, look: Look, *, seconds: float, now: Callable[[], datetime] = wall_now
    ) -> None:
        self._look = look
        self._seconds = seconds
        self._now = now
        self._last: Status | None = None
        self._seen_at = now()

    def once(self, display: Display) -> None:
        """Look, and show it; what keeps it from being known is shown in its place."""
        width, height = display.width, display.height
        try:
            self._last, self._seen_at = self._look(), self._now()
        except (NothingRuns, StorageError) as exc:
            shown = trouble_screen(
                str(exc),
                since=self._seen_at,
                now=self._now(),
                last=self._last,
                seconds=self._seconds,
                width=width,
            )
        else:
            shown = watch_screen(self._last, seconds=self._seconds, width=width, height=height)
        display.show(shown)


def watch(look: Look, *, seconds: float, as_json: bool) -> None:
    """Show the status until this process is interrupted or nobody reads it any more."""
    try:
        if as_json:
            _repeat(lambda: click.echo(json.dumps(_as_dict(look))), seconds)
        watching = Watch(look, seconds=seconds)
        with _display() as display:
            _repeat(lambda: watching.once(display), seconds)
    except BrokenPipeError:  # after `| head`, say; what is flushed at the end has no reader either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _repeat(step: Callable[[], None], seconds: float) -> None:
    while True:
        step()
        sleep(seconds)


def _as_dict(look: Look) -> dict[str, object]:
    try:
        return look().as_dict()
    except (NothingRuns, StorageError) as exc:
        return {"is_open": False, "error": str(exc)}


class _Terminal:
    def __init__(self, console: Console, live: Live) -> None:
        self._console, self._live = console, live

    @property
    def width(self) -> int:
        return self._console.width

    @property
    def height(self) -> int:
        return max(SMALLEST_HEIGHT, self._console.height)

    def show(self, text: str) -> None:
        self._live.update(Text(text, no_wrap=True, overflow="crop"), refresh=True)


class _Pipe:
    """Nothing is cut where nobody knows how wide it is."""

    width, height = 10 * WIDTH, 10 * SMALLEST_HEIGHT

    def show(self, text: str) -> None:
        click.echo(f"{text}\n")


@contextmanager
def _display() -> Iterator[Display]:
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield _Pipe()
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield _Terminal(console, live)

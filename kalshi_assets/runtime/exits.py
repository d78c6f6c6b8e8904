"""How a program of ours ends: which signals end it, and how errors become words and exit codes."""

import signal
import sys
from types import FrameType

from kalshi_assets.errors import ConfigurationError, KalshiAssetsError

ENDING = (signal.SIGINT, signal.SIGTERM)
EXIT_FAILED, EXIT_USAGE = 1, 2


def interrupt_on_signals() -> None:
    """Let the signals that end a program be the interrupt that Ctrl-C is."""
    for number in ENDING:
        signal.signal(number, _as_interrupt)


def exit_code_of(end: KeyboardInterrupt | KalshiAssetsError) -> int:
    """Say on stderr why the program ends, and return its exit code."""
    if isinstance(end, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        return 0
    print(f"kalshi-assets: {end}", file=sys.stderr)
    return EXIT_USAGE if isinstance(end, ConfigurationError) else EXIT_FAILED


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

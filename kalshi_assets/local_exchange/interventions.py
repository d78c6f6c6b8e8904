"""What somebody at the controls has switched on top of the venue's own course.

Set through the control address and by fault files, read where it takes effect. Not part of the
state: a restart begins without any.
"""

from dataclasses import dataclass, field

READ_LAG_MS = 360
"""How long after an acknowledged write the account's reads still show the state before it."""


@dataclass(frozen=True, slots=True)
class LineFaults:
    """What a bad line does to WebSocket messages that carry data, each by chance (0 to 1).

    Attributes:
        drop: a message is lost.
        duplicate: a message comes twice.
        reorder: a message comes after its successor.
        skip: a sequence number is used up by no message.
        rename: a message's first field has another name.
        mistype: a message's first number in a text is a bare number.
        seed: of the chances; the same seed breaks the same messages.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    skip: float = 0.0
    rename: float = 0.0
    mistype: float = 0.0
    seed: int = 0


@dataclass(slots=True)
class Interventions:
    """The switches.

    Attributes:
        is_trading_paused: no orders and no amends anywhere; cancels are taken.
        is_exchange_paused: nothing changes at all; cancels are refused, too.
        paused_markets: tickers that are `inactive`.
        line: what happens to WebSocket messages.
        wall_offset_ms: how far ahead the exchange's wall clock is, in signatures' window and Date.
        read_lag_ms: age of what an account's reads show, in ms of wall time.
    """

    is_trading_paused: bool = False
    is_exchange_paused: bool = False
    paused_markets: set[str] = field(default_factory=set)
    line: LineFaults = LineFaults()
    wall_offset_ms: int = 0
    read_lag_ms: int = READ_LAG_MS

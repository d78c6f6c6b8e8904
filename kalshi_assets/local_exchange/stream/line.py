"""One connection's line, as bad as the interventions say: seeded, so every run breaks the same."""

from random import Random
from typing import Any

from kalshi_assets.local_exchange.interventions import LineFaults

Frame = dict[str, Any]

_SOUND = LineFaults()


class Line:
    """Loses, doubles, holds back and damages messages that carry data.

    Args:
        number: the connection's; connections on one seed break differently.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._faults = _SOUND
        self._random = Random()  # noqa: S311 - chance, no secret; seeded with the faults
        self._held: dict[int, list[Frame]] = {}

    def use(self, faults: LineFaults) -> None:
        """Be as bad as this from now on; chances begin anew only where the faults changed."""
        if faults != self._faults:
            self._faults = faults
            self._random.seed(f"{faults.seed}/{self._number}")

    def skips(self) -> bool:
        """Tell whether the next sequence number is used up by no message."""
        return self._faults.skip > 0 and self._random.random() < self._faults.skip

    def carry(self, frame: Frame) -> list[Frame]:
        """Return what arrives, now, of a subscription's message and of those held back."""
        sid: int = frame["sid"]
        if self._faults == _SOUND:
            return [frame, *self._held.pop(sid, [])]
        drop, duplicate, reorder, rename, mistype = (self._random.random() for _ in range(5))
        if drop < self._faults.drop:
            return []
        if rename < self._faults.rename:
            frame = {**frame, "msg": _renamed(frame["msg"])}
        if mistype < self._faults.mistype:
            frame = {**frame, "msg": _mistyped(frame["msg"])}
        frames = [frame, frame] if duplicate < self._faults.duplicate else [frame]
        if reorder < self._faults.reorder and sid not in self._held:
            self._held[sid] = frames
            return []
        return [*frames, *self._held.pop(sid, [])]

    def forget(self, sid: int) -> None:
        """Let go of what is held back of a subscription that has ended."""
        self._held.pop(sid, None)


def _renamed(body: Frame) -> Frame:
    (first, value), *rest = body.items()
    return {f"{first}_v2": value, **dict(rest)}


def _mistyped(body: Frame) -> Frame:
    """Make the first number that is written as a text a bare one."""
    for name, value in body.items():
        changed = _bare(value)
        if changed != value:
            return {**body, name: changed}
    return body


def _bare(value: object) -> object:
    if isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdecimal():
        return float(value)
    if isinstance(value, list) and value:
        return [_bare(value[0]), *value[1:]]
    return value

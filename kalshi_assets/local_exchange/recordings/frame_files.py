"""Files of recorded WebSocket frames, read line by line, as far as a crash left them readable.

A frame file is gzip, one JSON object a line: `recv_ms`, when it was received, and `event`, the
frame as it came; maybe `use_yes_price`, how it was subscribed to. A process that is killed while
it writes leaves a torn member or a torn line, and its successor may go on behind it: whatever is
whole is used, before the tear and after it.
"""

import logging
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kalshi_assets.local_exchange.errors import RecordingError

_MEMBER = b"\x1f\x8b\x08"
_GZIP = 31
_CHUNK_BYTES = 512  # what a tear may cost: a chunk is decompressed whole or not at all

_LOG = logging.getLogger(__name__)


class Frame(msgspec.Struct, frozen=True):
    """A frame; its message is decoded by who wants its type."""

    type: str
    msg: msgspec.Raw = msgspec.Raw(b"null")
    sid: int | None = None
    seq: int | None = None


class Line(msgspec.Struct, frozen=True):
    """A line; a note between the frames has no event, and what came and was no JSON is a text."""

    recv_ms: int
    event: Frame | str | None = None
    use_yes_price: bool | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no frame: torn, or whole and wrong."""

    reason: str
    is_torn: bool


def frame_files(folder: Path) -> list[Path]:
    """Return the files of a folder: by market and UTC day under `events/`, or by UTC day."""
    return sorted(folder.glob("events/*/*.ndjson.gz")) or sorted(folder.glob("*.ndjson.gz"))


def read_lines(file: Path) -> Iterator[tuple[int, Line | BadLine]]:
    """Read the lines of a file with their numbers; a torn one is logged.

    Raises:
        RecordingError: if the file cannot be read.
    """
    decoder = msgspec.json.Decoder(Line)
    for number, text in enumerate(_texts(file), start=1):
        if not text:
            continue
        if not text.startswith(b"{"):
            yield number, _torn(file, number, text)
            continue
        try:
            yield number, decoder.decode(text)
        except msgspec.ValidationError as exc:
            yield number, BadLine(f"no frame: {exc}", is_torn=False)
        except msgspec.DecodeError:
            yield number, _torn(file, number, text)


def _torn(file: Path, number: int, text: bytes) -> BadLine:
    _LOG.warning("%s line %d is torn and left out: %.60r", file, number, text)
    return BadLine("torn", is_torn=True)


def _texts(file: Path) -> Iterator[bytes]:
    rest = b""
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise RecordingError(f"{file} cannot be read: {exc}") from exc
    for chunk in _decompressed(file, data):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _decompressed(file: Path, data: bytes) -> Iterator[bytes]:
    """Decompress all members; of a torn one what is before the next, which is no part of it."""
    at = 0
    while at >= 0:
        following, whole = _member(data, at)
        if following < 0:
            _LOG.warning("a member of %s is torn, begun at byte %d", file, at)
            following = data.find(_MEMBER, at + 1)
            _, whole = _member(data[: following if following > 0 else len(data)], at)
            whole.append(b"\n")  # its last line ends here
        yield from whole
        at = data.find(_MEMBER, following) if following >= 0 else -1


def _member(data: bytes, at: int) -> tuple[int, list[bytes]]:
    """Return where a member ends, -1 if it is torn, and its content as far as it goes."""
    member, whole = zlib.decompressobj(_GZIP), list[bytes]()
    with suppress(zlib.error):
        while at < len(data) and not member.eof:
            chunk = data[at : at + _CHUNK_BYTES]
            at += len(chunk)
            whole.append(member.decompress(chunk))
    return at - len(member.unused_data) if member.eof else -1, whole

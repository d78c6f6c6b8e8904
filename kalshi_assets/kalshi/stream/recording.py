"""Writes frames down as they come, one JSON line each, in a file for each UTC day.

A line is `{"recv_ms": N, "use_yes_price": true, "event": <frame as received>}`: both sides of a
book are in YES prices. What is written at a time is a gzip member of its own, so that a crash
loses at most what had not been written yet.
"""

import gzip
import zlib
from pathlib import Path
from types import TracebackType

import msgspec

from kalshi_assets.errors import RecordingFailed
from kalshi_assets.kalshi.stream.numbers import instant

FLUSH_BYTES = 256 * 1024
FLUSH_MS = 1_000
GZIP_LEVEL = 6
_CHUNK_BYTES = 1024 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class FrameRecorder:
    """Writes to `<folder>/<UTC day>.ndjson.gz`; hand its `write` to a stream as `on_frame`.

    A file that ends in the middle of a member, as a crash leaves it, is cut back to its last whole
    one before it is added to.

    Args:
        folder: made if it is missing; one recorder at a time.
        flush_bytes: unwritten lines are written past this size,
        flush_ms: and when a frame comes so long after the first of them.
    """

    def __init__(
        self, folder: Path, *, flush_bytes: int = FLUSH_BYTES, flush_ms: int = FLUSH_MS
    ) -> None:
        self._folder = folder
        self._flush_bytes = flush_bytes
        self._flush_ms = flush_ms
        self._lines: list[bytes] = []
        self._size = 0
        self._first_ms = 0
        self._path: Path | None = None

    def write(self, received_ms: int, frame: bytes) -> None:
        """Add a frame.

        Raises:
            RecordingFailed: the folder or disk does not take it.
        """
        path = self._folder / f"{instant(received_ms):%Y-%m-%d}.ndjson.gz"
        if path != self._path:
            self.flush()
            self._begin(path)
        if not self._lines:
            self._first_ms = received_ms
        line = b'{"recv_ms":%d,"use_yes_price":true,"event":%b}\n' % (received_ms, _one_line(frame))
        self._lines.append(line)
        self._size += len(line)
        if self._size >= self._flush_bytes or received_ms - self._first_ms >= self._flush_ms:
            self.flush()

    def flush(self) -> None:
        """Write down what is still unwritten.

        Raises:
            RecordingFailed: the disk does not take it.
        """
        if self._path is None or not self._lines:
            return
        member = gzip.compress(b"".join(self._lines), GZIP_LEVEL)
        try:
            with self._path.open("ab") as file:
                file.write(member)
        except OSError as exc:
            raise _failed(self._path, exc) from exc
        self._lines, self._size = [], 0

    def __enter__(self) -> "FrameRecorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.flush()

    def _begin(self, path: Path) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                cut_back(path)
        except OSError as exc:
            raise _failed(path, exc) from exc
        self._path = path


def cut_back(path: Path) -> None:
    """Cut a file of gzip members back to the end of its last whole one.

    Raises:
        OSError: the file cannot be read or changed.
        RecordingFailed: it holds something else; it is left as it is.
    """
    whole = read = 0
    member = zlib.decompressobj(_GZIP_WINDOW)
    with path.open("r+b") as file:
        while chunk := file.read(_CHUNK_BYTES):
            read += len(chunk)
            while chunk:
                try:
                    member.decompress(chunk)
                except zlib.error as exc:
                    raise RecordingFailed(
                        f"{path} is no recording: byte {whole} begins no gzip member; move it away"
                    ) from exc
                chunk = member.unused_data
                if member.eof:
                    whole = read - len(chunk)
                    member = zlib.decompressobj(_GZIP_WINDOW)
        if whole < read:
            file.truncate(whole)


def _one_line(frame: bytes) -> bytes:
    """Return the frame as JSON on one line; what is no JSON becomes a JSON string of it."""
    try:
        frame.decode()
        msgspec.json.decode(frame, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return msgspec.json.encode(frame.decode("utf-8", "backslashreplace"))
    # Inside a JSON string a line break is escaped; any that is left is a blank.
    return frame.replace(b"\r", b" ").replace(b"\n", b" ")


def _failed(path: Path, exc: OSError) -> RecordingFailed:
    return RecordingFailed(
        f"{path}: frames cannot be written down ({exc.strerror}); free the disk, or choose another "
        "folder"
    )

"""The feed service: one process that writes what the exchange's stream tells."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from time import monotonic, sleep

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution.opening import open_client
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets.kalshi.stream.recording import FrameRecorder
from kalshi_assets.runtime.feed_service import STEP_SECONDS, Service
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import FEED_LOCK, Database

# A feed that was killed leaves its lock for a moment.
LOCK_SECONDS = 10.0


def serve(settings: Settings, *, record: Path | None) -> None:
    """Serve until interrupted.

    Raises:
        ConfigurationError: no database or no key is given, or another feed writes to the database.
        KalshiAssetsError: the feed cannot go on; what it had not written is read at the next start.
    """
    if settings.database_url is None:
        raise ConfigurationError(
            "KALSHI_DATABASE_URL is not set: with KALSHI_FEED=stream, `demo` and `up` start the "
            "feed; beside a bare `dagster dev`, first eval $(kalshi-assets db env)"
        )
    if settings.api_key_id is None or settings.private_key_path is None:
        raise ConfigurationError(
            "the stream needs a key, one that may only read is enough: set KALSHI_API_KEY_ID and "
            "KALSHI_PRIVATE_KEY_PATH"
        )
    logging.basicConfig(format="%(asctime)s %(message)s")
    signer = RequestSigner(settings.api_key_id, settings.private_key_path)
    database = Database(settings.database_url.get_secret_value())
    with (
        only_feed(database),
        open_client(settings, database) as client,
        nullcontext() if record is None else FrameRecorder(record) as recorder,
    ):
        service = Service(settings, database, client)
        clock = service.clock
        stream = KalshiStream(
            settings.stream_url,
            signer,
            wall_ms=lambda: round(clock.now().timestamp() * 1000),
            on_frame=None if recorder is None else recorder.write,
        )
        try:
            asyncio.run(_until_stopped(service, stream))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _until_stopped(service: Service, stream: KalshiStream) -> None:
    """Serve; a signal ends it in order, what is being written included."""
    own, loop = asyncio.current_task(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(number, own.cancel if own else loop.stop)
    await service.run(stream)


@contextmanager
def only_feed(database: Database) -> Iterator[None]:
    """Be the one feed of a database while the block runs.

    Raises:
        ConfigurationError: another one writes to it.
    """
    deadline = monotonic() + LOCK_SECONDS
    while True:
        with database.advisory_lock(FEED_LOCK) as is_ours:
            if is_ours:
                yield
                return
        if monotonic() > deadline:
            raise ConfigurationError(f"another feed writes to {database.name}: stop that one first")
        sleep(STEP_SECONDS)

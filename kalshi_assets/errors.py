"""The one exception tree. Foreign exceptions become one of these where they enter.

KalshiAssetsError
├── ConfigurationError        a setting, key file or scenario is wrong: exit code 2
├── StorageError
│   ├── DatabaseInUse         another live process owns the data folder or the database
│   ├── DatabaseMismatch      server or data of another version, venue or input
│   ├── ArchiveError          an archive is missing, or not what the database says of it
│   ├── DiskFull
│   ├── MigrationError        a half-finished or unknown migration
│   └── DatabaseUnavailable
├── PayloadError              a malformed payload of the exchange: quarantined with its bytes
├── ExchangeError             the exchange, or the way to it, did not do what was asked
│   ├── TransportError        no usable answer arrived
│   │   └── NotSent           the request never left: nothing was done
│   ├── ServerError           5xx, or a success that carries an error
│   ├── UnknownOutcome        an order write that may have been done or not: look it up
│   ├── RateLimited           429
│   ├── BreakerOpen           refused here, after calls that failed in a row: nothing was sent
│   ├── NotAuthorized         401, 403
│   ├── NotFound              404
│   ├── DuplicateOrder        409 order_already_exists: it is there, look it up
│   └── Rejected              any other 4xx: the exchange understood and refused
├── LedgerError
│   ├── HistoryDiffers        the venue tells of the past otherwise than the ledger
│   ├── LedgerNotOpen         the ledger has no opening balance yet, and nothing to compare
│   └── NotReconciled         ledger and venue do not agree, or could not be compared
├── StreamError               the live feed cannot do what was asked
│   ├── StreamClosed          it is read, but not open
│   └── RecordingFailed       its frames cannot be written down
└── ProcessError              a child process did not start, or left-overs could not be ended
"""


class KalshiAssetsError(Exception):
    """Base of everything this project raises on purpose."""


class ConfigurationError(KalshiAssetsError):
    """A setting, key file, scenario or recording is wrong; the message names value and way out."""


class StorageError(KalshiAssetsError):
    """The database could not do what was asked; the data is as it was."""


class DatabaseInUse(StorageError):
    """Another live process owns the data folder or the database."""


class DatabaseMismatch(StorageError):
    """The server or the data is of another version, venue or input than this start asks for."""


class ArchiveError(StorageError):
    """An archive is missing, cannot be written, or is not what the database says of it."""


class DiskFull(StorageError):
    """There is no room left for the database to write."""


class MigrationError(StorageError):
    """The schema is half migrated or of an unknown revision."""


class DatabaseUnavailable(StorageError):
    """The database server does not answer or refuses the connection."""


class PayloadError(KalshiAssetsError):
    """A payload of the exchange misses a field or has one of the wrong type.

    Attributes:
        payload: the payload's bytes, to be quarantined as they are.
    """

    def __init__(self, message: str, *, payload: bytes) -> None:
        super().__init__(message)
        self.payload = payload


class ExchangeError(KalshiAssetsError):
    """The exchange, or the way to it, did not do what was asked.

    Attributes:
        status: the HTTP status, or None where no answer came.
        code: the exchange's own error code, or "" where it gave none.
        message: the exchange's own words, or "".
        details: what it added to them, or "".
    """

    def __init__(
        self,
        text: str,
        *,
        status: int | None = None,
        code: str = "",
        message: str = "",
        details: str = "",
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


class TransportError(ExchangeError):
    """No usable answer arrived.

    Attributes:
        was_sent: False where the request certainly never left: nothing was done.
    """

    was_sent = True


class NotSent(TransportError):
    """The request never left: no connection, no free one, or the proxy refused."""

    was_sent = False


class ServerError(ExchangeError):
    """The exchange answered 5xx, or with a success that carries an error."""


class UnknownOutcome(ExchangeError):
    """A write was sent and may have been done or not: look the order up, never send it again.

    Attributes:
        client_order_id: the id we gave the order, or None where the write did not name it.
        order_id: the exchange's id of the order, or None where it is not known.
    """

    def __init__(
        self,
        text: str,
        *,
        client_order_id: str | None = None,
        order_id: str | None = None,
        cause: ExchangeError | None = None,
    ) -> None:
        super().__init__(text)
        if cause is not None:
            self.status, self.code = cause.status, cause.code
            self.message, self.details = cause.message, cause.details
        self.client_order_id = client_order_id
        self.order_id = order_id


class RateLimited(ExchangeError):
    """The exchange answered 429, or our own line before it is too long: nothing was done."""


class BreakerOpen(ExchangeError):
    """The circuit breaker refuses the call: nothing was sent. Cancels pass it."""


class NotAuthorized(ExchangeError):
    """The exchange answered 401 or 403: key, signature, clock or scope is wrong."""


class NotFound(ExchangeError):
    """The exchange answered 404. For an order this does not tell cancelled from filled."""


class DuplicateOrder(ExchangeError):
    """The client order id exists at the exchange already: the order is there, look it up."""


class Rejected(ExchangeError):
    """The exchange understood the request and refused it."""


class LedgerError(KalshiAssetsError):
    """The ledger cannot say what it should: nothing new is traded until it can."""


class LedgerNotOpen(LedgerError):
    """The ledger has no opening balance yet: there is nothing to compare the venue with."""


class HistoryDiffers(LedgerError):
    """The venue tells a row of the past otherwise than it is kept; the message names both."""


class NotReconciled(LedgerError):
    """Ledger and venue do not agree, or could not be compared; the message says in what."""


class StreamError(KalshiAssetsError):
    """The live feed cannot do what was asked."""


class StreamClosed(StreamError):
    """The live feed is read, but it is not open."""


class RecordingFailed(StreamError):
    """Frames of the live feed cannot be written down, or what was written cannot be read."""


class ProcessError(KalshiAssetsError):
    """A child process did not start, or left-overs could not be ended."""

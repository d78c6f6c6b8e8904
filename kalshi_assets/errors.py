"""The one exception tree. Foreign exceptions become one of these where they enter.

KalshiAssetsError
├── ConfigurationError        a setting, key file or scenario is wrong: exit code 2
├── StorageError
│   ├── DatabaseInUse         another live process owns the data folder or the database
│   ├── DatabaseMismatch      server or data of another version, venue or input
│   ├── DiskFull
│   ├── MigrationError        a half-finished or unknown migration
│   └── DatabaseUnavailable
├── PayloadError              a malformed payload of the exchange: quarantined with its bytes
├── ExchangeError             the exchange, or the way to it, did not do what was asked
│   ├── TransportError        no usable answer: for a write, the outcome is unknown
│   ├── ServerError           5xx: for a write, the outcome is unknown
│   ├── RateLimited           429
│   ├── NotAuthorized         401, 403
│   ├── NotFound              404
│   ├── DuplicateOrder        409 order_already_exists: it is there, look it up
│   └── Rejected              any other 4xx: the exchange understood and refused
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
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class TransportError(ExchangeError):
    """No usable answer arrived; the outcome of a write is unknown."""


class ServerError(ExchangeError):
    """The exchange answered 5xx; the outcome of a write is unknown."""


class RateLimited(ExchangeError):
    """The exchange answered 429: nothing was done, wait before the next call."""


class NotAuthorized(ExchangeError):
    """The exchange answered 401 or 403: key, signature, clock or scope is wrong."""


class NotFound(ExchangeError):
    """The exchange answered 404. For an order this does not tell cancelled from filled."""


class DuplicateOrder(ExchangeError):
    """The client order id exists at the exchange already: the order is there, look it up."""


class Rejected(ExchangeError):
    """The exchange understood the request and refused it."""


class ProcessError(KalshiAssetsError):
    """A child process did not start, or left-overs could not be ended."""

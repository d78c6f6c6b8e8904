"""What a client of the embedded server needs. No connection is opened here."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

SUPERUSER = "kalshi"
HOST = "127.0.0.1"
FIRST_DATABASE = "postgres"


@dataclass(frozen=True, repr=False)
class ServerAddress:
    """The address of a server; `url` carries the password, `repr` does not.

    Attributes:
        url: `postgresql://kalshi:<password>@127.0.0.1:<port>/<database>`.
    """

    url: str

    @classmethod
    def on_port(cls, port: int, password: str) -> "ServerAddress":
        """Build the address of the first database on a port of the loopback interface."""
        return cls(f"postgresql://{SUPERUSER}:{quote(password)}@{HOST}:{port}/{FIRST_DATABASE}")

    def with_database(self, name: str) -> str:
        """Return the URL of another database of the same server."""
        return urlunsplit(urlsplit(self.url)._replace(path="/" + quote(name, safe="")))

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return f"ServerAddress({SUPERUSER}@{parts.hostname}:{parts.port}{parts.path})"

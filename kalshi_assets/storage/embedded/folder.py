"""The data folder of one database: its files, and whose it is.

<data_dir>/                  of the user who starts; 0700 (0711 if the server is another user's)
    kalshi-postgres.json     says that the folder is ours, and where the home is
    kalshi-postgres.lock     held by the owner as long as it lives
    password                 of the superuser
    running.json             the server that runs, or ran last
    server.log, .1           of this start, and of the one before
    server/                  the home, 0700, of the server's user; home.py says when elsewhere
        cluster/             the data itself
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from kalshi_assets.errors import StorageError
from kalshi_assets.storage.embedded.account import Account, require_own
from kalshi_assets.storage.embedded.processes import ProcessMark

_MARKER, _LOCK = "kalshi-postgres.json", "kalshi-postgres.lock"
_PASSWORD, _RUNNING = "password", "running.json"
_LOG, _LOG_BEFORE = "server.log", "server.log.1"
_OURS = {_MARKER, _LOCK, _PASSWORD, _RUNNING, _LOG, _LOG_BEFORE, "server"}
_UNFINISHED = ".new"


@dataclass(frozen=True)
class Running:
    """The server started last, and the process that owns it."""

    owner: ProcessMark
    postmaster: ProcessMark
    port: int
    is_ready: bool

    def is_served(self) -> bool:
        """Tell whether it accepts connections and owner and server are still the same processes."""
        return self.is_ready and self.owner.is_alive() and self.postmaster.is_alive()


class DataFolder:
    """The files of one data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_path = path / _LOCK
        self.log_path = path / _LOG

    def claim(self, account: Account) -> None:
        """Make the folder if it is missing; refuse another user's, and one with something else.

        Raises:
            StorageError: naming the folder, the owner and the way out.
        """
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            if account.is_borrowed and account.closed_parent(self.path) is None:
                self.path.chmod(0o711)
        self.require_ours()

    def require_ours(self) -> None:
        """Refuse another user's folder, and one with something else; nothing is changed.

        Raises:
            StorageError: naming the folder, the owner and the way out.
        """
        if not self.path.is_dir():
            raise StorageError(f"{self.path} is not a folder: choose another for the database")
        for path in (self.path, self.lock_path, self.path / _MARKER, self.path / _PASSWORD):
            if path.exists():
                require_own(path)
        self._refuse_strangers()

    def home(self) -> Path | None:
        """Return the home, or None where this folder has none yet.

        Raises:
            StorageError: the file that says it is damaged.
        """
        marker = self.path / _MARKER
        try:
            return self.path / str(json.loads(marker.read_text())["home"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as exc:
            raise StorageError(
                f"{marker} is damaged and does not say where the data is: bring it back from a "
                f"backup, or move {self.path} away to begin with an empty database"
            ) from exc

    def remember_home(self, home: Path) -> None:
        """Write down where the home is; inside, it moves with the folder."""
        inside = home.is_relative_to(self.path)
        shown = home.relative_to(self.path) if inside else home
        write_whole(self.path / _MARKER, json.dumps({"home": str(shown)}))

    def draw_password(self) -> str:
        """Return a new password, or the one an unfinished first start has drawn."""
        if not (self.path / _PASSWORD).exists():
            write_whole(self.path / _PASSWORD, secrets.token_urlsafe(32))
        return self.password()

    def password(self) -> str:
        """Return the superuser's password.

        Raises:
            StorageError: its file is missing; no other password opens the data.
        """
        try:
            return (self.path / _PASSWORD).read_text().strip()
        except FileNotFoundError as exc:
            raise StorageError(
                f"the password file {self.path / _PASSWORD} is missing: bring it back from a "
                f"backup, or move {self.path} away to begin with an empty database"
            ) from exc

    def running(self) -> Running | None:
        """Return what was written about the last server; None where that is missing or damaged."""
        try:
            fields = json.loads((self.path / _RUNNING).read_text())
            return Running(
                owner=ProcessMark(**fields["owner"]),
                postmaster=ProcessMark(**fields["postmaster"]),
                port=int(fields["port"]),
                is_ready=bool(fields["is_ready"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def remember_running(self, running: Running) -> None:
        """Write down which server runs: for clients, and for the start after a crash."""
        write_whole(self.path / _RUNNING, json.dumps(asdict(running)))

    def rotate_log(self) -> None:
        """Keep the log of the start before, and no older one."""
        if self.log_path.exists():
            self.log_path.replace(self.path / _LOG_BEFORE)

    def _refuse_strangers(self) -> None:
        names = {entry.name.removesuffix(_UNFINISHED) for entry in self.path.iterdir()}
        strangers = sorted(names - _OURS)
        if strangers and not (self.path / _MARKER).exists():
            raise StorageError(
                f"the folder {self.path} holds something else than a database of ours "
                f"({strangers[0]}): choose an empty folder or a new one"
            )


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, for its owner's eyes only."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)

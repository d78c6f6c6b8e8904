"""The home folder (`.kalshi`): what lies where, and one owner at a time."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from kalshi_assets.errors import ConfigurationError, ProcessError
from kalshi_assets.storage.embedded.locking import try_lock

LOCAL_KEY_ID = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Home:
    """Paths below the home folder."""

    path: Path

    @property
    def postgres(self) -> Path:
        """The embedded server's data folder."""
        return self.path / "postgres"

    @property
    def artifacts(self) -> Path:
        """What Dagster writes beside the database: logs of runs."""
        return self.folder("dagster")

    @property
    def run(self) -> Path:
        """The run folder: pids and logs of the processes of the current start."""
        return self.folder("run")

    def exchange_state(self, input_name: str) -> Path:
        """The local exchange's ledger for one input."""
        return self.folder("exchange", input_name)

    def folder(self, *names: str) -> Path:
        """Return a folder below the home, made if it is missing.

        Raises:
            ConfigurationError: it cannot be made.
        """
        folder = self.path.joinpath(*names)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise _unusable(folder, exc) from exc
        return folder

    @contextmanager
    def owned(self) -> Iterator[int]:
        """Hold the home while the block runs; yield the open file that holds it.

        Raises:
            ProcessError: another start owns it.
            ConfigurationError: this user may not write to it.
        """
        try:
            handle = os.open(self.folder() / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise _unusable(self.path, exc) from exc
        try:
            if not try_lock(handle):
                raise ProcessError(
                    f"{self.path.resolve()} is in use by another kalshi-assets process: stop it, "
                    "or set KALSHI_HOME to another folder"
                )
            yield handle
        finally:
            os.close(handle)

    def local_key(self) -> Path:
        """Return the private key for the local exchange, made at first use, readable by us only."""
        path = self.folder("keys") / "local.pem"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(
                ed25519.Ed25519PrivateKey.generate().private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        return path

    def local_public_keys(self) -> Path:
        """Return the file that registers our key with the local exchange."""
        private = serialization.load_pem_private_key(self.local_key().read_bytes(), password=None)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        path = self.folder("keys") / "registered.json"
        path.write_text(json.dumps({LOCAL_KEY_ID: public.decode()}))
        return path


def _unusable(folder: Path, exc: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{folder.resolve()} cannot be used: {exc.strerror}; set KALSHI_HOME to a folder of yours"
    )

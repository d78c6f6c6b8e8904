"""A run launcher that forks each run from a process in which the code is imported already.

Nothing here knows of this project: any Dagster installation on Linux may use it. How it is
configured and what it promises is told in docs/warm-launcher.md.

`launcher.py` is what Dagster calls; `start.py` starts the warm process, `server.py` is it;
`worker.py` what a forked run does; `spare.py` one that is forked ahead; `claims.py` who executes
which run; `queue.py` which ones wait; `protocol.py` how launcher and server speak. Dagster is
imported with the launcher only: who asks the server needs none.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kalshi_assets.runtime.warm_launcher.launcher import WarmRunLauncher as WarmRunLauncher


def __getattr__(name: str) -> Any:
    if name != "WarmRunLauncher":
        raise AttributeError(f"{__name__} has no {name}")
    from kalshi_assets.runtime.warm_launcher.launcher import WarmRunLauncher

    return WarmRunLauncher

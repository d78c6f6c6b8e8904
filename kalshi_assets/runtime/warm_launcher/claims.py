"""Who executes a run: a file a run, made by whoever comes first. So no run is executed twice.

A launcher that got no answer cannot know whether its run was forked. It claims the run before it
starts it otherwise, and a forked run claims itself before it does anything: one of the two finds
the claim taken, and lets it be.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import time

from kalshi_assets.runtime.warm_launcher.processes import ProcessMark

OLDEST_SECONDS = 86_400.0


@dataclass(frozen=True)
class Claims:
    """The claims in a folder that only its owner may enter."""

    folder: Path

    def take(self, run_id: str, mark: ProcessMark | None) -> bool:
        """Claim a run for a process, or without one for a start of another kind; False: taken."""
        try:
            with self._path(run_id).open("x") as file:
                file.write(json.dumps(None if mark is None else asdict(mark)))
        except FileExistsError:
            return False
        return True

    def is_taken(self, run_id: str) -> bool:
        """Tell whether somebody executes the run, or did and died."""
        return self._path(run_id).exists()

    def mark_of(self, run_id: str) -> ProcessMark | None:
        """Return the process that claimed a run; None: nobody, another kind, or not written yet."""
        try:
            told = json.loads(self._path(run_id).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return None if told is None else ProcessMark(**told)

    def drop(self, run_id: str) -> None:
        """Forget a run that has ended."""
        self._path(run_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Forget what ended long ago."""
        for path in self.folder.glob("*.run"):
            with suppress(FileNotFoundError):
                mark = self.mark_of(path.stem)
                is_old = time() - path.stat().st_mtime > OLDEST_SECONDS
                if is_old and (mark is None or not mark.is_alive()):
                    path.unlink()

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.run"

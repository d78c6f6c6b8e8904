"""Runs that wait for their turn: a file each, so that they outlive the warm process."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A run to be executed, and where its instance is."""

    run_id: str
    instance_ref: str


@dataclass(frozen=True)
class Queue:
    """The runs that wait in a folder that only its owner may enter, for one warm process."""

    folder: Path
    name: str

    def add(self, job: Job) -> int:
        """Let a run wait; return how many do."""
        draft = self._path(job.run_id).with_suffix(".draft")
        draft.write_text(json.dumps(asdict(job)))
        draft.rename(self._path(job.run_id))
        return len(self)

    def next(self) -> Job | None:
        """Return the run that has waited longest, which then no longer does, or None."""
        for path in self._paths():
            with suppress(FileNotFoundError):  # it was dropped meanwhile
                told = path.read_text()
                path.unlink()
                return Job(**json.loads(told))
        return None

    def drop(self, run_id: str) -> bool:
        """Let a run wait no longer; tell whether it did."""
        try:
            self._path(run_id).unlink()
        except FileNotFoundError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._paths())

    def _paths(self) -> list[Path]:
        found: list[tuple[int, Path]] = []
        for path in self.folder.glob(f"{self.name}.*.queued"):
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{self.name}.{run_id}.queued"

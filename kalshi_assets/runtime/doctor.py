"""`doctor`: is everything there that this needs, and if not, what is to be done?

It writes nothing, starts nothing and sends no order.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.findings import (
    Finding,
    disk_finding,
    free_bytes,
    processes_finding,
    settings_finding,
    skipped,
)
from kalshi_assets.runtime.findings_alerts import alerts_finding
from kalshi_assets.runtime.findings_database import database_found
from kalshi_assets.runtime.findings_exchange import exchange_findings
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import Installation, running_installation
from kalshi_assets.settings import Settings, home_folder, load_settings

EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2
MARKS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED"}


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order in which they build on each other."""

    findings: Sequence[Finding]

    @property
    def is_ok(self) -> bool:
        """Tell whether nothing failed; warnings may be there."""
        return all(finding.state != "failed" for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """Return 0, 1 where something failed, 2 where the settings did."""
        if any(f.name == "settings" and f.state == "failed" for f in self.findings):
            return EXIT_SETTINGS
        return EXIT_OK if self.is_ok else EXIT_FAILED

    def as_dict(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {"ok": self.is_ok, "findings": [asdict(finding) for finding in self.findings]}

    def as_text(self) -> str:
        """Return a line a finding, and below one that is not ok its remedy."""
        lines = []
        for finding in self.findings:
            lines.append(f"{MARKS[finding.state]:<8} {finding.name:<10} {finding.found}")
            if finding.remedy:
                lines.append(f"{'':<19} -> {finding.remedy}")
        return "\n".join(lines)


def examine(*, free: Callable[[Path], int] = free_bytes) -> Diagnosis:
    """Look at everything; where something runs, at the very database and exchange it works with."""
    error, given, chosen = None, None, None
    home = Home(home_folder())
    running = running_installation(home)
    try:
        chosen = None if running is None else running.settings
        given = load_settings()
    except ConfigurationError as exc:
        error = exc
    heartbeat_at, outside = _outside(home, running, given=given, chosen=chosen or given)
    return Diagnosis(
        [
            settings_finding(error, running),
            *outside,
            disk_finding(home, free=free),
            processes_finding(home, running, heartbeat_at=heartbeat_at),
            alerts_finding(home, running, given=given),
        ]
    )


def _outside(
    home: Home, running: Installation | None, *, given: Settings | None, chosen: Settings | None
) -> tuple[datetime | None, list[Finding]]:
    """Return the daemon's heartbeat, and the findings on key, exchange, clock and database."""
    if chosen is None:
        return None, [skipped(name) for name in ("key", "exchange", "clock", "database")]
    database = database_found(home, running, given=given, chosen=chosen)
    return database.heartbeat_at, [*exchange_findings(chosen), database.finding]

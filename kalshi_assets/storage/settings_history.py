"""Which settings and which code were in force, and since when. Rows are only added."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.schema import settings_history as table


def note_settings(
    connection: Connection, settings: Mapping[str, str], *, code: str, at: datetime
) -> str:
    """Write settings and code version down where they are not those of the newest row.

    Args:
        connection: where.
        settings: by name, without secrets.
        code: the version of the code.
        at: the venue's moment.

    Returns:
        Their id: the same settings and code have the same one.
    """
    text = json.dumps([dict(settings), code], sort_keys=True)
    identity = hashlib.sha256(text.encode()).hexdigest()[:16]
    newest = select(table.c.settings_id).order_by(table.c.row_id.desc()).limit(1)
    if connection.scalar(newest) != identity:
        connection.execute(
            insert(table).values(
                settings_id=identity,
                recorded_at=wall_now(),
                settings=dict(settings),
                code_version=code,
                venue_at=at,
            )
        )
    return identity

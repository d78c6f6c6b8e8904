"""Alembic's environment: runs against the connection that `storage.migrate` hands over."""

from collections.abc import MutableMapping
from typing import Any

from alembic import context

from kalshi_assets.storage.schema import SCHEMA, metadata


def _is_ours(name: str | None, kind: str, parents: MutableMapping[Any, str | None]) -> bool:
    if kind == "schema":
        return name == SCHEMA
    if kind == "table":  # day partitions are made by the writers, not by migrations
        return f"{SCHEMA}.{name}" in metadata.tables
    return True


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=_is_ours,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

"""What all tables share: the schema's name and metadata, and how a column is declared."""

from typing import Any

from sqlalchemy import Column, DateTime, MetaData
from sqlalchemy.types import TypeEngine

SCHEMA = "kalshi"
metadata = MetaData(schema=SCHEMA)
INSTANT = DateTime(timezone=True)


def required(name: str, kind: TypeEngine[Any], *, primary_key: bool = False) -> Column[Any]:
    """Return a column that is never NULL."""
    return Column(name, kind, nullable=False, primary_key=primary_key)


def optional(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    """Return a column that may be NULL: not known, or not applicable."""
    return Column(name, kind, nullable=True)

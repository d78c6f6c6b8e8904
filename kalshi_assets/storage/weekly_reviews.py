"""The weekly reviews as they were made last: one row a week, made anew as often as wanted."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from kalshi_assets.storage.schema import weekly_reviews as table


@dataclass(frozen=True)
class StoredReview:
    """A row of `weekly_reviews`.

    Attributes:
        first_day: the week's Sunday.
        known_until: the week's end, or up to when it was known: then it is provisional.
        answer: what it says, in one sentence.
        review: all of it, as its JSON says it.
        content_hash: of the JSON: the same for the same review.
    """

    first_day: date
    known_until: datetime
    is_provisional: bool
    answer: str
    review: Mapping[str, Any]
    content_hash: str

    @classmethod
    def of(cls, text: str, *, first_day: date, known_until: datetime) -> "StoredReview":
        """Return the row of a review that was written down as canonical JSON."""
        document = json.loads(text)
        content_hash = hashlib.sha256(text.encode()).hexdigest()
        is_provisional, answer = document["is_provisional"], document["answer"]
        return cls(first_day, known_until, is_provisional, answer, document, content_hash)


def save_review(connection: Connection, review: StoredReview) -> bool:
    """Keep a review in place of what was kept of its week, and tell whether that was another."""
    statement = insert(table).values(vars(review))
    news = {name: statement.excluded[name] for name in vars(review) if name != "first_day"}
    renewed = statement.on_conflict_do_update(
        index_elements=[table.c.first_day],
        set_=news,
        where=table.c.content_hash != statement.excluded.content_hash,
    )
    return connection.scalar(renewed.returning(table.c.first_day)) is not None


def newest(connection: Connection) -> StoredReview | None:
    """Return the review of the latest week that has one, or None."""
    row = connection.execute(select(table).order_by(table.c.first_day.desc()).limit(1)).first()
    return None if row is None else StoredReview(**row._mapping)

"""Query parameters and page cursors, refused and understood as the exchange does."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.datastructures import QueryParams

from kalshi_assets.local_exchange.errors import Refusal

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_MAX_DIGITS = 11  # seconds up to the year 5138; what is beyond no date arithmetic holds

T = TypeVar("T")


class Query:
    """The query of one call.

    Args:
        operation: the operation's name, as error messages give it.
        values: the query parameters.
    """

    def __init__(self, operation: str, values: QueryParams) -> None:
        self._operation = operation
        self._values = values

    def text(self, name: str) -> str:
        """Return a parameter, empty if absent."""
        return self._values.get(name, "")

    def names(self, name: str) -> list[str]:
        """Return a comma-separated list, empty if absent."""
        return [part for part in self.text(name).split(",") if part]

    def repeated(self, name: str) -> list[str]:
        """Return the values of a parameter that may be given several times."""
        return [value for value in self._values.getlist(name) if value]

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of the choices, empty if absent."""
        value = self.text(name)
        if value and value not in choices:
            raise self.invalid(name, "oneof")
        return value

    def flag(self, name: str) -> bool | None:
        """Return a boolean, None if absent."""
        value = self.choice(name, ("true", "false", "1", "0"))
        return None if not value else value in ("true", "1")

    def number(self, name: str) -> int | None:
        """Return an integer, None if absent."""
        value = self.text(name)
        if not value:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
            raise self.invalid(name, "int64")
        return int(value)

    def required_number(self, name: str) -> int:
        """Return an integer that must be there."""
        value = self.number(name)
        if value is None:
            raise self.invalid(name, "required")
        return value

    def limit(self, *, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> int:
        """Return the page size."""
        value = self.number("limit")
        if value is None or value == 0:
            return default
        if value < 0:
            raise self.invalid("limit", "gte")
        if value > most:
            raise self.invalid("limit", "lte")
        return value

    def cursor(self) -> str:
        """Return what the cursor stands for; an unreadable one stands for the first page."""
        raw = self.text("cursor")
        try:
            padded = raw + "=" * (-len(raw) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return ""
        return text.removeprefix("at:") if text.startswith("at:") else ""

    def cursor_number(self) -> int:
        """Return the number a cursor stands for, 0 for the first page."""
        text = self.cursor()
        return int(text) if text.isdigit() and len(text) <= 18 else 0

    def invalid(self, name: str, rule: str) -> Refusal:
        """Build the refusal of a parameter."""
        field = "".join(part.capitalize() for part in name.split("_"))
        params = f"{self._operation}Params.{field}"
        return Refusal.bare(
            f"Parameter validation failed for {self._operation}: Key: '{params}' "
            f"Error:Field validation for '{field}' failed on the '{rule}' tag"
        )


def cursor_of(place: str | int) -> str:
    """Make a cursor that stands for a place."""
    return base64.urlsafe_b64encode(f"at:{place}".encode()).decode().rstrip("=")


def page_of(items: Sequence[T], query: Query) -> tuple[Sequence[T], str]:
    """Cut a page out of a list, by position; the cursor is empty on the last page."""
    start, limit = query.cursor_number(), query.limit()
    stop = start + limit
    return items[start:stop], cursor_of(stop) if stop < len(items) else ""


def page_after(items: Sequence[T], key: Callable[[T], str], query: Query) -> tuple[list[T], str]:
    """Cut a page out of a list that is sorted by a key; the cursor is empty on the last page.

    Cursors name the last key shown, so that none is skipped or repeated when others come into the
    list, or leave it, between two pages.
    """
    after, limit = query.cursor(), query.limit()
    left = [item for item in items if key(item) > after]
    page = left[:limit]
    return page, cursor_of(key(page[-1])) if len(left) > limit else ""


def page_where(
    items: Sequence[T], is_wanted: Callable[[T], bool], *, after: int, limit: int
) -> tuple[list[T], str]:
    """Cut a page out of the wanted items; the cursor is empty on the last page.

    Cursors count all items, so that none is skipped or repeated when others become wanted, or
    cease to be, between two pages.

    Args:
        items: all items, in an order that never changes.
        is_wanted: tells which to show.
        after: where the page begins: the number its cursor stands for.
        limit: the page size.
    """
    page: list[T] = []
    for place in range(after, len(items)):
        if is_wanted(items[place]):
            if len(page) == limit:
                return page, cursor_of(place)
            page.append(items[place])
    return page, ""

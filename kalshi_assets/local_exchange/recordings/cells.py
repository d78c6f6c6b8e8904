"""CSV files as tables whose cells are read strictly: a bad cell is named with its place."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.units import ONE_DOLLAR, to_ms

_PRICE_PLACES = 4
_COUNT_PLACES = 2
_MOST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    file: Path
    line: int
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell as it stands."""
        return self.values[column]

    def dollars(self, column: str) -> int:
        """Return an amount from 0 to 1 dollar, in $0.0001."""
        number = _scaled(self.values[column], _PRICE_PLACES)
        if number is None or number > ONE_DOLLAR:
            raise self.bad(column, "is no amount from 0 to 1 dollar with up to 4 decimals")
        return number

    def price(self, column: str) -> int:
        """Return a price at which something can trade, in $0.0001."""
        number = self.dollars(column)
        if number in (0, ONE_DOLLAR):
            raise self.bad(column, "is no price: contracts trade above 0 and below 1 dollar")
        return number

    def mean(self, column: str) -> int:
        """Return a mean price rounded to $0.0001: it need not lie on any grid."""
        number = _number(self.values[column])
        if number is None or number > 1:
            raise self.bad(column, "is no mean price from 0 to 1 dollar")
        return int((number * ONE_DOLLAR).quantize(Decimal(1), ROUND_HALF_EVEN))

    def count(self, column: str) -> int:
        """Return a number of contracts, in 0.01 contract."""
        number = _scaled(self.values[column], _COUNT_PLACES)
        if number is None:
            raise self.bad(column, "is no count of contracts with up to 2 decimals")
        return number

    def moment(self, column: str) -> int:
        """Return an ISO time with its offset, in milliseconds since the epoch."""
        moment = parse_moment(self.values[column])
        if moment is None:
            raise self.bad(column, "is no ISO time with an offset, such as 2026-01-31T17:00:00Z")
        return moment

    def epoch_seconds(self, column: str) -> int:
        """Return a time given in seconds since the epoch, in milliseconds."""
        text = self.values[column]
        if not (text.isascii() and text.isdigit() and len(text) <= 11):
            raise self.bad(column, "is no time in whole seconds since the epoch")
        return int(text) * 1000

    def bad(self, column: str, rule: str) -> RecordingError:
        """Build the error that names a cell and the rule it breaks."""
        value = self.values[column]
        return RecordingError(f"{self.file} line {self.line}, column {column}: {value!r} {rule}")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file.

    Attributes:
        comments: the leading lines that begin with `#`.
        header: the column names, in the file's order.
    """

    file: Path
    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, columns: Iterable[str]) -> None:
        """Refuse a table that lacks one of these columns."""
        missing = [column for column in columns if column not in self.header]
        if missing:
            raise RecordingError(
                f"{self.file} lacks the columns {', '.join(missing)}: record them, or correct the"
                " header; a missing column is never guessed"
            )


def read_table(file: Path) -> Table:
    """Read a CSV file with a header.

    Raises:
        RecordingError: if it cannot be read, has no header, or a line has other cells than it.
    """
    try:
        lines = list(io.StringIO(file.read_text("utf-8-sig"), newline=""))
        comments = _leading_comments(lines)
        reader = csv.reader(lines[len(comments) :])
        header = tuple(next(reader, ()))
        if not header or len(set(header)) < len(header):
            raise RecordingError(f"{file} needs a header line that names every column once")
        numbered = ((len(comments) + reader.line_num, cells) for cells in reader)
        rows = tuple(_rows(file, header, numbered))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise RecordingError(f"{file} cannot be read as CSV in UTF-8: {exc}") from exc
    if not rows:
        raise RecordingError(f"{file} has a header and no line below it: record something first")
    return Table(file, comments, header, rows)


def parse_moment(text: str) -> int | None:
    """Return an ISO time in milliseconds since the epoch, None for anything without an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else to_ms(moment)


def _leading_comments(lines: list[str]) -> tuple[str, ...]:
    comments = []
    for line in lines:
        if not line.startswith("#"):
            break
        comments.append(line.strip())
    return tuple(comments)


def _rows(
    file: Path, header: tuple[str, ...], lines: Iterable[tuple[int, list[str]]]
) -> Iterator[Row]:
    for line, cells in lines:
        if cells and len(cells) != len(header):
            raise RecordingError(
                f"{file} line {line} has {len(cells)} cells where the header names {len(header)}"
            )
        if cells:
            yield Row(file, line, dict(zip(header, cells, strict=True)))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _MOST else None


@lru_cache(maxsize=65_536)
def _scaled(text: str, places: int) -> int | None:
    """Return a number in units of 10**-places, None if it is none or finer than that."""
    number = _number(text)
    if number is None:
        return None
    scaled = number.scaleb(places)
    whole = int(scaled)
    return whole if whole == scaled else None

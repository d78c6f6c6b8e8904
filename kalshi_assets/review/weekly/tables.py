"""What every form of a review says below its reasons: sections of sentences and tables of text.

Figures are spelled here, once: Markdown and the page differ in marks only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kalshi_assets.review.statistics import Figure

T = TypeVar("T")
Row = Sequence[str]


@dataclass(frozen=True)
class Table:
    """Cells of plain text. The first column is names, the others are figures.

    Attributes:
        head: empty where the columns need no names.
    """

    head: Row
    rows: Sequence[Row]
    total: Row | None = None


@dataclass(frozen=True)
class Section:
    """A title, and the sentences and tables under it."""

    title: str
    bodies: tuple[Table | str, ...]


def section(title: str, *bodies: Table | str) -> tuple[Section, ...]:
    """Return a section alone, as one of those that may tell nothing."""
    return (Section(title, bodies),)


def told(figure: Figure[T], spell: Callable[[T], str]) -> str:
    """Return a figure's value spelled, or why there is none."""
    return figure.why_not or "" if figure.value is None else spell(figure.value)

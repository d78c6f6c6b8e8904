"""Tables of GitHub Markdown. Names come from outside: what would be markup is escaped."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from kalshi_assets.review.statistics import Figure

T = TypeVar("T")
Row = Sequence[str]


def table(head: Row, rows: Sequence[Row], *, total: Row | None = None) -> str:
    """Return a table: the first column is names, the others stand to the right; the total bold."""
    align = [":---", *("---:" for _ in head[1:])]
    lines = [[cell(text) for text in row] for row in (head, align, *rows)]
    if total is not None:
        lines.append([f"**{cell(text)}**" if text else "" for text in total])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(title: str, *bodies: str) -> str:
    """Return a section; empty bodies are left out."""
    return "\n\n".join([f"## {title}", *(body for body in bodies if body)])


def told(figure: Figure[T], spell: Callable[[T], str]) -> str:
    """Return a figure's value spelled, or why there is none."""
    return figure.why_not or "" if figure.value is None else spell(figure.value)


def cell(text: str) -> str:
    """Return text that stays in its cell and is no markup."""
    for mark in ("\\", "|", "<", "`", "[", "*", "_"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())

"""A review as GitHub Markdown, to be read in two minutes: the answer, the reasons, the tables.

Names come from outside: what would be markup is escaped.
"""

from collections.abc import Sequence

from kalshi_assets.review.weekly.review import WeeklyReview
from kalshi_assets.review.weekly.tables import Row, Section, Table
from kalshi_assets.review.weekly.tables_trades import foot_of, sections_of


def to_markdown(review: WeeklyReview, *, pictures: Sequence[str] = ()) -> str:
    """Return the review as GitHub Markdown; `pictures` is Markdown that stands after the reasons.

    The foot is the last paragraph.
    """
    parts = [
        f"# {title_of(review)}",
        f"**{cell(review.answer)}**",
        "\n".join(f"- {cell(reason)}" for reason in review.reasons),
        *pictures,
        *(_section(section) for section in sections_of(review)),
        f"*{foot_of(review.figures)}*",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def title_of(review: WeeklyReview) -> str:
    """Return which week it is."""
    return f"Week of {review.figures.week.first_day}"


def table(made: Table) -> str:
    """Return a table: the first column is names, the others stand to the right; the total bold."""
    width = len(made.head or made.rows[0])
    align = [":---", *["---:"] * (width - 1)]
    lines = [[cell(text) for text in row] for row in (made.head or [""] * width, align, *made.rows)]
    if made.total is not None:
        lines.append([f"**{cell(text)}**" if text else "" for text in made.total])
    return "\n".join(_line(line) for line in lines)


def cell(text: str) -> str:
    """Return text that stays in its cell and is no markup."""
    for mark in ("\\", "|", "<", "`", "[", "]", "*", "_"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _section(section: Section) -> str:
    bodies = [each if isinstance(each, str) else table(each) for each in section.bodies]
    return "\n\n".join([f"## {section.title}", *bodies])


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"

"""The weekly review's figures and their text forms. Pure: plain records in, one review out.

Reading order: `domain.week_inputs` (what a week is made of), `review` (all figures of it), then the
rooms they come from: `trades`, `traded`, `account`, `refusals`, `hands`, `health`, `thresholds`;
`words` says them in sentences, `tables` in tables; `as_json` and `as_markdown` write them down.
"""

from kalshi_assets.domain.week import Week
from kalshi_assets.domain.week_inputs import (
    Calls,
    CheckCount,
    EntryOrder,
    EquityPoint,
    Played,
    PlayedWeek,
    RefusedDecision,
    SettingChange,
    Stretch,
    Transfer,
    WeekInputs,
    outcome_of,
)
from kalshi_assets.review.weekly.as_json import to_json
from kalshi_assets.review.weekly.as_markdown import to_markdown
from kalshi_assets.review.weekly.review import WeekFigures, WeeklyReview, figures_of
from kalshi_assets.review.weekly.words import answer_of, reasons_of


def weekly_review(inputs: WeekInputs) -> WeeklyReview:
    """Return the review of a week; the order of what it is made of does not matter.

    Raises:
        ValueError: the journal knows of what came after the week, or the week has not begun.
    """
    figures = figures_of(inputs)
    return WeeklyReview(answer_of(figures), reasons_of(figures), figures)


__all__ = [
    "Calls",
    "CheckCount",
    "EntryOrder",
    "EquityPoint",
    "Played",
    "PlayedWeek",
    "RefusedDecision",
    "SettingChange",
    "Stretch",
    "Transfer",
    "Week",
    "WeekFigures",
    "WeekInputs",
    "WeeklyReview",
    "outcome_of",
    "to_json",
    "to_markdown",
    "weekly_review",
]

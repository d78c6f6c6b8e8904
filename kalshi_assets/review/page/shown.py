"""Which pictures a review shows, how each is read, and what is said where there is none."""

from dataclasses import dataclass

from kalshi_assets.review.drawing import as_markdown
from kalshi_assets.review.pictures import Picture, WeekPictures
from kalshi_assets.review.weekly import WeeklyReview, to_markdown
from kalshi_assets.review.weekly.as_markdown import cell


@dataclass(frozen=True)
class Shown:
    """A picture with its title; where there is none, `why_not` is said instead.

    Attributes:
        reading: how it is read, in a sentence or two.
    """

    title: str
    reading: str
    picture: Picture | None
    why_not: str


def shown_of(review: WeeklyReview, pictures: WeekPictures) -> tuple[Shown, ...]:
    """Return the four pictures in the order in which they are looked at."""
    return (
        Shown(
            "Equity and drawdown",
            "Above, what the account was worth; the dashed line is where it began. Below, how far "
            "it stood under its highest value so far. Grey: trading was halted.",
            pictures.equity,
            f"There is no course to draw: {_no_course(review)}.",
        ),
        Shown(
            "Price against average",
            "Each market traded, most at stake first: the price of YES, the average that the rule "
            "compares it with, and what was bought and closed. A line has a gap where no price is "
            "known.",
            pictures.courses,
            "No market that was traded in the week has a stored price.",
        ),
        Shown(
            "Deviation and result",
            "Each closed trade: to the right, the further the price stood from its average when "
            "it was decided; above the line, what was won. Where a larger deviation pays more, the "
            "dots rise to the right.",
            pictures.deviations,
            "No trade that a decision led to was closed in the week.",
        ),
        Shown(
            "Refusals by gate",
            "Each signal once, at the gate that alone refused it. A bar to the right of zero is "
            "money that the gate kept from being made, one to the left a loss that it prevented.",
            pictures.refusals,
            "The gates refused nothing.",
        ),
    )


def to_markdown_with(review: WeeklyReview, pictures: WeekPictures) -> str:
    """Return the review as Markdown with its pictures in it, after the reasons."""
    return to_markdown(review, pictures=[_as_markdown(each) for each in shown_of(review, pictures)])


def _as_markdown(shown: Shown) -> str:
    if shown.picture is None:
        return f"## {shown.title}\n\n{cell(shown.why_not)}"
    image = as_markdown(shown.picture.png, cell(shown.picture.alt))
    return f"## {shown.title}\n\n{image}\n\n{shown.reading}"


def _no_course(review: WeeklyReview) -> str:
    account = review.figures.account
    return account.closing.why_not or account.drawdown.why_not or "nothing is known of it"

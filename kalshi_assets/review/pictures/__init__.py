"""The pictures of the weekly review. Pure: a week in, PNGs and the words that stand for them out.

Each picture is drawn twice, for a screen and for a phone, from the same points.
"""

from collections.abc import Mapping

import pandas as pd

from kalshi_assets.review.pictures.courses import courses_picture
from kalshi_assets.review.pictures.deviations import deviations_picture
from kalshi_assets.review.pictures.equity import equity_picture
from kalshi_assets.review.pictures.picture import Picture, WeekPictures
from kalshi_assets.review.pictures.refusals import refusals_picture
from kalshi_assets.review.weekly import WeekInputs, WeeklyReview


def draw_week(
    inputs: WeekInputs, review: WeeklyReview, courses: Mapping[str, pd.DataFrame]
) -> WeekPictures:
    """Return the pictures of a week.

    Args:
        inputs: what the review was made of.
        review: of these inputs.
        courses: by market ticker: `at` (UTC), `mid` and `mean` (micros of YES, not a number where
            none is known), in order of time; each value holds until the next row.
    """
    return WeekPictures(
        equity=equity_picture(inputs, review),
        courses=courses_picture(inputs, review, courses),
        deviations=deviations_picture(inputs),
        refusals=refusals_picture(review),
    )


__all__ = ["Picture", "WeekPictures", "draw_week"]

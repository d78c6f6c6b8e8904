"""The plot of price against average: what is drawn, what is left out, and how big it is."""

import base64
from datetime import datetime, timedelta
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from kalshi_assets.review.drawing import as_markdown
from kalshi_assets.review.plots import (
    MOST_PANELS,
    furthest_from_average,
    plot_averages,
)

END = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
HOUR = timedelta(hours=1)
WINDOW = (END - timedelta(days=7), END)
CENT = 10_000


def course(
    market: str = "KXCPI-26OCT-T0.3", *, mid: int = 54 * CENT, mean: int | None = 48 * CENT
) -> pd.DataFrame:
    """Return a week of hourly prices without a gap."""
    rng = np.random.default_rng(len(market))
    at = [WINDOW[0] + n * HOUR for n in range(168)]
    return pd.DataFrame(
        {
            "market_ticker": market,
            "stretch": 0,
            "observed_at": at,
            "held_until": [moment + HOUR for moment in at],
            "mid": mid + rng.integers(-2, 3, len(at)) * CENT // 2,
            "mean": mean,
        }
    )


def with_gap(rows: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    """Take some hours out, as an outage does."""
    rows = rows.assign(stretch=np.where(rows.index > last, 1, 0))
    return rows.drop(index=range(first, last + 1))


def drawn(rows: pd.DataFrame, *tickers: str, points: float = 12) -> bytes:
    png = plot_averages(
        rows, tickers or ["KXCPI-26OCT-T0.3"], window=WINDOW, deviation_points=points
    )
    assert png is not None
    return png


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def price_columns(png: bytes) -> NDArray[np.bool_]:
    """Tell for each column of pixels below the legend whether the price is drawn in it."""
    red, _, blue = np.moveaxis(pixels(png)[60:].astype(int), 2, 0)
    found: NDArray[np.bool_] = (blue - red > 60).any(axis=0)  # nothing else is blue
    return found


def test_other_data_gives_another_picture_and_the_same_data_the_same() -> None:
    assert drawn(course()) == drawn(course())
    assert drawn(course()) != drawn(course(mid=60 * CENT))
    assert drawn(course()) != drawn(course(mean=50 * CENT))
    assert drawn(course()) != drawn(course(), points=6)


def test_a_gap_stays_empty_and_the_rest_is_drawn() -> None:
    whole = price_columns(drawn(course()))
    gap = price_columns(drawn(with_gap(course(), 60, 120)))
    first, last = np.flatnonzero(whole)[[0, -1]]
    hours = np.linspace(first, last, 168)
    inside = slice(round(hours[62]), round(hours[119]))
    assert whole[inside].all()
    assert not gap[inside].any()
    for part in (slice(0, round(hours[58])), slice(round(hours[123]), None)):
        # A pixel at the edge may be mixed with another colour.
        assert abs(int(gap[part].sum()) - int(whole[part].sum())) <= 2


def test_a_price_is_drawn_only_for_as_long_as_it_held() -> None:
    ended = course()
    ended = ended[ended["observed_at"] < END - 48 * HOUR]
    columns = np.flatnonzero(price_columns(drawn(ended)))
    assert columns[-1] < np.flatnonzero(price_columns(drawn(course())))[-1] - 100


@pytest.mark.parametrize("count", [1, 2, 5, MOST_PANELS])
def test_any_number_of_markets_fits_the_width_and_the_size(count: int) -> None:
    tickers = [f"KXPAYROLLS-26SEP-T{n}5000" for n in range(count)]
    png = drawn(pd.concat([course(t) for t in tickers], ignore_index=True), *tickers)
    height, width, _ = pixels(png).shape
    assert width == 700
    assert 200 < height < 700
    assert len(png) < 25_000


def test_without_averages_the_price_is_drawn_alone() -> None:
    assert price_columns(drawn(course(mean=None))).any()


def test_without_data_there_is_no_plot() -> None:
    nothing = course().iloc[:0]
    assert plot_averages(nothing, ["A"], window=WINDOW, deviation_points=12) is None
    assert plot_averages(course(), [], window=WINDOW, deviation_points=12) is None
    assert plot_averages(course(), ["another"], window=WINDOW, deviation_points=12) is None


def test_markets_are_ranked_by_their_distance_and_unknown_ones_left_out() -> None:
    latest = pd.DataFrame(
        {
            "market_ticker": list("ABCDEFGH"),
            "mid": [50, 40, None, 70, 50, 51, 52, 53],
            "mean": [50, 55, 50, 50, None, 50, 50, 50],
        }
    )
    assert furthest_from_average(latest, 3) == ["D", "B", "H"]
    assert furthest_from_average(latest) == ["D", "B", "H", "G", "F", "A"]
    assert furthest_from_average(latest.iloc[:0]) == []


def test_an_image_in_markdown_carries_its_own_data() -> None:
    text = as_markdown(b"\x89PNG", "words")
    assert text.startswith("![words](data:image/png;base64,")
    assert base64.b64decode(text.split("base64,")[1][:-1]) == b"\x89PNG"

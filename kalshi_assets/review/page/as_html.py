"""A review as one HTML file that needs nothing else: no script, no address, no font.

What it may load is said in its own policy: pictures that it carries, and the style it carries.
"""

import base64
import hashlib
import re
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from kalshi_assets.review.drawing import as_uri
from kalshi_assets.review.page.shown import shown_of
from kalshi_assets.review.pictures import WeekPictures
from kalshi_assets.review.weekly import WeeklyReview
from kalshi_assets.review.weekly.as_markdown import title_of
from kalshi_assets.review.weekly.tables import Table
from kalshi_assets.review.weekly.tables_trades import foot_of, sections_of


def to_html(review: WeeklyReview, pictures: WeekPictures) -> str:
    """Return the review as a page: the answer, the reasons, the pictures, the tables."""
    style = _text("week.css")
    return _template().render(
        title=title_of(review),
        review=review,
        style=style,
        policy=_policy(style),
        shown=shown_of(review, pictures),
        sections=sections_of(review),
        foot=foot_of(review.figures),
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"uri": as_uri, "unbroken": unbroken}
    environment.tests["table"] = lambda body: isinstance(body, Table)
    return environment.from_string(_text("week.html.jinja"))


def unbroken(text: str) -> str:
    """Return text in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=%|(h|min|s)\b)", "\N{NO-BREAK SPACE}", text)


def _policy(style: str) -> str:
    """Return what the page may load: the style with this hash, and pictures with their own data."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sources = f"img-src data:; style-src 'sha256-{digest}'"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")

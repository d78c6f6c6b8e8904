"""The page: one file that needs nothing else, true to the review, for every eye and screen."""

import base64
import hashlib
import re
from dataclasses import astuple
from datetime import date, timedelta
from io import BytesIO

import pytest
from PIL import Image

from kalshi_assets.review.page import to_html, to_markdown_with
from kalshi_assets.review.page.as_html import unbroken
from kalshi_assets.review.pictures import Picture, WeekPictures, draw_week
from kalshi_assets.review.weekly import (
    EquityPoint,
    Stretch,
    Week,
    WeekInputs,
    to_markdown,
    weekly_review,
)
from kalshi_assets_tests.review.journal_bench import AccountBench
from kalshi_assets_tests.review.page.documents import Element, read
from kalshi_assets_tests.review.pictures.weeks import course, empty, losses, made, rich
from kalshi_assets_tests.review.weekly.week_bench import (
    CPI,
    DAY,
    HOUR,
    MONDAY,
    WEEK,
    eventful,
    refused,
    trip,
    week_of,
)


def scalar() -> WeekInputs:
    """Return a week with a market that settled at 37.5 cents."""
    account = AccountBench(now=MONDAY)
    account.bot("yes", "0.40", "100", fee="1.68")
    account.settle("scalar", yes="100", revenue="37.50")
    return week_of(trips=account.journal().trips)


def of_a_changed_clock(sunday: date) -> WeekInputs:
    """Return a week of 167 or 169 hours, halted from its begin to its end but for a moment."""
    week = Week(sunday)
    halt = Stretch(week.begin, week.end - timedelta(seconds=1), "breaker")
    equity = [EquityPoint(week.begin + n * HOUR, 1_000_000_000 + n, 0) for n in range(160)]
    return WeekInputs(week=week, as_of=week.end, halts=[halt], equity=equity)


WEEKS = {
    "halted": made(week_of(halts=[Stretch(WEEK.begin - DAY, None, "breaker")]), {}),
    "scalar": made(scalar(), {}),
    "of 167 hours": made(of_a_changed_clock(date(2026, 3, 8)), {}),
    "of 169 hours": made(of_a_changed_clock(date(2026, 11, 1)), {}),
    "rich": rich(),
    "empty": empty(),
    "losses": losses(),
    "eventful": made(eventful(), {}),
    "one trade": made(week_of(trips=[trip()]), {CPI: course(CPI)}),
    "provisional": made(week_of(trips=[trip()], as_of=MONDAY + DAY), {}),
}
DRAWN = {name: week.pictures for name, week in WEEKS.items()}
HOSTILE = "KX</td><script>alert(1)</script>\"' onload=x & ![](http://evil.example/x.png)"
ADDRESSES = ("src", "href", "srcset", "action", "data", "poster", "background", "cite")


def page(name: str) -> str:
    return to_html(WEEKS[name].review, DRAWN[name])


def document(name: str) -> Element:
    return read(page(name))


@pytest.fixture(params=WEEKS)
def week(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_it_is_well_formed(week: str) -> None:
    text = page(week)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    (root,) = [each for each in read(text).children if isinstance(each, Element)]
    assert [each.name for each in root.children if isinstance(each, Element)] == ["head", "body"]
    assert len(root.all("h1")) == len(root.all("main")) == len(root.all("title")) == 1


def test_it_loads_nothing_from_anywhere(week: str) -> None:
    root = document(week)
    for element in root.walk():
        for name in ADDRESSES:
            address = element.attributes.get(name, "data:")
            assert address.startswith(("data:", "#")), (element.name, address[:80])
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "style" not in element.attributes, "the policy would refuse it"
    assert not root.all("script", "iframe", "base", "object")
    assert not root.having("hidden"), "what it says is seen"
    (style,) = root.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_its_policy_allows_its_own_style_and_pictures_and_nothing_else(week: str) -> None:
    text = page(week)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    found = document(week).having("http-equiv")
    assert [meta.attributes["content"] for meta in found] == [
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    ]
    assert text.index("http-equiv") < text.index("<style>"), "a policy holds from where it stands"


def test_every_figure_of_the_markdown_is_in_the_page(week: str) -> None:
    markdown = to_markdown(WEEKS[week].review).replace("\\", "")
    text = document(week).all("body")[0].text
    lines = [line for line in markdown.splitlines() if line and not set(line) <= set("|:- ")]
    for line in lines:
        for cell in re.split(r" \| ", line.strip("|# -*").strip()):
            said = " ".join(cell.strip("* |").split())
            assert said in text, said


def test_the_tables_have_the_cells_of_the_markdown_and_no_others(week: str) -> None:
    markdown = to_markdown(WEEKS[week].review).replace("\\", "").replace("**", "")
    rows = [line.strip("|").split(" | ") for line in markdown.splitlines() if line[:1] == "|"]
    cells = [[" ".join(cell.split()) for cell in row] for row in rows if ":---" not in row[0]]
    shown = [
        [cell.text for cell in row.children if isinstance(cell, Element)]
        for row in document(week).all("tr")
    ]
    assert shown == [row for row in cells if any(row)]


def test_the_answer_comes_first_then_the_reasons_pictures_and_tables(week: str) -> None:
    review, root = WEEKS[week].review, document(week)
    text = root.all("main")[0].text
    first_picture, first_table = root.all("h2")[0].text, root.all("h2")[4].text
    said = [review.answer, *review.reasons]
    assert text.startswith(review.answer)
    places = [text.index(each) for each in said]
    places += [text.rindex(first_picture), text.rindex(f"{first_table} ")]
    assert (first_picture, first_table) == ("Equity and drawdown", "Trades")
    assert places == sorted(places)


def test_a_hostile_name_is_text() -> None:
    trips = [trip(market_ticker=HOSTILE, strategy=HOSTILE)]
    inputs = week_of(trips=trips, refused=[refused("R", HOSTILE)], categories={HOSTILE: HOSTILE})
    review = weekly_review(inputs)
    pictures = draw_week(inputs, review, {HOSTILE: course(CPI)})
    root = read(to_html(review, pictures))
    assert not root.all("script")
    assert not root.having("onload")
    assert HOSTILE in root.text
    (picture,) = [i for i in root.all("img") if i.attributes["alt"].startswith("Price of YES")]
    assert HOSTILE in picture.attributes["alt"]
    text = to_markdown_with(review, pictures)
    assert "](http://evil" in text.replace("\\", "")
    assert not re.search(r"(?<!\\)\]\(http", text), "a name is no link"
    assert not re.search(r"(?<!\\)<", text), "nor an element"


def test_tables_say_which_cells_are_names(week: str) -> None:
    tables = document(week).all("table")
    assert tables
    for table in tables:
        for head in table.all("thead"):
            assert {each.attributes.get("scope") for each in head.all("th")} == {"col"}
        for row in [
            row for body in table.all("tbody") + table.all("tfoot") for row in body.all("tr")
        ]:
            (name,) = row.all("th")
            assert name.attributes["scope"] == "row"
            assert row.children[0] is name
        assert not [each for each in table.all("th") if not each.text], "a name is not empty"


def test_every_label_and_every_link_has_its_target_once(week: str) -> None:
    root = document(week)
    ids = [each.attributes["id"] for each in root.having("id")]
    assert len(ids) == len(set(ids))
    wanted = {each.attributes["href"][1:] for each in root.all("a")}
    wanted |= {
        e.attributes["aria-labelledby"] for e in root.walk() if "aria-labelledby" in e.attributes
    }
    assert wanted == set(ids)


def test_pictures_stand_with_words_and_in_two_widths() -> None:
    root = document("rich")
    pictures = astuple(DRAWN["rich"])
    assert len(root.all("img")) == len(root.all("source")) == 4
    for image, source, (png, alt, narrow) in zip(
        root.all("img"), root.all("source"), pictures, strict=True
    ):
        assert image.attributes["alt"] == alt
        assert carried(image.attributes["src"]) == png
        assert carried(source.attributes["srcset"]) == narrow
        Image.open(BytesIO(carried(image.attributes["src"]))).verify()


def carried(address: str) -> bytes:
    """Return the data of an address that carries it."""
    head, data = address.split(",")
    assert head == "data:image/png;base64"
    assert not set(data) & set(" ,"), "a srcset would end there"
    return base64.b64decode(data, validate=True)


def test_a_picture_without_a_narrow_one_is_shown_as_it_is() -> None:
    pictures = WeekPictures(
        equity=Picture(b"png", "words"), courses=None, deviations=None, refusals=None
    )
    root = read(to_html(empty().review, pictures))
    assert len(root.all("img")) == 1
    assert not root.all("source")


def test_an_empty_week_says_in_words_why_there_is_no_picture() -> None:
    root = document("empty")
    assert not root.all("img")
    text = root.text
    for reason in (
        "There is no course to draw: the account's value is not known in the week.",
        "No market that was traded in the week has a stored price.",
        "No trade that a decision led to was closed in the week.",
        "The gates refused nothing.",
    ):
        assert reason in text
        assert reason in to_markdown_with(empty().review, DRAWN["empty"]).replace("\\", "")


def test_one_known_value_of_the_account_is_no_course_and_says_so() -> None:
    inputs = week_of(equity=eventful().equity[1:2])
    review = weekly_review(inputs)
    text = read(to_html(review, draw_week(inputs, review, {}))).text
    assert "There is no course to draw: the equity is known at fewer than two moments." in text


def test_a_week_that_is_not_over_says_so_at_once() -> None:
    header = document("provisional").all("header")[0]
    assert "Provisional: the week is not over." in header.text
    assert "Provisional" not in document("rich").text


def test_the_markdown_with_pictures_is_the_markdown_and_pictures(week: str) -> None:
    plain = to_markdown(WEEKS[week].review)
    text = to_markdown_with(WEEKS[week].review, DRAWN[week])
    images = re.findall(r"!\[(.*?)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", text)
    assert [base64.b64decode(data) for _, data in images] == [
        picture[0] for picture in astuple(DRAWN[week]) if picture
    ]
    head, tail = plain.split("\n\n## Trades")
    assert text.startswith(head)
    assert text.endswith(f"\n\n## Trades{tail}")


def test_a_number_stays_with_its_unit() -> None:
    space = "\N{NO-BREAK SPACE}"
    assert unbroken("95 %: 1 h 00 min, 3 s") == f"95{space}%: 1{space}h 00{space}min, 3{space}s"
    assert unbroken("3 signals, 4 minutes") == "3 signals, 4 minutes"


def test_the_same_review_is_the_same_page() -> None:
    assert page("eventful") == page("eventful")


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of the style sheet: of light, dark and print."""
    css = document("empty").all("style")[0].text
    light, dark, printed = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css)
    )
    return {"light": light, "dark": dark, "print": light | printed}


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("ink", "paper"),
        ("ink", "band"),
        ("quiet", "paper"),
        ("quiet", "band"),
        ("link", "paper"),
        ("note", "note-band"),
    ],
)
def test_text_stands_out_from_what_is_behind_it(scheme: str, text: str, behind: str) -> None:
    colours = schemes()[scheme]
    low, high = sorted((luminance(colours[text]), luminance(colours[behind])))
    assert (high + 0.05) / (low + 0.05) >= 4.5

"""The trade journal and the weekly review, as Dagster assets."""

from decimal import Decimal

import dagster as dg

from kalshi_assets.defs.metadata import Metadata
from kalshi_assets.defs.partitions import asset_of_weeks, weeks_of
from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.review.shown import journal_metadata, review_metadata
from kalshi_assets.domain.week import Week
from kalshi_assets.execution.desk import exit_rules_of
from kalshi_assets.review.files import write_files
from kalshi_assets.review.page import to_html, to_markdown_with
from kalshi_assets.review.pictures import draw_week
from kalshi_assets.review.reading import journal_at, read_review
from kalshi_assets.review.replaying import Rulebook
from kalshi_assets.review.weekly import to_json, to_markdown
from kalshi_assets.review.weekly import weekly_review as review_of
from kalshi_assets.settings import Settings
from kalshi_assets.storage.alert_causes import alert_on_review
from kalshi_assets.storage.journal import save_week
from kalshi_assets.storage.weekly_reviews import StoredReview, save_review

# The days of a week that is not over do not all exist.
ITS_DAYS = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


@asset_of_weeks(deps=["orders", "fills", "positions", "settlements"])
def trade_journal(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A round trip: what one signal, or one order by hand, bought, and how that ended.

    A week is of New York, Sunday to Saturday, named by its Sunday. It holds the trips that were
    closed in it, with all they made, and those still open at its end. What a hand changed of what
    the bot was doing stands beside it, in `overrides`.

    **Refreshed** every Sunday, for the week that has ended. Materialised again it is made anew from
    the ledger, with what was settled late.

    **When it is red or late:** materialise the week again. It only reads the ledger.
    """
    for week in weeks_of(context):
        with platform.database.transaction() as connection:
            journal = journal_at(connection, week.known_until(platform.clock.now()))
            changed = save_week(connection, journal, week=week.first_day, since=week.begin)
        told = journal_metadata(journal, week, rows_changed=changed)
        context.add_asset_metadata(told, partition_key=week.first_day.isoformat())
    return dg.MaterializeResult()


@asset_of_weeks(
    deps=[
        trade_journal,
        "decisions",
        "portfolio",
        dg.AssetDep("rolling_averages", partition_mapping=ITS_DAYS),
    ]
)
def weekly_review(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A week's review: what it made, where that came from, and how much of it may be chance.

    docs/review.md defines every figure. The page to be read, its Markdown and its JSON lie in
    `reviews` of the home folder, under the week's Sunday.

    **Refreshed** every Sunday, for the week that has ended. A week that is not over gets a
    provisional review, which says so: materialise it again when it is.

    **When it is red or late:** materialise the week again. It only reads, and no order rests on it.
    """
    for week in weeks_of(context):
        told = _review(week, platform)
        context.add_asset_metadata(told, partition_key=week.first_day.isoformat())
    return dg.MaterializeResult()


def _review(week: Week, platform: Platform) -> Metadata:
    """Review a week, keep the review and write its files; return what the UI shows."""
    settings, now = platform.settings, platform.clock.now()
    with platform.database.transaction() as connection:
        read = read_review(connection, week, clock=platform.clock, rules=_rules_of(settings))
        review = review_of(read.inputs)
        text = to_json(review)
        kept = StoredReview.of(text, first_day=week.first_day, known_until=read.inputs.known_until)
        save_review(connection, kept)
        if Week.of(now).shifted(-1) == week:
            alert_on_review(
                connection, week.first_day, answer=review.answer, reasons=review.reasons, at=now
            )
    pictures = draw_week(read.inputs, review, read.courses)
    forms = {"html": to_html(review, pictures), "md": to_markdown(review), "json": text}
    files = write_files(settings.review_folder, week.first_day.isoformat(), forms)
    markdown = to_markdown_with(review, pictures)
    return review_metadata(review, kept, markdown=markdown, files=files)


def _rules_of(settings: Settings) -> Rulebook:
    return Rulebook(
        window_days=settings.window_days,
        points=Decimal(str(settings.deviation_points)),
        exits=exit_rules_of(settings),
        max_trade_pct=settings.max_trade_pct,
    )

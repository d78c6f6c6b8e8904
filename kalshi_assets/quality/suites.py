"""The checks, as data. A name is a sentence that must be true; the asset is what it speaks of.

A check passes for the feed while at most a share of its markets is bad (`max_bad_share`); a single
bad market is named in the verdict and refused by itself. What only warns is in `advice`.
"""

from typing import get_args

from kalshi_assets.domain.market import MarketStatus
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.quality.advice import advisory_checks
from kalshi_assets.quality.rules import Check, QualityLimits, Rule
from kalshi_assets.settings import Settings

# A quote dated further ahead of our clock says that one of the clocks is wrong: its age is unknown.
CLOCK_TOLERANCE_SECONDS = 60.0
STATUSES = get_args(MarketStatus)


def checks(limits: QualityLimits) -> tuple[Check, ...]:
    """Return every check with its thresholds filled in."""
    return (
        *_of_markets(),
        *_of_raw_ticks(),
        *_of_the_newest_poll(limits),
        *_of_clean_ticks(),
        *_of_averages(limits),
        *advisory_checks(limits),
    )


def gating_checks(limits: QualityLimits) -> tuple[str, ...]:
    """Return the names of the checks an order needs."""
    return tuple(check.name for check in checks(limits) if check.is_gating)


def quality_limits_of(settings: Settings) -> QualityLimits:
    """Return the thresholds of the data checks."""
    return QualityLimits(
        max_quote_age_seconds=settings.max_quote_age_seconds,
        max_bad_share=settings.max_bad_market_share,
        min_coverage=settings.min_coverage,
        max_leg_sum_difference=settings.max_leg_sum_difference,
        max_bar_difference_points=settings.max_bar_difference_points,
        max_bar_volume_difference=settings.max_bar_volume_difference,
    )


def _of_markets() -> tuple[Check, ...]:
    """Return the checks of the universe."""
    return (
        Check(
            "markets_are_known",
            "markets",
            "At least one market is tracked, each with terms, a price grid and fee terms. "
            "Without them no price or size can be worked out.",
            (Rule("has_grid", one_of=(True,)), Rule("has_fee_terms", one_of=(True,))),
            bad="without terms",
        ),
    )


def _of_raw_ticks() -> tuple[Check, ...]:
    """Return the checks that hold of any raw tick, old or new."""
    return (
        Check(
            "ticks_match_schema",
            "raw_ticks",
            "Every tick has all its fields, of the right type, and a status the exchange "
            "documents. A payload that does not is quarantined, and its market is incomplete.",
            (
                Rule("has_all_fields", one_of=(True,)),
                Rule("status", one_of=STATUSES),
            ),
            bad="malformed",
        ),
        Check(
            "prices_are_in_range",
            "raw_ticks",
            "Bids and asks lie between 0 and 1 dollar (shown in millionths of a dollar).",
            (
                Rule("yes_bid", at_least=0.0, at_most=float(MICROS_PER_DOLLAR)),
                Rule("yes_ask", at_least=0.0, at_most=float(MICROS_PER_DOLLAR)),
            ),
            bad="out of range",
        ),
        Check(
            "prices_are_on_the_grid",
            "raw_ticks",
            "Bids and asks are prices the market accepts: multiples of its tick size.",
            (Rule("is_on_grid", one_of=(True,)),),
            bad="off the grid",
        ),
        Check(
            "bids_do_not_exceed_asks",
            "raw_ticks",
            "No book is crossed: nobody bids more than somebody else asks.",
            (Rule("spread", at_least=0.0),),
            bad="crossed",
        ),
        Check(
            "prices_are_not_zero_coded",
            "raw_ticks",
            "No market is offered for nothing: an ask of zero is a missing price written as 0.",
            (Rule("yes_ask", at_least=1.0),),
            is_of_market=True,
            bad="zero-coded",
        ),
    )


def _of_the_newest_poll(limits: QualityLimits) -> tuple[Check, ...]:
    """Return the checks of raw ticks about this moment."""
    return (
        Check(
            "ticks_are_fresh",
            "raw_ticks",
            "Quotes are recent by the exchange's own time of change, not by when they arrived.",
            (
                Rule(
                    "quote_age_seconds",
                    at_least=-CLOCK_TOLERANCE_SECONDS,
                    at_most=float(limits.max_quote_age_seconds),
                ),
            ),
            is_live=True,
            bad="stale",
        ),
        Check(
            "ticks_are_complete",
            "raw_ticks",
            "Every tracked market answered the latest poll with a readable quote.",
            (Rule("is_present", one_of=(True,)),),
            is_live=True,
            bad="missing",
        ),
        Check(
            "ticks_are_unique",
            "raw_ticks",
            "No market came twice in the answer to one poll: which of two quotes holds is unknown.",
            (Rule("is_unique", one_of=(True,)),),
            is_live=True,
            bad="duplicated",
        ),
        Check(
            "feed_is_not_frozen",
            "raw_ticks",
            "Quotes move while volume, trades or update times move. A book that stands still "
            "while its market trades is a broken feed, not a calm market.",
            (Rule("is_frozen", one_of=(False,), beside="unchanged_seconds"),),
            is_live=True,
            bad="frozen",
        ),
    )


def _of_clean_ticks() -> tuple[Check, ...]:
    """Return the checks of what averages and orders rest on."""
    return (
        Check(
            "usable_ticks_are_plausible",
            "clean_ticks",
            "A usable tick's mid lies strictly between 0 and 1 dollar, and its day's covered time "
            "does not exceed the day.",
            (Rule("is_plausible", one_of=(True,), beside="mid"),),
            bad="implausible",
        ),
        Check(
            "newest_ticks_are_usable",
            "clean_ticks",
            "The newest tick of a market has no fault: both sides are quoted, it came in order, "
            "it did not jump without a trade, it is of the same contract as those before.",
            (Rule("is_usable", one_of=(True,), beside="fault_names"),),
            is_live=True,
            is_of_market=True,
            bad="without a usable price",
        ),
    )


def _of_averages(limits: QualityLimits) -> tuple[Check, ...]:
    """Return the checks of the averages."""
    return (
        Check(
            "averages_are_covered",
            "rolling_averages",
            "The 7-day average rests on enough of its window; until a new installation has "
            "collected or loaded that much, it is warming up.",
            (Rule("coverage", at_least=limits.min_coverage),),
            is_live=True,
            bad="warming up",
        ),
    )

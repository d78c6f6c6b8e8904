"""The checks that warn and gate nothing: a person should look, an order need not wait.

Two of them compare with what lies outside our tables: the exchange's own candlesticks, and the rule
that the legs of an event which exclude each other are worth about one dollar together.
"""

from kalshi_assets.quality.rules import Check, QualityLimits, Rule

# The schedule makes a day final a quarter of an hour after it has ended.
HOURS_TO_FINAL = 1.0
# A signal keeps its deviation as whole micros.
ROUNDING_MICROS = 1.0


def advisory_checks(limits: QualityLimits) -> tuple[Check, ...]:
    """Return the checks that only warn."""
    return (
        *_of_gaps(limits),
        *_of_legs(limits),
        *_of_summaries(),
        *_of_bars(limits),
        *_of_signals(),
    )


def _of_gaps(limits: QualityLimits) -> tuple[Check, ...]:
    return (
        Check(
            "feed_has_no_long_gaps",
            "raw_ticks",
            "In the past hour the stream told something sure of every tracked market, but for "
            "spans that are shorter than a price may hold. Missed quotes are backfilled.",
            (
                Rule(
                    "longest_gap_seconds",
                    at_most=float(limits.max_quote_age_seconds),
                    beside="gaps",
                ),
            ),
            bad="with a gap",
            is_live=True,
            is_gating=False,
        ),
    )


def _of_legs(limits: QualityLimits) -> tuple[Check, ...]:
    return (
        Check(
            "legs_sum_to_one",
            "clean_ticks",
            "Where the markets of an event exclude each other, usable prices of those tracked sum "
            "to about one dollar, or to less where a leg has none. Else a leg is quoted wrongly, "
            "or there is an outcome that we do not know of.",
            (Rule("off_by_usd", at_most=limits.max_leg_sum_difference, beside="legs"),),
            bad="off",
            of="events",
            is_live=True,
            is_gating=False,
        ),
    )


def _of_summaries() -> tuple[Check, ...]:
    return (
        Check(
            "daily_bars_are_in_order",
            "daily_summaries",
            "Open and close lie between low and high, of prices and of trades; a bar has all four "
            "of them, or none.",
            (Rule("is_in_order", one_of=(True,), beside="bar"),),
            bad="out of order",
            is_gating=False,
        ),
        Check(
            "covered_time_fits_the_day",
            "daily_summaries",
            "Coverage is a share, and no more time is covered than the day has.",
            (
                Rule("coverage", at_least=0.0, at_most=1.0),
                Rule("covered_share_of_day", at_least=0.0, at_most=1.0),
            ),
            bad="with impossible coverage",
            is_gating=False,
        ),
        Check(
            "past_days_are_final",
            "daily_summaries",
            "No day of the past four weeks is provisional for longer than an hour after its end. "
            "Late ticks make it so again: materialise that day's summaries.",
            (Rule("hours_overdue", at_most=HOURS_TO_FINAL, beside="day"),),
            bad="with a provisional past day",
            is_gating=False,
        ),
        Check(
            "no_day_is_missing",
            "daily_summaries",
            "A tracked market has a summary of every day between its first and its newest one. A "
            "missing day is filled by a backfill from raw_ticks on.",
            (Rule("days_missing", at_most=0.0, beside="days"),),
            bad="with days missing",
            is_gating=False,
        ),
    )


def _of_bars(limits: QualityLimits) -> tuple[Check, ...]:
    return (
        Check(
            "summaries_match_the_exchange",
            "daily_summaries",
            "Our final daily bars lie within the prices of the exchange's own hourly candlesticks "
            "of that New York day, close where its last hours do, and have its volume.",
            (
                Rule(
                    "price_difference_points",
                    at_most=limits.max_bar_difference_points,
                    beside="bars",
                ),
                Rule("volume_difference", at_most=limits.max_bar_volume_difference, beside="bars"),
            ),
            bad="unlike the exchange's",
            is_gating=False,
            is_asking=True,
        ),
    )


def _of_signals() -> tuple[Check, ...]:
    return (
        Check(
            "signals_buy_against_the_deviation",
            "signals",
            "A signal buys NO above the average and YES below, and its deviation is price less "
            "average.",
            (
                Rule("fits_its_side", one_of=(True,), beside="signal"),
                Rule("deviation_error", at_most=ROUNDING_MICROS, beside="signal"),
            ),
            bad="with a signal on the wrong side",
            is_gating=False,
        ),
        Check(
            "signals_rest_on_an_average",
            "signals",
            "The average a signal names is there, with that content and a coverage. Of one that "
            "was judged and is over, the ledger keeps what it saw.",
            (
                Rule("has_coverage", one_of=(True,), beside="signal"),
                Rule("rests_on_an_average", one_of=(True,), beside="signal"),
            ),
            bad="with a signal that rests on nothing",
            is_gating=False,
        ),
        Check(
            "one_signal_is_open_a_market",
            "signals",
            "A strategy has at most one open episode in a market.",
            (Rule("open_episodes", at_most=1.0, beside="signal"),),
            bad="with more than one open signal",
            is_gating=False,
        ),
    )

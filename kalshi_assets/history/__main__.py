"""`python -m kalshi_assets.history`: the weeks, in an environment that names exchange, database."""

import argparse
import json
import logging
import os
import sys
import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from kalshi_assets.domain.calendar import days_between
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.history.plan import DAYS_A_WEEK, Day, days_of
from kalshi_assets.history.steering import Steering
from kalshi_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from kalshi_assets.history.course import Course

EXIT_FAILED = 1


def main() -> int:
    """Play the weeks; print what came of them as one line of JSON."""
    parser = argparse.ArgumentParser(prog="kalshi_assets.history", description=__doc__)
    parser.add_argument("--first", type=date.fromisoformat, required=True)
    parser.add_argument("--weeks", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    # What goes wrong on the way is part of the plan, and stands in the database.
    logging.getLogger("kalshi_assets").addHandler(logging.NullHandler())
    try:
        print(json.dumps(_played(load_settings(), asked.first, asked.weeks, asked.seed)))
    except KalshiAssetsError as exc:
        print(f"history: {exc}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED  # it goes on from here when it is started again
    return 0


def _played(settings: Settings, first: date, weeks: int, seed: int) -> dict[str, object]:
    started, steering = wall_now(), Steering(settings.api_base_url)
    days, after = days_of(first, weeks, seed), Day(first, weeks * DAYS_A_WEEK, seed)
    course = _course(settings, steering, until=after.morning)
    steering.set_faults([])
    for day in days:
        if course.live(day) and day.weekday == DAYS_A_WEEK - 1:
            print(f"Week {day.week + 1} of {weeks}: {_seconds(started)} s", file=sys.stderr)
    course.end(after)
    from kalshi_assets.history.balance import balance_of
    from kalshi_assets.history.claims import claim

    with course.pipeline.desk() as desk:
        found = balance_of(desk)
    claim(list(days_between(first - timedelta(days=settings.history_days), days[-1].day)))
    steering.run_on()
    return {
        **found.as_dict(),
        "first_day": str(first),
        "last_day": str(days[-1].day),
        "seconds": _seconds(started),
    }


def _course(settings: Settings, steering: Steering, *, until: datetime) -> "Course":
    """Return the course of a history that ends at a moment."""
    # What defines days looks at the clock when it is imported: the last day has to be one of them.
    os.environ["KALSHI_VENUE_CLOCK"] = str(VenueClock(until, wall_now()))
    from kalshi_assets.history.course import Course
    from kalshi_assets.history.person import Person
    from kalshi_assets.history.pipeline import Pipeline

    person = Person(steering, settings.api_key_id or "")
    return Course(steering, Pipeline(settings), person, time.sleep)


def _seconds(started: datetime) -> int:
    return round((wall_now() - started).total_seconds())


if __name__ == "__main__":
    sys.exit(main())

"""`python -m kalshi_assets.history`: the weeks, in an environment that names exchange, database."""

import argparse
import json
import logging
import os
import sys
import time
from datetime import date, timedelta

from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.history.plan import DAYS_A_WEEK, Day, days_of
from kalshi_assets.history.steering import Steering
from kalshi_assets.settings import Settings, load_settings

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
    return 0


def _played(settings: Settings, first: date, weeks: int, seed: int) -> dict[str, object]:
    # What defines days looks at the clock when it is imported: the last day has to be one of them.
    started, steering = wall_now(), Steering(settings.api_base_url)
    days = days_of(first, weeks, seed)
    end = VenueClock(Day(first, len(days), seed).morning, started)
    os.environ["KALSHI_VENUE_CLOCK"] = str(end)
    from kalshi_assets.history.balance import balance_of
    from kalshi_assets.history.claims import claim
    from kalshi_assets.history.course import Course
    from kalshi_assets.history.person import Person
    from kalshi_assets.history.pipeline import Pipeline

    pipeline = Pipeline(settings)
    person = Person(steering, settings.api_key_id or "")
    course = Course(steering, pipeline, person, time.sleep)
    steering.set_faults([])
    for day in days:
        course.live(day)
        if day.weekday == DAYS_A_WEEK - 1:
            seconds = (wall_now() - started).total_seconds()
            print(f"Week {day.week + 1} of {weeks} is over: {seconds:.0f} s", file=sys.stderr)
    course.end(Day(first, len(days), seed))
    with pipeline.desk() as desk:
        found = balance_of(desk)
    claim(list(days_between(first - timedelta(days=settings.history_days), days[-1].day)))
    pipeline.at(steering.run_on())
    seconds = (wall_now() - started).total_seconds()
    return {**found.as_dict(), "until": str(venue_day(pipeline.now())), "seconds": round(seconds)}


if __name__ == "__main__":
    sys.exit(main())

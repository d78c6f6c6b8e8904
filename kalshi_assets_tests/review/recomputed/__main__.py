"""`python -m kalshi_assets_tests.review.recomputed URL [SUNDAY ...]`: all reviews by default."""

import sys
from datetime import date

import psycopg

from kalshi_assets_tests.review.recomputed.comparing import differences


def main(url: str, *sundays: str) -> int:
    """Print what differs; the exit code is 1 where something does."""
    days = [date.fromisoformat(sunday) for sunday in sundays]
    if not days:
        with psycopg.connect(url) as connection:
            query = "SELECT first_day FROM kalshi.weekly_reviews ORDER BY 1"
            days = [row[0] for row in connection.execute(query)]
    differing = 0
    for day in days:
        found = differences(url, day)
        differing += len(found)
        print(f"{day}: {'equal' if not found else f'{len(found)} figures differ'}")
        print("".join(f"  {line}\n" for line in found), end="")
    return 1 if differing or not days else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

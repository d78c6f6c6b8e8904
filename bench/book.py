"""The book of a recorded market at any moment: a course with checkpoints against plain folding."""

from random import Random

from bench.report import Result, seconds
from kalshi_assets.local_exchange.recordings.book_course import BookCourse
from kalshi_assets.local_exchange.tape import Side

CHANGES, STEP_MS, LOOKS = 100_000, 37, 50
Change = tuple[int, Side, int, int]
Counts = dict[tuple[Side, int], int]


def run(server_url: str = "") -> list[Result]:
    """Fold a market's changes, then look at its book at random moments; no database is needed."""
    changes, random = _changes(), Random(2)  # noqa: S311
    moments = [random.randrange(CHANGES * STEP_MS) for _ in range(LOOKS)]
    course = _course(changes)
    for moment in moments[:5]:
        _require_same(course, changes, moment)
    return [
        Result(
            f"fold {CHANGES:,} recorded changes of a book",
            seconds(lambda: _course(changes)),
            seconds(lambda: _folded(changes)),
        ),
        Result(
            f"the book of a moment among them, {LOOKS} times",
            seconds(lambda: [course.levels_at(course.index_at(moment)) for moment in moments]),
            seconds(lambda: [_folded(changes, moment) for moment in moments], times=1),
        ),
    ]


def _changes() -> list[Change]:
    """Return levels that come and go on both sides of 50 cents."""
    random, changes = Random(1), list[Change]()  # noqa: S311
    for number in range(CHANGES):
        away = random.randrange(100, 3000, 100)
        side: Side = random.choice(("bid", "ask"))
        price = 5000 - away if side == "bid" else 5000 + away
        changes.append((number * STEP_MS, side, price, random.choice((500, 100, -200, -400))))
    return changes


def _course(changes: list[Change]) -> BookCourse:
    course = BookCourse()
    for ms, side, price, by in changes:
        course.change(ms, side, price, by=by)
    return course


def _folded(changes: list[Change], until_ms: int = CHANGES * STEP_MS) -> Counts:
    counts: Counts = {}
    for ms, side, price, by in changes:
        if ms > until_ms:
            break
        counts[side, price] = max(counts.get((side, price), 0) + by, 0)
    return counts


def _require_same(course: BookCourse, changes: list[Change], moment: int) -> None:
    bids, asks = course.levels_at(course.index_at(moment))
    ours = {("bid", level.price): level.count for level in bids}
    ours |= {("ask", level.price): level.count for level in asks}
    assert ours == {place: n for place, n in _folded(changes, moment).items() if n}

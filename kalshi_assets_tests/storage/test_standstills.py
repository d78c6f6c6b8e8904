"""No market that is frozen escapes the short look, which spares most markets the long one."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kalshi_assets.quality.frames import frozen_rows
from kalshi_assets.storage import ticks
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.standstills import may_stand_still
from kalshi_assets_tests.analytics.observations import MARKETS, Observation

NOW = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
LIMIT = timedelta(hours=3)
SINCE = NOW - 3 * LIMIT
FEW = st.sampled_from([None, 500, 600])


@st.composite
def raw_ticks(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a tick of the last nine hours, of few values, so that quotes often stand still."""
    at = SINCE + timedelta(minutes=draw(st.integers(0, 36)) * 15)
    is_candle = draw(st.booleans())
    row = Observation(
        at,
        draw(st.sampled_from(MARKETS)),
        "candle" if is_candle else draw(st.sampled_from(["poll", "stream"])),
        bid=draw(st.sampled_from([40, 40, 40, 41])),
    ).raw()
    if is_candle:
        return row | {"bar_volume": draw(st.sampled_from([None, 0, 5]))}
    return row | {
        "yes_bid_size": draw(FEW),
        "yes_ask_size": draw(st.sampled_from([None, 900])),
        "volume": draw(FEW),
        "quoted_at": NOW - timedelta(hours=draw(st.integers(9, 11))),
    }


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(raw_ticks(), min_size=4, max_size=25))
def test_the_short_look_finds_every_market_that_is_frozen(
    prepared: Database, rows: list[dict[str, Any]]
) -> None:
    with prepared.engine.connect() as connection:
        ticks.add_raw_ticks(connection, rows)
        stored = ticks.raw_ticks_between(connection, SINCE, NOW)
        whole = frozen_rows(stored, frozen_after_seconds=LIMIT // timedelta(seconds=1))
        told = may_stand_still(connection, SINCE, NOW, for_long=LIMIT)
        connection.rollback()

    assert told.keys() == set(stored["market_ticker"])
    assert {t for t, may_be in told.items() if may_be} >= set(
        whole[whole["is_frozen"]]["market_ticker"]
    )


def told_of(connection: Connection, **values: list[Any]) -> bool:
    """Tell whether a market may stand still that was polled every hour, the last value newest."""
    [count] = {len(given) for given in values.values()}
    rows = [
        Observation(NOW - timedelta(hours=count - 1 - n)).raw()
        | {"quoted_at": SINCE}
        | {name: given[n] for name, given in values.items()}
        for n in range(count)
    ]
    ticks.add_raw_ticks(connection, rows)
    [told] = may_stand_still(connection, SINCE, NOW, for_long=LIMIT).values()
    return told


def test_a_calm_market_needs_no_long_look(connection: Connection) -> None:
    assert not told_of(connection, volume=[500] * 6)


def test_a_market_whose_quote_moved_lately_needs_no_long_look(connection: Connection) -> None:
    sizes = [100, 100, 100, 100, 200, 100]
    assert not told_of(connection, volume=[1, 2, 3, 4, 5, 6], yes_bid_size=sizes)


def test_a_market_that_trades_under_a_standing_quote_is_looked_at(connection: Connection) -> None:
    assert told_of(connection, volume=[500, 501, 501, 502, 502, 502])


def test_a_size_told_alone_says_nothing_of_the_quote(connection: Connection) -> None:
    sizes, asked = [100, 100, 100, 100, 200, 100], [900, 900, 900, 900, None, 900]
    volume = [1, 2, 3, 4, 5, 6]
    assert told_of(connection, volume=volume, yes_bid_size=sizes, yes_ask_size=asked)

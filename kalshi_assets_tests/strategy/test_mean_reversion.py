from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kalshi_assets.domain.signal import Signal
from kalshi_assets.strategy.mean_reversion import Feature, Rules, ask_of, episodes

DAY = date(2026, 10, 13)
START = datetime(2026, 10, 13, 14, 0, tzinfo=UTC)
SLOT = timedelta(seconds=90)
RULES = Rules.of_points(12)
MEAN = 500_000


def features(*deviations: int) -> list[Feature]:
    """Return one feature a slot, each so many micros off its mean."""
    return [
        Feature(
            as_of=START + n * SLOT,
            mid=MEAN + deviation,
            yes_bid=MEAN + deviation - 10_000,
            yes_ask=MEAN + deviation + 20_000,
            mean=Decimal(MEAN),
            coverage=Decimal("0.9"),
            average_hash=f"hash {n}",
        )
        for n, deviation in enumerate(deviations)
    ]


def found(*deviations: int) -> list[Signal]:
    return episodes("KXCPI", DAY, features(*deviations), rules=RULES)


def test_watching_starts_at_half_the_threshold() -> None:
    assert Rules(trigger=120_000, watch=60_000) == RULES
    assert found(59_999, -59_999) == []
    [signal] = found(59_999, 60_000)
    assert (signal.started_at, signal.status, signal.side) == (START + SLOT, "watching", "no")
    assert (signal.triggered_at, signal.reference_price) == (None, None)


def test_it_triggers_above_the_threshold_and_not_at_it() -> None:
    [signal] = found(120_000)
    assert signal.status == "watching"
    [signal] = found(120_000, 120_001)
    assert (signal.status, signal.triggered_at) == ("triggered", START + SLOT)


@pytest.mark.parametrize(
    ("deviation", "side", "reference"),
    [(180_000, "no", 1_000_000 - 670_000), (-180_000, "yes", 340_000)],
)
def test_the_reference_is_the_ask_of_the_side_bought_when_it_triggered(
    deviation: int, side: str, reference: int
) -> None:
    [signal] = found(deviation, deviation + 10_000, deviation - 10_000)
    assert (signal.side, signal.reference_price) == (side, reference)
    assert (signal.started_at, signal.triggered_at) == (START, START)
    assert signal.last_seen_at == START + 2 * SLOT
    assert signal.deviation == deviation - 10_000
    assert signal.average_hash == "hash 2"


def test_an_episode_survives_dips_down_to_the_watch_level() -> None:
    [signal] = found(130_000, 60_000, 150_000)
    assert (signal.triggered_at, signal.reference_price) == (START, 380_000)
    assert signal.status == "triggered"
    assert signal.strength == Decimal("1.2500")


def test_an_episode_ends_below_the_watch_level_and_the_next_is_another_signal() -> None:
    first, second = found(130_000, 59_999, 140_000)
    assert (first.status, first.ended_at, first.last_seen_at) == ("ended", START + SLOT, START)
    assert (second.started_at, second.reference_price) == (START + 2 * SLOT, 370_000)
    assert first.signal_id != second.signal_id


def test_a_flip_to_the_other_side_ends_one_episode_and_starts_another() -> None:
    first, second = found(130_000, -130_000)
    assert (first.side, first.ended_at) == ("no", START + SLOT)
    assert (second.side, second.started_at, second.status) == ("yes", START + SLOT, "triggered")


def test_an_episode_belongs_to_its_day_and_stays_open_to_its_last_tick() -> None:
    [signal] = found(130_000, 130_000)
    assert (signal.day, signal.ended_at) == (DAY, None)


def test_the_id_is_the_same_however_long_the_episode_has_lasted() -> None:
    ids = {found(*[130_000] * n)[0].signal_id for n in (1, 2, 5)}
    assert len(ids) == 1
    other = episodes("KXFED", DAY, features(130_000), rules=RULES)[0].signal_id
    assert other not in ids


def test_no_features_give_no_episode() -> None:
    assert found() == []


def test_buying_no_is_selling_yes_at_its_bid() -> None:
    assert ask_of("no", yes_bid=680_000, yes_ask=700_000) == 320_000
    assert ask_of("yes", yes_bid=680_000, yes_ask=700_000) == 700_000

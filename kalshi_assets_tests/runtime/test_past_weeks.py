"""Which past weeks are played, by which rules, and how what came of them is told."""

from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.past_weeks import PastWeeks, lines_of, next_step
from kalshi_assets.settings import Settings, load_settings

TOLD: dict[str, Any] = {
    "orders": 12,
    "fills": 20,
    "halts": 1,
    "trips": {"bot": 9, "manual": 2},
    "open_trips": 3,
    "won": 6,
    "overrides": {},
    "first_day": "2026-08-09",
    "last_day": "2026-08-22",
    "seconds": 61,
    "sentence": "The journal's result +1.0000 USD equals it.",
}


def settings_of(**chosen: object) -> Settings:
    past = PastWeeks(weeks=2)
    given = load_settings(env={}, _env_file=None, **chosen)
    replay = past.replay()
    return past.settings(replay.settings(given), replay)


def test_the_weeks_have_rules_of_their_own_and_what_somebody_set_is_kept() -> None:
    usual = settings_of()
    assert "KXINXW" in usual.series
    assert (usual.exit_take_profit_points, usual.exit_stop_points) == (Decimal(3), Decimal(15))
    mine = settings_of(exit_stop_points=Decimal(8), series=("KXCPI",))
    assert (mine.exit_stop_points, mine.series) == (Decimal(8), ("KXCPI",))
    assert mine.exit_take_profit_points == Decimal(3)


def test_another_seed_has_a_ledger_and_a_database_of_its_own() -> None:
    assert PastWeeks().replay().name == "history"
    assert PastWeeks(seed=7).replay().name == "history-7"


@pytest.mark.parametrize("wrong", [{"weeks": 0}, {"weeks": 14}, {"seed": -1}])
def test_weeks_that_there_are_not_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="is not between"):
        PastWeeks(**wrong)


def test_what_came_of_them_is_told_and_what_to_do_next() -> None:
    said = "\n".join(lines_of(TOLD))
    for words in ("2026-08-09 to 2026-08-22, in 61 s", "9 bot, 2 manual; 6 won; 3 still open"):
        assert words in said
    assert "none of the bot's" in said
    assert said.endswith(str(TOLD["sentence"]))
    assert "review --from 2026-08-09 --to 2026-08-22" in next_step(TOLD)

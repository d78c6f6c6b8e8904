"""Two weeks in fast motion: real assets, real ledger, a real exchange; and every cent accounted."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.review.assets import _review
from kalshi_assets.domain.week import Week
from kalshi_assets.history.steering import Steering
from kalshi_assets.local_exchange import Terms, open_exchange, running_exchange
from kalshi_assets.local_exchange.limits import TIERS
from kalshi_assets.local_exchange.scenarios.history import STARTED_AT
from kalshi_assets.runtime.past_weeks import PastWeeks
from kalshi_assets.settings import Settings, as_variables, environment, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.review.recomputed.comparing import count_of, differences
from kalshi_assets_tests.stand import KEY_ID, DatabaseMaker, _key_pair, unset_settings

pytestmark = pytest.mark.timeout(900)

WEEKS = 2
SUNDAYS = date(2026, 8, 9), date(2026, 8, 16)


@dataclass
class Played:
    """What two weeks left: the program's own words, and the database."""

    told: dict[str, Any]
    database: Database
    settings: Settings

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query))]

    def again(self) -> dict[str, Any]:
        return play(self.settings)


def play(settings: Settings) -> dict[str, Any]:
    words = ["--first", "2026-08-09", "--weeks", str(WEEKS), "--seed", "20261108"]
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "kalshi_assets.history", *words],
        env=environment(settings, {"PYTHONWARNINGS": "ignore", "DAGSTER_HOME": ""}),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@contextmanager
def playing(url: str, folder: Path) -> Iterator[Played]:
    key, public = _key_pair(folder)
    terms = Terms(rate_limits=TIERS["prime"])
    past = PastWeeks(weeks=WEEKS)
    replay = past.replay()
    exchange = open_exchange(replay.source, keys={KEY_ID: public}, terms=terms)
    with running_exchange(exchange) as handle:
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            home=folder / "home",
            database_url=url,
            api_url=handle.url,
            api_key_id=KEY_ID,
            private_key_path=key,
        )
        settings = past.settings(replay.settings(settings), replay)
        database = Database(url)
        prepare(database, identity=settings.identity, now=STARTED_AT)
        yield Played(play(settings), database, settings)
        database.dispose()


@pytest.fixture(scope="module")
def played(make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        unset_settings(patch, list(os.environ))
        with playing(make_database(), tmp_path_factory.mktemp("history")) as two_weeks:
            yield two_weeks


def test_the_journal_is_the_change_of_the_venues_balance_to_the_cent(played: Played) -> None:
    assert played.told["is_equal"], played.told
    assert played.told["tolerance"] == 0, "no scalar result lies in these weeks"
    assert played.told["results"] == played.told["change"]
    assert played.told["trips"]["bot"] >= 10
    assert played.told["open_trips"] > 0, "what is open is marked"


def test_bad_data_is_refused_by_name_and_an_outage_halts_until_somebody_resumes(
    played: Played,
) -> None:
    failed = played.rows("SELECT check_name, markets_failed FROM kalshi.verdicts")
    zero = [row for row in failed if row["check_name"] == "prices_are_not_zero_coded"]
    assert any(row["markets_failed"] for row in zero)
    states = played.rows("SELECT state, cause FROM kalshi.trading_state ORDER BY state_id")
    assert ("halted", "breaker") in [(row["state"], row["cause"]) for row in states]
    assert states[-1]["state"] == "active"
    refused = {
        gate
        for row in played.rows("SELECT refused_by FROM kalshi.decisions WHERE kind = 'entry'")
        for gate in row["refused_by"]
    }
    assert {"deviation", "volume"} <= refused


def test_trades_go_through_ledger_and_gate_and_a_hand_is_seen(played: Played) -> None:
    orders = played.rows("SELECT leg, verdict_ids FROM kalshi.orders")
    assert {row["leg"] for row in orders} == {"entry", "exit"}
    assert all(row["verdict_ids"] for row in orders if row["leg"] == "entry")
    assert not played.rows(
        "SELECT 1 FROM kalshi.orders o JOIN kalshi.verdicts v ON v.verdict_id = ANY(o.verdict_ids)"
        " WHERE NOT v.is_passed"
    )
    assert played.rows("SELECT 1 FROM kalshi.foreign_orders WHERE kind = 'manual'")
    assert played.rows("SELECT 1 FROM kalshi.settlements"), "events settle on the way"


@pytest.fixture(scope="module")
def reviewed(played: Played) -> Played:
    """Both weeks with their reviews made, as the job makes them."""
    clock = Steering(played.settings.api_base_url).clock()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_variables(played.settings).items():
            patch.setenv(name, value)
        patch.setenv("KALSHI_VENUE_CLOCK", str(clock))
        platform = Platform()
        for sunday in SUNDAYS:
            _review(Week(sunday), platform)
        platform.close()
    return played


@pytest.mark.parametrize("sunday", SUNDAYS)
def test_every_figure_of_a_review_is_what_the_raw_tables_give(
    reviewed: Played, sunday: date
) -> None:
    url = reviewed.database.plain_url
    assert differences(url, sunday) == []
    [row] = reviewed.rows(
        f"SELECT review FROM kalshi.weekly_reviews WHERE first_day = '{sunday}'"  # noqa: S608
    )
    assert count_of(row["review"]) > 300
    assert row["review"]["trades"]["trade_count"] > 5


def test_a_figure_that_is_off_is_found(reviewed: Played) -> None:
    url = reviewed.database.plain_url
    paths = ("trades,net_profit_usd", "account,exposure_usd", "api,call_count")
    for path in paths:
        with reviewed.database.transaction() as connection:
            changed = (
                f"UPDATE kalshi.weekly_reviews SET review = jsonb_set(review, '{{{path}}}',"  # noqa: S608
                f" to_jsonb('1.23456789'::text)) WHERE first_day = '{SUNDAYS[1]}'"
            )
            if path.endswith("count"):
                changed = changed.replace("to_jsonb('1.23456789'::text)", "'7'")
            connection.execute(text(changed))
    found = [line.split(":")[0] for line in differences(url, SUNDAYS[1])]
    assert found == sorted(f".{path.replace(',', '.')}" for path in paths)


def test_played_once_more_nothing_is_traded_again(played: Played) -> None:
    before = played.rows("SELECT count(*) AS n FROM kalshi.fills")
    told = played.again()
    assert told["is_equal"]
    assert (told["trips"], told["overrides"]) == (played.told["trips"], played.told["overrides"])
    assert played.rows("SELECT count(*) AS n FROM kalshi.fills") == before

import errno
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.installation import public_variables
from kalshi_assets.settings import (
    ALERT_KINDS,
    ECONOMICS_SERIES,
    PRODUCTION_URL,
    Settings,
    as_variables,
    environment,
    home_folder,
    load_settings,
)

ADDRESS = "postgresql://user:top-secret@host/name"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_without_variables_it_is_the_paper_venue_with_the_brief_s_limits() -> None:
    found = load_settings()
    assert (found.venue, found.api_base_url) == ("paper", PRODUCTION_URL)
    assert (found.deviation_points, found.max_trade_pct) == (12, Decimal(2))
    assert (found.min_volume_contracts, found.poll_seconds, found.window_days) == (500, 90, 7)
    assert found.series == ECONOMICS_SERIES


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("KALSHI_VENEU", "did you mean KALSHI_VENUE?"),
        ("KALSHI_MAX_TRADE_PERCENT", "did you mean KALSHI_MAX_TRADE_PCT?"),
        ("KALSHI_QQQQQQQQQQQQQQQQQQ", "README.md lists the settings"),
    ],
)
def test_an_unknown_key_is_refused_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, key: str, hint: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(monkeypatch, **{key: "1"})
    assert f"{key} is not a setting; {hint}" in str(raised.value)


def test_an_unknown_key_in_the_env_file_is_refused() -> None:
    Path(".env").write_text("KALSHI_VENEU=live\n")
    with pytest.raises(ConfigurationError, match=r"KALSHI_VENEU in \.env is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("KALSHI_VENUE", "mars"),
        ("KALSHI_MIN_VOLUME_CONTRACTS", "199"),
        ("KALSHI_ORDER_TTL_SECONDS", "601"),
        ("KALSHI_ORDER_TTL_SECONDS", "29"),
        ("KALSHI_MAX_BALANCE_AGE_SECONDS", "121"),
        ("KALSHI_MAX_TRADE_PCT", "10.01"),
        ("KALSHI_MAX_TRADE_PCT", "0"),
        ("KALSHI_MAX_TRADE_PCT", "NaN"),
        ("KALSHI_DEVIATION_POINTS", "nan"),
        ("KALSHI_DEVIATION_POINTS", "0"),
        ("KALSHI_MIN_COVERAGE", "0"),
        ("KALSHI_MIN_COVERAGE", "1.01"),
        ("KALSHI_MIN_HOURS_TO_CLOSE", "0.5"),
        ("KALSHI_CLOSED_DAYS", "2026-11-26,2026-13-01"),
        ("KALSHI_POLL_SECONDS", "ninety"),
        ("KALSHI_TRADING_START", "25:00"),
    ],
)
def test_an_impossible_value_is_refused_with_key_and_value(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(monkeypatch, **{key: value})
    assert key in str(raised.value)
    assert value.split(",")[-1] in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("KALSHI_MIN_VOLUME_CONTRACTS", "200"),
        ("KALSHI_ORDER_TTL_SECONDS", "600"),
        ("KALSHI_MAX_TRADE_PCT", "10"),
    ],
)
def test_a_value_at_its_bound_is_taken(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    found = load(monkeypatch, **{key: value})
    assert str(getattr(found, key.removeprefix("KALSHI_").lower())) == value


def test_trading_hours_that_end_before_they_start_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigurationError, match="trading_start 18:00:00 is not before 08:00:00"):
        load(monkeypatch, KALSHI_TRADING_START="18:00", KALSHI_TRADING_END="08:00")


def test_settings_cannot_be_changed() -> None:
    found = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        found.venue = "live"  # type: ignore[misc]  # what is tried here


def test_secrets_are_in_no_repr_and_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(monkeypatch, KALSHI_DATABASE_URL=ADDRESS)
    assert "top-secret" not in repr(found) + str(found) + repr(found.model_dump())
    assert found.database_url == SecretStr(ADDRESS)
    with pytest.raises(ConfigurationError) as raised:
        load(monkeypatch, KALSHI_VENUE="mars")
    assert "top-secret" not in str(raised.value)


CHANNELS = "mailto://me:top-secret@example.org?to=a@b.org,c@d.org,\n tgram://top-secret/1"


def test_addresses_of_channels_are_told_apart_and_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ping = "https://hc.example.org/top-secret"
    found = load(monkeypatch, KALSHI_ALERT_URLS=CHANNELS, KALSHI_HEARTBEAT_URL=ping)
    assert [address.get_secret_value() for address in found.alert_addresses] == [
        "mailto://me:top-secret@example.org?to=a@b.org,c@d.org",
        "tgram://top-secret/1",
    ]
    assert load_settings(alert_urls=None).alert_addresses == []
    shown = repr(found) + repr(found.model_dump()) + repr(found.alert_addresses)
    assert "top-secret" not in shown + repr(public_variables(found))
    assert as_variables(found)["KALSHI_ALERT_URLS"] == CHANNELS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("KALSHI_ALERT_URLS", "top-secret"),
        ("KALSHI_ALERT_URLS", "top-secret,tgram://a/1"),
        ("KALSHI_HEARTBEAT_URL", "ftp://hc.example.org/top-secret"),
        ("KALSHI_HEARTBEAT_URL", "file:///top-secret"),
        ("KALSHI_HEARTBEAT_URL", "https://hc.example.org/top-secret and more"),
    ],
)
def test_a_wrong_address_is_refused_by_its_key_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(monkeypatch, **{key: value})
    assert str(raised.value).startswith(f"{key}: ")
    assert "top-secret" not in str(raised.value)


def test_kinds_of_alerts_are_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, KALSHI_ALERTS="halt, feed_down").alerts == ("halt", "feed_down")
    with pytest.raises(ConfigurationError, match=r"KALSHI_ALERTS=.*write one or more of halt, "):
        load(monkeypatch, KALSHI_ALERTS="halt,feed")


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "venue": st.sampled_from(["local", "paper", "demo", "live"]),
        "home": st.sampled_from([Path("/var/lib/kalshi"), Path("a b")]),
        "database_url": st.just(SecretStr(ADDRESS)),
        "api_url": st.just("http://127.0.0.1:8080/trade-api/v2"),
        "api_key_id": st.just("key"),
        "private_key_path": st.just(Path("key.pem")),
        "input_name": st.sampled_from(["", "cpi-week"]),
        "series": st.lists(st.sampled_from(ECONOMICS_SERIES), min_size=1, unique=True).map(tuple),
        "max_trade_pct": st.decimals("0.01", 10, places=2),
        "deviation_points": st.floats(0.01, 99.9),
        "min_coverage": st.floats(0.01, 1),
        "trading_start": st.sampled_from([time(8), time(9, 30, 15)]),
        "closed_days": st.lists(st.dates(date(2026, 1, 1)).map(str), max_size=3).map(tuple),
        "alerts": st.lists(st.sampled_from(ALERT_KINDS), min_size=1, unique=True).map(tuple),
        "alert_urls": st.just(SecretStr(CHANNELS)),
        "heartbeat_url": st.just(SecretStr("https://hc.example.org/top-secret")),
        "first_day": st.dates(date(2020, 1, 1)),
    },
)


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CHANGES)
def test_settings_are_the_same_in_a_child_process(changes: dict[str, Any]) -> None:
    made = load_settings(env={}, **changes)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_variables(made).items():
            patch.setenv(name, value)
        assert load_settings() == made


def test_a_child_gets_these_settings_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    made = load_settings(venue="demo")
    monkeypatch.setenv("KALSHI_API_KEY_ID", "of the shell")
    child = environment(made, {"EXTRA": "1"})
    assert (child["KALSHI_VENUE"], child["PATH"], child["EXTRA"]) == ("demo", "/bin", "1")
    assert "KALSHI_API_KEY_ID" not in child


def test_the_local_venue_needs_the_local_exchange_s_address() -> None:
    with pytest.raises(ConfigurationError, match="KALSHI_API_URL is not set"):
        _ = load_settings(venue="local").api_base_url
    with_slash = load_settings(venue="local", api_url="http://127.0.0.1:1/trade-api/v2/")
    assert with_slash.api_base_url == "http://127.0.0.1:1/trade-api/v2"


def test_data_of_two_inputs_have_two_identities() -> None:
    assert load_settings(venue="local", input_name="cpi-week").identity == "local/cpi-week"
    assert load_settings(venue="live").identity == "live"


@pytest.mark.parametrize(("opens", "closes"), [(time(22), time(6)), (time(8), time(0))])
def test_collection_hours_that_no_day_has_are_refused(opens: time, closes: time) -> None:
    with pytest.raises(ConfigurationError, match="equal hours mean round the clock"):
        load_settings(collection_start=opens, collection_end=closes)


def test_an_empty_list_of_series_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="name at least one series"):
        load_settings(series="")


def test_a_foreign_key_in_the_env_file_is_named_as_it_stands_there() -> None:
    Path(".env").write_text("POSTGRES_PASSWORD=secret\n")
    with pytest.raises(ConfigurationError, match=r"^POSTGRES_PASSWORD in \.env is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    "name", ["max_event_pct", "max_category_pct", "max_shard_pct", "max_total_pct"]
)
def test_a_share_in_which_no_trade_fits_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} 1 is below max_trade_pct 2"):
        load_settings(env={}, **{name: "1"})


def test_settings_are_those_of_the_variables_and_the_env_file_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are read again only where one of these has changed."""
    first, file = load_settings(), Path(".env")
    assert load_settings() is first

    file.write_text("KALSHI_VENUE=demo\n")
    assert load_settings().venue == "demo"
    monkeypatch.setenv("KALSHI_VENUE", "local")
    monkeypatch.setenv("KALSHI_API_URL", "http://127.0.0.1:9/trade-api/v2")
    assert load_settings().venue == "local"
    monkeypatch.delenv("KALSHI_VENUE")
    file.unlink()
    assert load_settings().venue == first.venue
    monkeypatch.setenv("KALSHI_VENUE", "mars")
    with pytest.raises(ConfigurationError, match="KALSHI_VENUE=mars"):
        load_settings()


def test_an_env_file_that_this_user_may_not_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    Path(".env").write_text("KALSHI_VENUE=demo")
    monkeypatch.setattr("dotenv.main.open", refuse, raising=False)
    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read by this user"):
        load_settings()
    assert home_folder() == Path(".kalshi")

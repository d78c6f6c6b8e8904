"""`faults`: what was wrong with the data of some days, as a trader reads it."""

import pytest

from kalshi_assets_tests.runtime.commands import SETTINGS, Shell
from kalshi_assets_tests.stand import OVERREACTING, Stand


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def test_faults_gaps_and_their_reasons_are_told(loaded_stand: Stand, shell: Shell) -> None:
    loaded_stand.execute(
        "UPDATE kalshi.clean_ticks SET is_usable = false, faults = '{zero_coded}'"
        " WHERE market_ticker = :ticker AND observed_at BETWEEN '2026-10-10T12:30:00Z'"
        " AND '2026-10-10T18:30:00Z'",
        ticker=OVERREACTING,
    )
    loaded_stand.execute(
        "DELETE FROM kalshi.clean_ticks WHERE observed_at BETWEEN '2026-10-11T12:30:00Z'"
        " AND '2026-10-11T15:30:00Z'"
    )
    loaded_stand.execute(
        "INSERT INTO kalshi.gaps (source, channel, market_tickers, from_at, reason, noted_at)"
        " VALUES ('stream', 'ticker', '{}', '2026-10-13T14:20:00Z', 'silent', now())"
    )
    code, told = shell.run_json("faults")

    assert (code, told["from"], told["to"]) == (0, "2026-10-06", "2026-10-13")
    assert told["faults"]["zero_coded"] == 6
    [market] = [m for m in told["markets"] if m["market_ticker"] == OVERREACTING]
    assert market["faults"] == {"zero_coded": 6}
    # The last price before holds for two hours, of both kinds of silence.
    assert [(s["start"][:16], s["end"][:16]) for s in market["unpriced"]] == [
        ("2026-10-10T14:00", "2026-10-10T19:00"),
        ("2026-10-11T14:00", "2026-10-11T16:00"),
    ]
    assert [(g["start"][:16], g["end"][:16]) for g in told["gaps"]] == [
        ("2026-10-11T12:00", "2026-10-11T15:00"),
        ("2026-10-13T14:00", "2026-10-13T14:30"),  # from the last candle to the first poll
    ]
    assert [gap["reason"] for gap in told["noted_gaps"]] == ["silent"]

    code, text, _ = shell.run("faults --from 2026-10-11 --to 2026-10-11")
    assert code == 0
    assert "2026-10-11 12:00 UTC to 2026-10-11 15:00 UTC, 3.0 h" in text
    assert "Noted      0 gaps" in text
    assert "zero_coded" not in text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("faults --from yesterday", "--from yesterday is no day"),
        ("faults --from 2026-10-13 --to 2026-10-12", "is after --to 2026-10-12"),
    ],
)
def test_impossible_days_are_named(
    loaded_stand: Stand, shell: Shell, words: str, named: str
) -> None:
    code, _, err = shell.run(words)
    assert code == SETTINGS
    assert named in err

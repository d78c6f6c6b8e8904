"""README.md is true: every setting with its default, every command, every make target."""

import re
from pathlib import Path

import click
import pytest

from kalshi_assets.runtime.cli import cli
from kalshi_assets.settings import PREFIX, Settings, as_variables, load_settings

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text()
# Described in words instead of by value.
IN_WORDS = {
    "KALSHI_SERIES": "13 economics series",
    "KALSHI_API_URL": "by venue",
    "KALSHI_ALERTS": "all but weekly_review",
}


def table_of_settings() -> dict[str, str]:
    rows = re.findall(r"^\| `(KALSHI_\w+)` \| (.*?) ?\| .*\|$|^\| `(KALSHI_\w+)` \|", README, re.M)
    return {name: default.strip("` ") for name, default, _ in rows if name}


def test_readme_lists_exactly_the_settings_there_are() -> None:
    assert set(table_of_settings()) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_readme_gives_each_default_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KALSHI_RUN_LAUNCHER", raising=False)  # TEST_RUN_LAUNCHER has set it
    real = as_variables(load_settings(env={}))
    for name, default in table_of_settings().items():
        assert default == IN_WORDS.get(name, real.get(name, "")), name


def test_env_example_names_only_settings_and_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example = (PROJECT / ".env.example").read_text()
    lines = re.findall(r"^#(KALSHI_\w+=.+)$", example, re.M)
    (tmp_path / ".env").write_text("\n".join(lines))
    assert len(lines) > 10
    assert load_settings(env={}).max_markets == 22


def test_readme_names_every_command() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if command.hidden:  # `demo` and `up` start it
            continue
        assert f"kalshi-assets {name}" in README
        if isinstance(command, click.Group):
            for verb in command.list_commands(context):
                assert command.get_command(context, verb) is not None
                assert verb in README
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[0] in README


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    assert set(re.findall(r"^    make ([a-z]+)", README, re.M)) <= targets

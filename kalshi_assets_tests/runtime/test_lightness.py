"""Each process imports what it uses: on a small server the rest would cost half of the memory."""

import subprocess
import sys

import pytest

SHOWN_IN_UI = {"great_expectations", "matplotlib"}
FRAMES = {"pandas", "numpy", "pyarrow"}
EXCHANGE = {"starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("process", "modules", "unused"),
    [
        ("feed", "kalshi_assets.runtime.feed", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("alerts", "kalshi_assets.runtime.alerts", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("owner", "kalshi_assets.runtime.up", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("daemon", "kalshi_assets.storage.pooled_dagster", SHOWN_IN_UI | FRAMES | EXCHANGE),
        ("code server", "kalshi_assets.definitions", SHOWN_IN_UI | EXCHANGE),
    ],
)
def test_a_process_does_not_import_what_it_does_not_use(
    process: str, modules: str, unused: set[str]
) -> None:
    words = f"import sys, kalshi_assets.runtime.cli, {modules}; print(*sys.modules)"
    told = subprocess.run(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", words], check=True, capture_output=True, text=True
    )
    assert not unused & set(told.stdout.split()), process

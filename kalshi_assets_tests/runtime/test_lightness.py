"""Each process imports what it uses: on a small server the rest would cost half of the memory."""

import os
import subprocess
import sys

import pytest

from kalshi_assets.runtime.dagster_stack import PROJECT

SHOWN_IN_UI = {"great_expectations", "matplotlib"}
ARCHIVE = {"pyarrow"}
FRAMES = {"pandas", "numpy"} | ARCHIVE
EXCHANGE = {"starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("process", "modules", "unused"),
    [
        ("feed", "kalshi_assets.runtime.feed", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("alerts", "kalshi_assets.runtime.alerts", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("owner", "kalshi_assets.runtime.up", SHOWN_IN_UI | FRAMES | EXCHANGE | {"dagster"}),
        ("daemon", "kalshi_assets.storage.pooled_dagster", SHOWN_IN_UI | FRAMES | EXCHANGE),
        ("code server", "kalshi_assets.definitions", SHOWN_IN_UI | EXCHANGE | ARCHIVE),
    ],
)
def test_a_process_does_not_import_what_it_does_not_use(
    process: str, modules: str, unused: set[str]
) -> None:
    words = f"import kalshi_assets.runtime.cli, {modules}"
    assert not unused & imported_by(words), process


def test_all_are_forked_of_one_that_imported_what_they_use_and_no_more() -> None:
    """Whatever it holds, each of them holds: in part once more, as it comes to be written to."""
    words = "from kalshi_assets.runtime import trunk; trunk.import_all('kalshi_assets.definitions')"
    imported = imported_by(words)
    assert {"great_expectations", "pandas", "kalshi_assets.runtime.feed"} <= imported
    used_by_few = {"matplotlib", "altair.vegalite", "rich", "dagster_webserver"}
    assert not imported & (ARCHIVE | EXCHANGE | used_by_few)


@pytest.mark.parametrize("first", ["kalshi_assets.settings", "pandas"])
def test_pandas_and_the_archive_work_whichever_comes_first(first: str) -> None:
    words = f"""
import {first}
import kalshi_assets, io, pandas as pd
before = pd.DataFrame({{"word": ["a", None], "number": [1.5, 2.0]}})
print("frames:", "pyarrow" in sys.modules)
from pyarrow import parquet, table
file = io.BytesIO()
parquet.write_table(table({{"word": ["a"]}}), file)
assert pd.read_parquet(file)["word"].tolist() == ["a"]
assert before["word"].fillna("b").tolist() == ["a", "b"]
"""
    assert f"frames: {first == 'pandas'}" in printed_by(words)


def imported_by(words: str) -> set[str]:
    return set(printed_by(f"{words}\nprint(*sys.modules)").split())


def printed_by(words: str) -> str:
    """Run a program in a Python of its own; return what it prints."""
    return subprocess.run(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", f"import sys\n{words}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"DAGSTER_HOME": str(PROJECT), "OPENBLAS_NUM_THREADS": "1"},
    ).stdout

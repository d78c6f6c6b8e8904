"""Every fault of the local exchange against every check, and what becomes of orders.

The table in docs/data-quality.md is made here: `REWRITE_DOCS=1 pytest <this file>` writes it anew.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.local_exchange.faults import (
    FaultyFeed,
    fault_descriptions,
    known_faults,
    parse_faults,
)
from kalshi_assets_tests.defs.test_gate import GATING
from kalshi_assets_tests.stand import OVERREACTING, Stand

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-quality.md"
BEGIN, END = "<!-- made by a test: begin -->\n", "<!-- made by a test: end -->\n"
QUIET = "KXCPIYOY-26OCT-T3.0"
# Which check must name the fault, for the feed and for the market.
NAMED = {
    "frozen-feed": "feed_is_not_frozen",
    "stale-feed": "ticks_are_fresh",
    "crossed-book": "bids_do_not_exceed_asks",
    "empty-feed": "ticks_are_complete",
    "missing-field": "ticks_are_complete",
    "wrong-type": "ticks_are_complete",
    "duplicate-ticks": "ticks_are_unique",
    "server-errors": "ticks_are_complete",
    "off-grid": "prices_are_on_the_grid",
    "contract-roll": "newest_ticks_are_usable",
    "zero-coded": "prices_are_not_zero_coded",
}


@dataclass(frozen=True)
class Outcome:
    """What a fault led to: the checks that refuse, and the orders at the exchange."""

    refused_by: tuple[str, ...]
    orders: int
    seen: str


FOUND: dict[tuple[str, str], Outcome] = {}


@contextmanager
def broken(stand: Stand, fault: str) -> Iterator[None]:
    """Put a fault into the feed of a stand's exchange."""
    tape = stand.exchange.exchange.tape
    stand.faults.fault = FaultyFeed(parse_faults([fault], tape.listings), tape)
    yield
    stand.faults.fault = None


@pytest.fixture
def feed(fault: str, request: pytest.FixtureRequest) -> Stand:
    """A stand whose feed is whole so far; that a quote stood still shows in the history, too."""
    is_in_history = fault == "frozen-feed"
    stand: Stand = request.getfixturevalue("stand" if is_in_history else "loaded_stand")
    return stand


def polled_and_judged(stand: Stand, fault: str) -> Any:
    """Return the run that judged, after a poll with the fault."""
    with broken(stand, fault):
        if fault.startswith("frozen-feed"):
            stand.load_history()
            stand.run("markets_job")
        else:
            stand.later(90)
        stand.poll(expect_success=False)
        return stand.judge_and_place(expect_success=False)


def shown(run: Any, check: str) -> tuple[dg.AssetCheckSeverity, set[str]]:
    """Return with which severity the UI shows a failed check, and the markets of its sample."""
    [found] = [e for e in run.get_asset_check_evaluations() if e.check_name == check]
    assert not found.passed
    sample = found.metadata["failed_markets"]
    assert isinstance(sample, dg.TableMetadataValue)
    assert all(record.data["what was seen"] for record in sample.records)
    return found.severity, {str(record.data["market"]) for record in sample.records}


def decisions(stand: Stand) -> dict[str, dict[str, Any]]:
    rows = stand.rows("SELECT * FROM kalshi.decisions ORDER BY judged_at")
    return {row["market_ticker"]: row for row in rows}


def outcome(stand: Stand, ticker: str, check: str) -> Outcome:
    decision = decisions(stand)[ticker]
    [gate] = [gate for gate in decision["gates"] if gate["gate"] == check]
    checks = tuple(name for name in decision["refused_by"] if name in GATING)
    return Outcome(checks, stand.order_requests(), gate["value"])


@pytest.mark.parametrize("fault", known_faults())
def test_a_fault_on_all_markets_stops_every_order_and_a_check_names_it(
    feed: Stand, fault: str
) -> None:
    run = polled_and_judged(feed, fault)

    severity, sample = shown(run, NAMED[fault])
    assert severity == dg.AssetCheckSeverity.ERROR
    assert QUIET in sample
    assert feed.order_requests() == 0
    judged = decisions(feed)
    assert judged, "the why-not ledger is written all the same"
    for ticker in judged:
        found = outcome(feed, ticker, NAMED[fault])
        assert NAMED[fault] in found.refused_by, ticker
        assert found.seen.startswith("feed: "), "the gate is closed for all"
    FOUND[fault, "all"] = outcome(feed, QUIET, NAMED[fault])


@pytest.mark.parametrize("fault", known_faults())
def test_a_fault_on_one_market_refuses_that_one_and_the_overreacting_one_trades(
    feed: Stand, fault: str
) -> None:
    run = polled_and_judged(feed, f"{fault}:{QUIET}")

    severity, sample = shown(run, NAMED[fault])
    assert severity == dg.AssetCheckSeverity.WARN, "yellow: the others are traded"
    assert QUIET in sample
    assert feed.order_requests() == 1
    judged = decisions(feed)
    assert judged[OVERREACTING]["outcome"] == "approved"
    found = outcome(feed, QUIET, NAMED[fault])
    assert NAMED[fault] in found.refused_by
    assert not found.seen.startswith("feed: ")
    others = set(judged) - {OVERREACTING, QUIET}
    assert not any(NAMED[fault] in judged[t]["refused_by"] for t in others if t not in FROZEN)
    FOUND[fault, "one"] = found


def test_no_fault_of_the_feed_is_without_a_check_that_names_it() -> None:
    assert set(NAMED) == set(known_faults())
    assert set(NAMED.values()) <= set(GATING)


FROZEN = {"KXFED-26OCT-T3.75"}  # the scenario's own


def table() -> str:
    """Return the table of fault, check and result."""
    lines = [
        "| `--fault` | what the feed does | on all markets: refused by | orders | "
        "on one market: refused by | the check says | orders of others |",
        "|---|---|---|---:|---|---|---:|",
    ]
    for fault, description in fault_descriptions().items():
        of_all, of_one = FOUND[fault, "all"], FOUND[fault, "one"]
        lines.append(
            f"| `{fault}` | {description} | {_names(of_all, NAMED[fault])} | {of_all.orders} "
            f"| {_names(of_one, NAMED[fault])} | {of_one.seen} | {of_one.orders} |"
        )
    return "\n".join(lines) + "\n"


def _names(found: Outcome, first: str) -> str:
    """Return the check that names the fault, then the others; many of them as a number."""
    others = [f"`{name}`" for name in found.refused_by if name != first]
    if len(others) > 2:
        others = [f"{len(others)} checks without a tick to look at"]
    return ", ".join([f"`{first}`", *others])


def test_the_table_in_the_documents_is_what_was_found_here() -> None:
    if len(FOUND) < 2 * len(known_faults()):
        pytest.skip("the whole matrix was not run")
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("REWRITE_DOCS"):
        DOCUMENT.write_text(before + BEGIN + table() + END + after)
        return
    assert written == table(), "REWRITE_DOCS=1 writes it anew"

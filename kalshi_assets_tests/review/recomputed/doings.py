"""Orders, refusals, overrides, data, calls, settings: counted anew from their tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from kalshi_assets_tests.review.recomputed import queries
from kalshi_assets_tests.review.recomputed.books import DOLLAR, Told, taker_fee
from kalshi_assets_tests.review.recomputed.figures import Figures, ratio
from kalshi_assets_tests.review.recomputed.tables import Row, Tables


def of_week(tables: Tables, told: Told) -> Figures:
    in_week = [o for o in told.overrides if tables.has(o["at"])]
    return {
        "entry_orders": entries(tables),
        "refusals": refusals(tables),
        "overrides": {
            "by_kind": [
                hands(kind, [o for o in in_week if o["kind"] == kind])
                for kind in ("cancelled", "closed_early", "doubled")
            ],
            "total": hands("all", in_week),
            "so_far": hands("so far", told.overrides),
        },
        "data_quality": quality(tables),
        "api": calls(tables),
        "setting_changes": changes(tables),
    }


def entries(tables: Tables) -> Figures:
    orders = tables.rows(queries.ENTRIES)
    reached = [o for o in orders if o["venue_order_id"] is not None]
    touched = sum(o["fill_count"] > 0 for o in reached)
    took = [
        (o["answered_at"] - o["triggered_at"]).total_seconds()
        for o in reached
        if o["attempt"] == 1 and o["answered_at"] is not None and o["triggered_at"] is not None
    ]
    return {
        "order_count": len(reached),
        "filled_count": sum(o["fill_count"] == o["count"] for o in reached),
        "touched_count": touched,
        "not_reached_count": len(orders) - len(reached),
        "fill_rate_by_order_share": ratio(touched, len(reached)),
        "fill_rate_by_contract_share": ratio(
            sum(o["fill_count"] for o in reached), sum(o["count"] for o in reached)
        ),
        "latency": percentiles(took),
    }


def percentiles(times: Iterable[float]) -> Figures:
    ranked = sorted(times)
    told: Figures = {"measured_count": len(ranked)}
    for share in (50, 95, 99):
        place = -(-share * len(ranked) // 100) - 1
        told[f"p{share}_seconds"] = ranked[place] if ranked else None
    return {**told, "longest_seconds": ranked[-1] if ranked else None}


def refusals(tables: Tables) -> Figures:
    judged = tables.rows(queries.REFUSED)
    firsts: dict[str, Row] = {}
    for row in judged:
        firsts.setdefault(row["signal_id"], row)
    later = {row["signal_id"] for row in judged if row["was_ordered_later"]}
    results = _results(tables)
    rows: dict[str, list[Row]] = {g: [] for f in firsts.values() for g in f["refused_by"]}
    several: list[Row] = []
    for first in firsts.values():
        gates = set(first["refused_by"])
        (rows[first["refused_by"][0]] if len(gates) == 1 else several).append(first)
    named = Counter(g for f in firsts.values() for g in set(f["refused_by"]))
    found = [_gate(tables, g, named[g], alone, later, results) for g, alone in rows.items()]
    found.sort(key=lambda r: (-r["signal_count"], -r["named_count"], r["gate"]))
    if several:
        name = "(several at once)"
        found.append(_gate(tables, name, len(several), several, later, results))
    everything = list(firsts.values())
    total = _gate(tables, "all", len(firsts), everything, later, results)
    return {"decision_count": len(judged), "by_gate": found, "total": total}


def _gate(
    tables: Tables,
    gate: str,
    named: int,
    signals: Sequence[Row],
    later: set[str],
    results: dict[str, int],
) -> Figures:
    missed = [row for row in signals if row["signal_id"] not in later]
    made = [(row, _would_have_made(tables, row, results)) for row in missed]
    priced = [(row, value) for row, value in made if value is not None]
    settled = sum(row["market_ticker"] in results for row, _ in priced)
    return {
        "gate": gate,
        "named_count": named,
        "signal_count": len(signals),
        "ordered_later_count": len(signals) - len(missed),
        "settled_count": settled,
        "marked_count": len(priced) - settled,
        "unpriced_count": len(missed) - len(priced),
        "would_have_made_usd": sum(value for _, value in priced) if priced else None,
    }


def _would_have_made(tables: Tables, row: Row, results: dict[str, int]) -> int | None:
    quote, count, multiplier = row["quote"], row["count"], row["multiplier"]
    if quote is None or count is None or multiplier is None:
        return None
    yes = results.get(row["market_ticker"])
    if yes is None:
        mids = tables.rows(queries.LAST_MID, ticker=row["market_ticker"])
        if not mids:
            return None
        yes = mids[0]["mid"]
    side = row["side"]
    size, ask = quote["yes_ask_size"], int(quote["yes_ask"])
    if side == "no":
        size, ask = quote["yes_bid_size"], DOLLAR - int(quote["yes_bid"])
    if size <= 0:
        return None
    worth = yes if side == "yes" else DOLLAR - yes
    return int(count * (worth - ask) // 100 - taker_fee(count, ask, multiplier))


def _results(tables: Tables) -> dict[str, int]:
    found = {}
    for row in tables.rows(queries.RESULTS):
        if row["result"] in ("yes", "no"):
            found[row["ticker"]] = DOLLAR * (row["result"] == "yes")
        elif bool(row["yes_count"]) != bool(row["no_count"]):
            paid = row["revenue_micros"] * 100 // (row["yes_count"] or row["no_count"])
            found[row["ticker"]] = paid if row["yes_count"] else DOLLAR - paid
    return found


def hands(kind: str, overrides: Sequence[Row]) -> Figures:
    priced = [o for o in overrides if o["came"] is not None and o["rule"] is not None]
    came = sum(o["came"] for o in priced) if priced else None
    rule = sum(o["rule"] for o in priced) if priced else None
    return {
        "kind": kind,
        "override_count": len(overrides),
        "unpriced_count": len(overrides) - len(priced),
        "came_usd": came,
        "rule_usd": rule,
        "gain_usd": None if came is None or rule is None else came - rule,
    }


def quality(tables: Tables) -> Figures:
    counts = [
        {"check_name": r["check_name"], "verdict_count": r["n"], "failure_count": r["failed"]}
        for r in tables.rows(queries.CHECKS)
    ]
    total = {
        "check_name": "all",
        "verdict_count": sum(c["verdict_count"] for c in counts),
        "failure_count": sum(c["failure_count"] for c in counts),
    }
    gaps = [(r["from_at"], r["to_at"], r["reason"]) for r in tables.rows(queries.GAPS)]
    return {
        "checks": sorted(counts, key=lambda c: (-c["failure_count"], c["check_name"])),
        "total": total,
        "gaps": stretches(tables, gaps),
        "halts": stretches(tables, _halts(tables)),
    }


def _halts(tables: Tables) -> list[tuple[Any, Any, str]]:
    found: list[tuple[Any, Any, str]] = []
    open_ones: list[tuple[Any, str]] = []
    for row in tables.rows(queries.STATES):
        if row["state"] == "halted":
            open_ones.append((row["changed_at"], row["cause"]))
            continue
        found += [(at, row["changed_at"], cause) for at, cause in open_ones]
        open_ones = []
    return found + [(at, None, cause) for at, cause in open_ones]


def stretches(tables: Tables, found: Sequence[tuple[Any, Any, str]]) -> Figures:
    begin, end = tables.begin, tables.until
    cut = [(max(a, begin), min(b or end, end), why) for a, b, why in found]
    cut = sorted(each for each in cut if each[0] < each[1])
    lengths: list[float] = []
    reached = None
    for a, b, _ in cut:
        if reached is not None and a <= reached:
            lengths[-1] += max(0.0, (b - reached).total_seconds())
            reached = max(reached, b)
        else:
            lengths.append((b - a).total_seconds())
            reached = b
    reasons = Counter(why for _, _, why in cut)
    return {
        "stretch_count": len(cut),
        "covered_seconds": sum(lengths),
        "longest_seconds": max(lengths, default=0.0),
        "covered_share": sum(lengths) / (end - begin).total_seconds(),
        "reasons": [
            {"reason": why, "stretch_count": count}
            for why, count in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
        ],
    }


def calls(tables: Tables) -> Figures:
    made = tables.rows(queries.CALLS)
    outcomes = Counter(
        "ok"
        if row["status"] is not None and 200 <= row["status"] < 300 and not row["error"]
        else row["error"] or f"HTTP {row['status']}"
        for row in made
    )
    failed = len(made) - outcomes["ok"]
    return {
        "call_count": len(made),
        "failed_share": ratio(failed, len(made)),
        "outcomes": [
            {"outcome": name, "call_count": count}
            for name, count in sorted(outcomes.items(), key=lambda o: (-o[1], o[0]))
            if count
        ],
        "latency": percentiles(row["latency_ms"] / 1000 for row in made),
    }


def changes(tables: Tables) -> list[Figures]:
    rows = tables.rows(queries.SETTINGS)
    states = [(r["venue_at"], {**r["settings"], "code version": r["code_version"]}) for r in rows]
    found = []
    for (_, before), (at, after) in pairwise(states):
        if at < tables.begin:
            continue
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if old != new:
                found.append({"name": name, "changed_at": at, "before": old, "after": new})
    return sorted(found, key=lambda c: (c["changed_at"], c["name"]))

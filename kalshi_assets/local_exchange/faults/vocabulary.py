"""The vocabulary of faults: every kind by its name, and rules read from JSON, strictly.

Fault files and the control address speak it alike:

    {"fault": "error-burst", "operation": "CreateOrderV2", "status": 503, "times": 3}
    {"fault": "slow-answer", "seconds": 5, "share": 0.1, "seed": 7, "from": 60, "until": 120}
    {"fault": "frozen-feed", "market": "KXCPI-26OCT-T0.3"}
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kalshi_assets.local_exchange.errors import BadFaultRule
from kalshi_assets.local_exchange.faults import call_faults, switches
from kalshi_assets.local_exchange.faults.catalog import KINDS
from kalshi_assets.local_exchange.faults.rules import FeedRule, Rule, Stage

_OWN: Mapping[str, type[Rule]] = {
    "error-burst": call_faults.ErrorBurst,
    "time-out": call_faults.TimeOut,
    "connection-reset": call_faults.ConnectionReset,
    "slow-answer": call_faults.SlowAnswer,
    "dripping-body": call_faults.DrippingBody,
    "truncated-body": call_faults.TruncatedBody,
    "not-json": call_faults.NotJson,
    "error-body": call_faults.ErrorBody,
    "renamed-field": call_faults.RenamedField,
    "mistyped-field": call_faults.MistypedField,
    "stale-reads": switches.StaleReads,
    "wrong-clock": switches.WrongClock,
    "trading-pause": switches.TradingPause,
    "exchange-pause": switches.ExchangePause,
    "paused-market": switches.PausedMarket,
    "bad-line": switches.BadLine,
    "disconnect": switches.Disconnect,
}
VOCABULARY: Mapping[str, type[Rule]] = {**_OWN, **dict.fromkeys(KINDS, FeedRule)}


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule, the name of its kind, and how it was given."""

    name: str
    rule: Rule
    given: Mapping[str, object]


def read_fault_file(path: Path) -> list[object]:
    """Read a file of rules: a JSON list; the rules themselves are read by `read_rules`.

    Raises:
        BadFaultRule: if it cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BadFaultRule(f"fault file {path} cannot be read as JSON: {exc}") from exc
    if not isinstance(document, list):
        raise BadFaultRule(f"fault file {path} is no JSON list: put its rules into [ ]")
    return document


def read_rules(documents: Sequence[object], stage: Stage, *, place: str) -> list[NamedRule]:
    """Read rules; all of them are right, or none is taken.

    Args:
        documents: decoded JSON objects.
        stage: the operations and markets they may name.
        place: where they stand, for the message.

    Raises:
        BadFaultRule: naming the rule, the value and the way out.
    """
    return [
        _read(document, stage, f"{place} rule {number}")
        for number, document in enumerate(documents, start=1)
    ]


def _read(document: object, stage: Stage, place: str) -> NamedRule:
    if not isinstance(document, dict):
        raise BadFaultRule(f'{place}: {document!r} is no object like {{"fault": "time-out"}}')
    name = document.get("fault")
    kind = VOCABULARY.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        known = ", ".join(VOCABULARY)
        raise BadFaultRule(f"{place}: fault {name!r} is unknown: it is none of {known}")
    values = {key: value for key, value in document.items() if key != "fault"}
    known_keys = kind.__struct_encode_fields__
    for key in values:
        if key not in known_keys:
            raise BadFaultRule(
                f"{place}: {name} has no {key!r}; it has {', '.join(sorted(known_keys))}"
            )
    try:
        rule = msgspec.convert(values, kind)
        rule.check(stage)
    except msgspec.ValidationError as exc:
        raise BadFaultRule(f"{place}: {_told(exc, values)}") from exc
    except ValueError as exc:
        raise BadFaultRule(f"{place}: {exc}") from exc
    return NamedRule(name, rule, document)


def _told(exc: msgspec.ValidationError, values: Mapping[str, object]) -> str:
    """Put the value into msgspec's message, which names the place and the rule only."""
    message, _, path = str(exc).partition(" - at `$.")
    key = path.removesuffix("`")
    return f"{key} {values[key]!r}: {message}" if key in values else message

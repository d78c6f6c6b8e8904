"""What a decision is made of, as the ledger keeps it: exact, canonical, to be judged again.

Canonical JSON: keys sorted, no blanks, decimals as text, moments as ISO text in UTC, sets sorted.
Binary floats are refused, for not every reader gives them back as they were.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from kalshi_assets.risk.engine import RiskDecision, judge, judge_exit
from kalshi_assets.risk.inputs import ExitInputs, Inputs, Limits
from kalshi_assets.storage.ledger import Decision


def canonical(value: object) -> bytes:
    """Return a value as canonical JSON, the same bytes for the same value.

    Raises:
        TypeError: there is a binary float in it, or something else that JSON does not give back.
    """
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def stored_inputs(
    inputs: Inputs | ExitInputs, limits: Limits, *, seen: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `decisions.inputs` holds: all of it, and beside it a few things to read."""
    return {"seen": dict(seen), "inputs": plain(inputs), "limits": plain(limits)}


def result_of(decision: RiskDecision) -> bytes:
    """Return what was decided: every gate with its answer, price, count and cost."""
    return canonical(decision)


def recompute(stored: Decision) -> bytes:
    """Judge what a decision saw again, and return the result: the very bytes that it stored.

    Raises:
        KeyError: a row of before all was kept.
        pydantic.ValidationError: inputs of another version of the rules.
    """
    limits: Limits = _reader(Limits).validate_python(stored.inputs["limits"])
    kind: type = ExitInputs if stored.kind == "exit" else Inputs
    inputs = _reader(kind).validate_python(stored.inputs["inputs"])
    return result_of(judge_exit(inputs, limits) if kind is ExitInputs else judge(inputs, limits))


def plain(value: object) -> Any:
    """Return a value as JSON has it.

    Raises:
        TypeError: a binary float, or a kind of value that is not written.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    raise TypeError(f"{value!r} of {type(value).__name__} is not kept: it may not come back exact")


@cache
def _reader(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)

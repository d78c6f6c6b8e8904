"""What a rule answers: its name, what it saw, what it allows, and a reason where it refuses."""

from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Gate:
    """One rule's answer. `reason` is a sentence where the rule refuses."""

    gate: str
    is_passed: bool
    value: str
    limit: str
    reason: str = ""


def answer(name: str, is_passed: bool, value: str | None, limit: str) -> Gate:
    """Return a rule's answer; a value of None is "unknown", and a refusal gets its sentence."""
    shown = UNKNOWN if value is None else value
    reason = "" if is_passed else f"{name.replace('_', ' ')} is {shown}, needed: {limit}"
    return Gate(name, is_passed, shown, limit, reason)

"""What hands changed of what the bot was doing: counted and priced."""

from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_assets.domain.journal import Override
from kalshi_assets.review.statistics import Figure

KINDS = ("cancelled", "closed_early", "doubled")


@dataclass(frozen=True)
class Hands:
    """Overrides of one kind, or all. Money in micros, of those that are priced.

    Attributes:
        came: what came of them; `rule`: what the rule would have made; `gain`: what the hand
            brought against it, below zero where the rule was better.
    """

    kind: str
    count: int
    unpriced_count: int
    came: Figure[int]
    rule: Figure[int]
    gain: Figure[int]


@dataclass(frozen=True)
class Overrides:
    """The overrides of a week by kind, all of them, and all so far."""

    by_kind: tuple[Hands, ...]
    total: Hands
    so_far: Hands


def overrides_of(week: Sequence[Override], so_far: Sequence[Override]) -> Overrides:
    """Return the overrides counted and priced."""
    return Overrides(
        by_kind=tuple(_hands(kind, [o for o in week if o.kind == kind]) for kind in KINDS),
        total=_hands("all", week),
        so_far=_hands("so far", so_far),
    )


def _hands(kind: str, overrides: Sequence[Override]) -> Hands:
    priced = [
        (o.came_micros, o.rule_micros)
        for o in overrides
        if o.came_micros is not None and o.rule_micros is not None
    ]
    unpriced = len(overrides) - len(priced)
    if not priced:
        none: Figure[int] = Figure(None, "none can be priced" if overrides else "there was none")
        return Hands(kind, len(overrides), unpriced, none, none, none)
    came, rule = sum(came for came, _ in priced), sum(rule for _, rule in priced)
    return Hands(kind, len(overrides), unpriced, Figure(came), Figure(rule), Figure(came - rule))

"""A rule that is set: when it holds, whether it strikes a call, how often it did."""

from dataclasses import dataclass
from random import Random

from kalshi_assets.local_exchange.faults.rules import CallRule
from kalshi_assets.local_exchange.faults.vocabulary import NamedRule
from kalshi_assets.local_exchange.gate import Endpoint

View = dict[str, object]


@dataclass(slots=True, eq=False)
class Entry:
    """A rule that is set.

    Attributes:
        span: the venue's moments it holds from and until.
        struck: how often it struck.
        is_on: it holds now.
    """

    entry_id: int
    named: NamedRule
    span: tuple[float, float]
    chance: Random
    struck: int = 0
    is_on: bool = False

    def holds_at(self, ms: int) -> bool:
        """Tell whether it holds at a moment."""
        return self.span[0] <= ms < self.span[1]

    def strikes(self, endpoint: Endpoint) -> bool:
        """Tell whether it strikes a call, and count it if so. One chance is drawn a call."""
        rule = self.named.rule
        if not (self.is_on and isinstance(rule, CallRule) and rule.is_on(endpoint)):
            return False
        if rule.times is not None and self.struck >= rule.times:
            return False
        if rule.share < 1 and self.chance.random() >= rule.share:
            return False
        self.struck += 1
        return True

    def view(self) -> View:
        """Return it as the control address shows it."""
        return {
            "id": self.entry_id,
            "rule": dict(self.named.given),
            "is_on": self.is_on,
            "struck": self.struck,
        }

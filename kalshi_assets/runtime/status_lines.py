"""What the status says of one signal, order, position and so on: a line each, money in dollars."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SignalLine:
    """An open episode: the side to buy, points off the average, and what was decided last."""

    market: str
    side: str
    deviation_points: float
    status: str
    outcome: str | None
    why_not: str


@dataclass(frozen=True)
class OrderLine:
    """A live order. `limit_usd` is of the side bought."""

    market: str
    side: str
    contracts: float
    filled_contracts: float
    limit_usd: float
    status: str
    expires_in_seconds: float


@dataclass(frozen=True)
class PositionLine:
    """Contracts held of one side, and the bid they could be sold at; None where unknown.

    Where nothing trades now it is what they count until they are paid.
    """

    market: str
    side: str
    contracts: float
    sell_price_usd: float | None
    is_waiting: bool = False

    @property
    def bid(self) -> str:
        """Return the bid in words."""
        if self.sell_price_usd is None:
            return "no bid known"
        if self.is_waiting:
            return f"counts {self.sell_price_usd:.2f} USD, not trading"
        return f"bid {self.sell_price_usd:.2f} USD"


@dataclass(frozen=True)
class AccountLine:
    """Value and cash. `source`: "venue", stated just now, or "recorded", by an earlier job."""

    source: str
    as_of: datetime
    age_seconds: float
    cash_usd: float
    value_usd: float | None


@dataclass(frozen=True)
class TodayLine:
    """What the account has made since midnight in New York; marked, and None where not known."""

    opened_at_usd: float | None
    made_usd: float | None


@dataclass(frozen=True)
class ReviewLine:
    """The newest weekly review: its week's Sunday, and its answer in a sentence."""

    first_day: str
    is_provisional: bool
    answer: str

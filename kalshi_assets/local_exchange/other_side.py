"""The other side of the accounts' money: the rest of the world, the fees collected, the escrow.

A contract is a pair of a YES and a NO holder and a dollar set aside for it. Whoever opens pays its
part into the market's escrow, whoever closes is paid out of it, and settlement pays all of it out.
So the money of all accounts, the world's, the fees and the escrow always add up to what the
accounts began with, and a market's escrow is a dollar for every open pair.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR

_WORLD, _FEES = "world", "fees"


@dataclass(frozen=True, slots=True)
class Books:
    """All the money there is, in micros; `world` may be negative: it has no limit."""

    accounts: int
    world: int
    fees: int
    escrow: int

    @property
    def total(self) -> int:
        """The sum, which only a new account's starting cash and transfers ever change."""
        return self.accounts + self.world + self.fees + self.escrow


class OtherSide:
    """Keeps the other side's books, within the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def books(self) -> Books:
        """Return all sums as they truly stand."""
        count = self._store.number
        return Books(
            accounts=count("select coalesce(sum(micros), 0) from cash"),
            world=self._amount(_WORLD),
            fees=self._amount(_FEES),
            escrow=count("select coalesce(sum(micros), 0) from escrow"),
        )

    def world_position(self, ticker: str) -> int:
        """Return what the tape's side holds of a market against the accounts, + YES, - NO."""
        row = self._store.row("select world_position from escrow where ticker = ?", ticker)
        return 0 if row is None else int(row["world_position"])

    def escrow_micros(self, ticker: str) -> int:
        """Return what is set aside for a market's open pairs."""
        row = self._store.row("select micros from escrow where ticker = ?", ticker)
        return 0 if row is None else int(row["micros"])

    def collect(self, ticker: str, *, fee_micros: int, revenue_micros: int) -> None:
        """Book what an account's fill or settlement brings it, before its fee."""
        self._add(_FEES, fee_micros)
        self._set_aside(ticker, -revenue_micros)

    def fill_world(self, ticker: str, side: Side, *, price: int, count: int) -> None:
        """Book a fill of the tape's liquidity on this side of the book."""
        held = self.world_position(ticker)
        outcome_price = price if side == "bid" else ONE_DOLLAR - price
        closing = min(max(-held if side == "bid" else held, 0), count)
        revenue = closing * (ONE_DOLLAR - outcome_price) - (count - closing) * outcome_price
        self._add(_WORLD, revenue)
        self._set_aside(ticker, -revenue, world_moves=count if side == "bid" else -count)

    def settle_world(self, ticker: str, *, yes_payout: int) -> None:
        """Pay the tape's side for what it holds."""
        held = self.world_position(ticker)
        revenue = held * yes_payout if held > 0 else -held * (ONE_DOLLAR - yes_payout)
        self._add(_WORLD, revenue)
        self._set_aside(ticker, -revenue, world_moves=-held)

    def _amount(self, name: str) -> int:
        row = self._store.row("select micros from other_side where name = ?", name)
        return 0 if row is None else int(row["micros"])

    def _add(self, name: str, micros: int) -> None:
        if micros:
            sql = (
                "insert into other_side values (?, ?) on conflict (name)"
                " do update set micros = micros + excluded.micros"
            )
            self._store.run(sql, name, micros)

    def _set_aside(self, ticker: str, micros: int, *, world_moves: int = 0) -> None:
        self._store.run(
            "insert into escrow values (?, ?, ?) on conflict (ticker)"
            " do update set micros = micros + excluded.micros,"
            " world_position = world_position + excluded.world_position",
            *(ticker, micros, world_moves),
        )

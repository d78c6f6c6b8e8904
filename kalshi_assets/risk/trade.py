"""The order that a signal would make: price, count and cost, also where some rule refuses it."""

from dataclasses import dataclass

from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.market import Market, Quote
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.risk.inputs import Inputs, Limits
from kalshi_assets.strategy.mean_reversion import ask_of
from kalshi_assets.strategy.sizing import contracts_within


@dataclass(frozen=True)
class Trade:
    """The order asked about. Prices are of the side bought, micros; None where not known.

    Attributes:
        ask: what one contract costs now; None also where nobody sells.
        reference: the ask at which the signal was made; before that the ask of now.
        most: what is paid at most, the slippage over `reference`.
        price: the limit, min(ask, most) on the market's grid.
        spendable_micros: what one trade may cost of the portfolio, or the cash if that is less.
        count: the whole contracts that pays for, centicontracts; 0 where not one does.
        cost_micros: of these, with fees.
    """

    ask: int | None = None
    reference: int | None = None
    most: int | None = None
    price: int | None = None
    spendable_micros: int | None = None
    count: int | None = None
    cost_micros: int | None = None


def trade_of(inputs: Inputs, limits: Limits) -> Trade:
    """Return the order that a signal would make now."""
    market, quote, side = inputs.market, inputs.quote, inputs.signal.side
    if market is None or quote is None or not _has_ask(side, quote):
        return Trade()
    ask = ask_of(side, yes_bid=quote.yes_bid, yes_ask=quote.yes_ask)
    given = inputs.signal.reference_price
    reference = ask if given is None else given
    most = reference + limits.max_slippage
    price = _on_grid(market, side, min(ask, most))
    spendable = _spendable(inputs, limits)
    multiplier = inputs.fee_multiplier
    if price is None or spendable is None or multiplier is None:
        return Trade(ask, reference, most, price, spendable)
    count = contracts_within(spendable, price, fee_multiplier=multiplier)
    cost = cost_to_buy(count, price, multiplier=multiplier) if count else 0
    return Trade(ask, reference, most, price, spendable, count, cost)


def _has_ask(side: str, quote: Quote) -> bool:
    size = quote.yes_ask_size if side == "yes" else quote.yes_bid_size
    return size > 0


def _on_grid(market: Market, side: str, price: int) -> int | None:
    """Return the highest price of the side, not above `price`, that the market's grid has."""
    if side == "yes":
        return market.grid.floor(price)
    yes = market.grid.ceiling(MICROS_PER_DOLLAR - price)
    return None if yes is None else MICROS_PER_DOLLAR - yes


def _spendable(inputs: Inputs, limits: Limits) -> int | None:
    account = inputs.account
    if account is None or account.sellable_micros is None:
        return None
    budget = int(account.sellable_micros * limits.max_trade_pct / 100)
    return min(budget, account.cash_micros)

"""`halt`, `reduce`, `flatten`, `resume`, `book-transfer`, `arm`, `disarm` on the command line."""

from decimal import Decimal

import click

from kalshi_assets.domain.price import contracts
from kalshi_assets.settings import load_settings

EXIT_NOT_CONFIRMED = 3


class Dollars(click.ParamType[Decimal]):
    """An exact amount of dollars, as 12.50 or -12.50."""

    name = "dollars"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Return the amount, exactly."""
        try:
            amount = Decimal(str(value))
        except ArithmeticError:
            self.fail(f"{value!r} is no amount of dollars: write 500 or -12.50", param, ctx)
        if not amount.is_finite() or amount != round(amount, 4):
            self.fail(f"{value!r} is no amount of dollars with up to 4 decimals", param, ctx)
        return amount


WHY = click.option("--why", default="", help="The reason; it is kept with the change.")


@click.command()
@WHY
@click.option("--all", "is_everything", is_flag=True, help="Cancel all of the account's orders.")
@click.pass_context
def halt(context: click.Context, *, why: str, is_everything: bool) -> None:
    """Halt trading and cancel our orders until the venue confirms.

    Exit code 0: what was to be cancelled is dead; 3: halted, but not every order is confirmed dead.
    """
    from kalshi_assets.runtime import trading

    halted = trading.halt_trading(
        load_settings(), why=why or "by command", is_everything=is_everything
    )
    click.echo(halted.sentence)
    context.exit(0 if halted.is_confirmed else EXIT_NOT_CONFIRMED)


@click.command()
@WHY
def reduce(*, why: str) -> None:
    """Buy nothing new from now on; exits go on."""
    from kalshi_assets.runtime import trading

    changed = trading.reduce_trading(load_settings(), why=why or "by command")
    click.echo(
        "Trading only reduces now." if changed else "Nothing changed: it was reducing or halted."
    )


@click.command()
@WHY
@click.pass_context
def flatten(context: click.Context, *, why: str) -> None:
    """Buy nothing new, and sell at the bid of now all that our orders bought.

    What was bought by hand stays. Exit code 0: nothing of ours is held any more; 3: some of it is.
    """
    from kalshi_assets.runtime import trading

    flattened = trading.flatten_holdings(load_settings(), why=why or "flatten, by command")
    for line in flattened.lines:
        click.echo(line)
    for left in flattened.left:
        click.echo(f"STILL HELD: {contracts(left.count)} {left.side.upper()} {left.market_ticker}")
    if not flattened.left:
        click.echo("Nothing of ours is held.")
    context.exit(EXIT_NOT_CONFIRMED if flattened.left else 0)


@click.command()
@WHY
@click.option(
    "--accept-unknown",
    "is_unknown_accepted",
    is_flag=True,
    help="Orders of our scheme that this ledger did not send were looked into.",
)
def resume(*, why: str, is_unknown_accepted: bool) -> None:
    """Reconcile ledger and venue; if they agree, trade again.

    Exit code 0: trading is active; 1: it stays as it was, the message says why.
    """
    from kalshi_assets.runtime import trading

    resumed = trading.resume_trading(
        load_settings(), why=why or "by command", is_unknown_accepted=is_unknown_accepted
    )
    for ended in resumed.halts:
        click.echo(f"Ended: halt of {ended.changed_at:%Y-%m-%d %H:%M:%S} UTC, {ended.reason}")
    click.echo(f"Ledger and venue agree: {resumed.comparison.sentence}.")
    click.echo("Trading is active." if resumed.is_changed else "Trading was active before.")


@click.command("book-transfer", context_settings={"ignore_unknown_options": True})
@click.argument("amount", type=Dollars())
@click.option("--note", required=True, help="What it was.")
def book_transfer(*, amount: Decimal, note: str) -> None:
    """Write down AMOUNT dollars that were paid in, or out where it is negative."""
    from kalshi_assets.runtime import trading

    total = trading.book_transfer(load_settings(), amount, note=note)
    click.echo(f"Booked. Paid in and out: {total}.")


@click.command()
@click.option("--hours", type=float, default=24, show_default=True, help="Until it expires.")
@click.option("--ledger", help="URL of the paper or demo database that shows 14 reconciled days.")
@click.option("--override", default="", help="Without those days: the sentence, typed in full.")
def arm(*, hours: float, ledger: str | None, override: str) -> None:
    """Let orders of real money pass for some hours; on the venue live only."""
    from kalshi_assets.runtime import arming

    armed = arming.arm_trading(load_settings(), hours=hours, ledger=ledger, override=override)
    click.echo(f"Armed until {armed.until:%Y-%m-%d %H:%M} UTC: {armed.because}.")


@click.command()
def disarm() -> None:
    """Let no order of real money pass any more."""
    from kalshi_assets.runtime import arming

    arming.disarm_trading(load_settings())
    click.echo("Disarmed. Resting orders: `kalshi-assets halt` cancels them.")

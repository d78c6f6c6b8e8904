"""A paper account of before orders waited in a queue."""

from datetime import datetime, timedelta

from alembic import command
from sqlalchemy import text

from kalshi_assets.storage.migrate import alembic_config, prepare
from kalshi_assets_tests.execution.paper_bench import PaperBench, paper_bench
from kalshi_assets_tests.local_exchange.bench import ScriptedTape
from kalshi_assets_tests.stand import DatabaseMaker

OLD_COLUMNS = (
    "order_id, client_order_id, market_ticker, side, limit_price, initial_count, fill_count, "
    "status, reason, fee_type, fee_multiplier, fees_micros, created_at, updated_at, expires_at"
)


def test_orders_and_fills_of_before_live_on_and_wait_for_a_look_at_the_book(
    make_database: DatabaseMaker,
) -> None:
    tape = ScriptedTape()
    tape.trade("ask", "0.47", "500", at=10)  # how many wait ahead is not known yet
    tape.trade("ask", "0.47", "4", at=30)  # three do
    with paper_bench(make_database(), tape) as paper:
        filled = paper.buy("yes", "0.52", "1").order_id
        resting = paper.buy("yes", "0.47", "4").order_id
        before = paper.listed(filled), paper.venue.fills(), paper.venue.balance().cash_micros
        as_before_queues(paper, paper.now)
        paper.floor.wait(20)
        assert (paper.listed(resting).status, paper.listed(resting).fill_count) == ("resting", 0)
        paper.floor.wait(20)
        assert paper.listed(resting).fill_count == 100
        after = paper.listed(filled), paper.venue.fills()[:1], paper.venue.balance().cash_micros
        assert after == (before[0], before[1], before[2] - 470_000)
        paper.floor.wait(200)
        assert paper.listed(resting).status == "canceled"


def as_before_queues(paper: PaperBench, now: datetime) -> None:
    """Bring the database back to revision 0003, then to this version's again."""
    with paper.database.transaction() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        columns = connection.scalar(
            text(
                "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) "
                "FROM information_schema.columns WHERE table_name = 'paper_orders'"
            )
        )
        assert columns == OLD_COLUMNS
    prepare(paper.database, identity="paper", now=now + timedelta(seconds=1))

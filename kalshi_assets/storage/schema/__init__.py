"""The tables, as data. Prices and money: micros (10^-6 USD); counts: centicontracts (0.01).

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from kalshi_assets.storage.schema.columns import SCHEMA as SCHEMA
from kalshi_assets.storage.schema.columns import metadata as metadata
from kalshi_assets.storage.schema.feeds import feeds as feeds
from kalshi_assets.storage.schema.feeds import live_books as live_books
from kalshi_assets.storage.schema.feeds import run_claims as run_claims
from kalshi_assets.storage.schema.feeds import tidings as tidings
from kalshi_assets.storage.schema.ledger import cash_movements as cash_movements
from kalshi_assets.storage.schema.ledger import decisions as decisions
from kalshi_assets.storage.schema.ledger import fills as fills
from kalshi_assets.storage.schema.ledger import foreign_orders as foreign_orders
from kalshi_assets.storage.schema.ledger import order_events as order_events
from kalshi_assets.storage.schema.ledger import orders as orders
from kalshi_assets.storage.schema.ledger import portfolio as portfolio
from kalshi_assets.storage.schema.ledger import positions as positions
from kalshi_assets.storage.schema.ledger import settlements as settlements
from kalshi_assets.storage.schema.market_data import archives as archives
from kalshi_assets.storage.schema.market_data import averages_due as averages_due
from kalshi_assets.storage.schema.market_data import candle_ticks as candle_ticks
from kalshi_assets.storage.schema.market_data import clean_ticks as clean_ticks
from kalshi_assets.storage.schema.market_data import cleaning_memories as cleaning_memories
from kalshi_assets.storage.schema.market_data import daily_summaries as daily_summaries
from kalshi_assets.storage.schema.market_data import events as events
from kalshi_assets.storage.schema.market_data import gaps as gaps
from kalshi_assets.storage.schema.market_data import history_loads as history_loads
from kalshi_assets.storage.schema.market_data import live_ticks as live_ticks
from kalshi_assets.storage.schema.market_data import markets as markets
from kalshi_assets.storage.schema.market_data import polls as polls
from kalshi_assets.storage.schema.market_data import quarantine as quarantine
from kalshi_assets.storage.schema.market_data import raw_ticks as raw_ticks
from kalshi_assets.storage.schema.market_data import rolling_averages as rolling_averages
from kalshi_assets.storage.schema.market_data import series as series
from kalshi_assets.storage.schema.market_data import signals as signals
from kalshi_assets.storage.schema.market_data import tick_sources as tick_sources
from kalshi_assets.storage.schema.market_data import tick_statuses as tick_statuses
from kalshi_assets.storage.schema.market_data import trades as trades
from kalshi_assets.storage.schema.market_data import universe_changes as universe_changes
from kalshi_assets.storage.schema.market_data import verdicts as verdicts
from kalshi_assets.storage.schema.operations import alert_deliveries as alert_deliveries
from kalshi_assets.storage.schema.operations import alerts as alerts
from kalshi_assets.storage.schema.operations import api_calls as api_calls
from kalshi_assets.storage.schema.operations import armings as armings
from kalshi_assets.storage.schema.operations import breaker_failures as breaker_failures
from kalshi_assets.storage.schema.operations import breaker_transitions as breaker_transitions
from kalshi_assets.storage.schema.operations import installation as installation
from kalshi_assets.storage.schema.operations import settings_history as settings_history
from kalshi_assets.storage.schema.operations import trading_state as trading_state
from kalshi_assets.storage.schema.paper import paper_fills as paper_fills
from kalshi_assets.storage.schema.paper import paper_orders as paper_orders
from kalshi_assets.storage.schema.paper import paper_settlements as paper_settlements
from kalshi_assets.storage.schema.paper import paper_taken as paper_taken
from kalshi_assets.storage.schema.paper import paper_trades as paper_trades
from kalshi_assets.storage.schema.review import overrides as overrides
from kalshi_assets.storage.schema.review import trade_journal as trade_journal
from kalshi_assets.storage.schema.review import weekly_reviews as weekly_reviews

# Tables that hold one native partition a New York day, and the column that decides the day.
DAY_PARTITIONED = {
    "live_ticks": "observed_at",
    "candle_ticks": "observed_at",
    "trades": "traded_at",
    "clean_ticks": "observed_at",
    "rolling_averages": "as_of",
}

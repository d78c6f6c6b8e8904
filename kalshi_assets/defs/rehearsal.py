"""What runs of orders ask the database, asked on import: for a process that others fork from.

SQLAlchemy works out a statement at its first use, one to five milliseconds each. Worked out here,
they are there in every run that is forked afterwards: its engines are these.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from kalshi_assets.defs.market_data.checks import look_at
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution.code_version import code_version
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.storage import account, activity, arming, breaker, ledger, markets, verdicts
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.signals import open_signals
from kalshi_assets.storage.trading_state import current_state

# Python makes what runs often quick, after a few times.
TIMES = 8
NOBODY = ("none",)


def rehearse(platform: Platform) -> Sequence[object]:
    """Ask, and return the engines that have learnt the answers' shape, without a connection."""
    code_version()
    engines = [platform.database.engine, platform.ledger.engine]
    try:
        for _ in range(TIMES):
            look_once(platform)
    finally:
        platform.close()
    return engines


def connected() -> Platform:
    """Connect, and look once at all that an order run looks at: for a process that waits for one.

    The sessions are open while what is returned is kept, and the server knows what it is asked. The
    run reads everything anew.
    """
    platform = Platform()
    with suppress(ConfigurationError):  # there is no database yet: who needs one says so
        look_once(platform)
    return platform


def look_once(platform: Platform) -> None:
    """Read what an order run reads, and check it. Nothing is written."""
    suite = [c for c in checks(quality_limits_of(platform.settings)) if c.is_gating]
    look_at(suite, platform, days=())
    with platform.ledger.transaction() as connection:
        _judge(connection, platform.clock.now(), platform.settings.api_host)


def _judge(connection: Connection, now: datetime, host: str) -> None:
    """Read what signals are judged by, orders are made of, and the account is compared with."""
    ledger.approved_without_order(connection)
    ledger.live_orders(connection)
    ledger.orders_of_signals(connection, NOBODY)
    ledger.latest_outcomes(connection, NOBODY)
    ledger.order_by_client_id(connection, *NOBODY)
    ledger.known_client_ids(connection, NOBODY)
    ledger.client_ids_by_venue_id(connection)
    open_signals(connection, venue_day(now))
    markets.known_markets(connection, NOBODY)
    verdicts.latest_verdicts(connection)
    activity.ordered_lately(connection, now)
    activity.newest_fill_known_at(connection)
    activity.opening_value(connection, now)
    current_state(connection)
    breaker.newest_transition(connection, host)
    arming.armed_until(connection)
    account.newest_fill_at(connection)
    own_holdings(connection)


ENGINES: Sequence[object] = ()
try:
    ENGINES = rehearse(Platform())
except ConfigurationError:  # there is no database yet: who needs one says so
    pass
except Exception:  # it only saves time: whatever is wrong, what is forked has to start
    logging.getLogger(__name__).warning("runs work out their statements themselves", exc_info=True)

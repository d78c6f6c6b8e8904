"""A Kalshi exchange in one process: REST under /trade-api/v2, matching, accounts, a replayed tape.

A product feature (demo, rehearsals) and the test bench of everything that talks to Kalshi. It
imports nothing else of ours: it owns its fees, its grid and its matching, so that a bug in the
client's cannot hide. Start it with `python -m kalshi_assets.local_exchange`, or in a thread:

    exchange = open_exchange("cpi-week", keys={key_id: public_key_pem})
    with running_exchange(exchange) as handle:
        ...  # talk to handle.url

Reading order: `app` (routes) → `gate` (the way in) → `*_endpoints` → `exchange` → `trading`,
`amending` and `course` (what happens when somebody calls, and by itself) → `dealing` → `ledger`,
`book`, `matching`, `fees`. `schema` tells how reads come to lag behind all that.
`tape` is the protocol of what is replayed; `scenarios/` and `recordings/` implement it. `inputs`
names what is played and which `faults/` its feed has.
"""

from kalshi_assets.local_exchange.app import create_app
from kalshi_assets.local_exchange.auth import Key
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import LocalExchangeError, StateMismatch, UnknownScenario
from kalshi_assets.local_exchange.exchange import Exchange, Terms, open_exchange
from kalshi_assets.local_exchange.inputs import Input, Recording
from kalshi_assets.local_exchange.limits import RateLimits
from kalshi_assets.local_exchange.server import Handle, ServerConfig, running_exchange, serve
from kalshi_assets.local_exchange.tiers import Tiers

__all__ = [
    "Exchange",
    "Handle",
    "Input",
    "Key",
    "LocalExchangeError",
    "ManualClock",
    "RateLimits",
    "Recording",
    "ServerConfig",
    "StateMismatch",
    "Terms",
    "Tiers",
    "UnknownScenario",
    "create_app",
    "open_exchange",
    "running_exchange",
    "serve",
]

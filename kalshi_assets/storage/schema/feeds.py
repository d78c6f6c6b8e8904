"""The live feed, the books it keeps, and what is told to those who wait."""

from sqlalchemy import BigInteger, Boolean, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from kalshi_assets.storage.schema.columns import INSTANT, metadata, optional, required

# One row. Only its `owner` may write; `beat_wall_at` is wall time, the rest the venue's. Every
# trade up to `trades_sure_until` is kept; later ones may still have to be read over REST. Since
# `away_since` the stream tells nothing.
feeds = Table(
    "feeds",
    metadata,
    required("name", Text(), primary_key=True),
    required("owner", Text()),
    required("started_at", INSTANT),
    required("beat_wall_at", INSTANT),
    required("is_streaming", Boolean()),
    required("trades_sure_until", INSTANT),
    optional("newest_at", INSTANT),
    optional("away_since", INSTANT),
)

# The newest whole book of a market: `[[price, count], ...]`, best last, each side in its own
# prices. One that is not sure is in doubt since: it is the last that was whole.
live_books = Table(
    "live_books",
    metadata,
    required("market_ticker", Text(), primary_key=True),
    required("yes_bids", JSONB()),
    required("no_bids", JSONB()),
    required("is_sure", Boolean()),
    optional("changed_at", INSTANT),
    required("received_at", INSTANT),
)

# How often something was told on a channel.
tidings = Table(
    "tidings",
    metadata,
    required("name", Text(), primary_key=True),
    required("count", BigInteger()),
)

# For which mark a run of a job was asked for last, by whichever sensor.
run_claims = Table(
    "run_claims",
    metadata,
    required("job", Text(), primary_key=True),
    required("mark", Text()),
    required("claimed_wall_at", INSTANT),
)

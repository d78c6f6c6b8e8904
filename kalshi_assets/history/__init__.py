"""Weeks of trading in fast motion, so that there is something to review: `demo --history`.

The clock of the local exchange is moved from one moment of the plan to the next, and at each the
project's own assets and checks do what they do live: the functions that Dagster's steps call, with
the same gates, ledger and exchange, only without a run of Dagster around each. A person who trades
beside the bot and changes its mind is played as well, and incidents happen.

`plan` says when and what, `steering` moves the exchange's clock, `pipeline` runs the assets,
`person` acts, `course` puts them together, `balance` adds up what came of it. Above `defs`: nothing
imports this room; the demo starts it as a process.
"""

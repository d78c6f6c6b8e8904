"""`python -m kalshi_assets.local_exchange`: the exchange as a process of its own."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from kalshi_assets.local_exchange.errors import LocalExchangeError
from kalshi_assets.local_exchange.exchange import DEFAULT_CASH, Terms
from kalshi_assets.local_exchange.inputs import DEFAULT_SPREAD, Input, Recording
from kalshi_assets.local_exchange.limits import TIERS
from kalshi_assets.local_exchange.server import ServerConfig, serve
from kalshi_assets.local_exchange.units import dollars_to_micros, to_ms

EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the exchange until it is told to stop; return the exit code."""
    try:
        serve(_config(_parser().parse_args(argv)))
    except (LocalExchangeError, OSError) as exc:
        print(f"local exchange: {exc}", file=sys.stderr)
        return EXIT_USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kalshi_assets.local_exchange", description=__doc__)
    add = parser.add_argument
    played = parser.add_mutually_exclusive_group(required=True)
    played.add_argument("--scenario", help="name of the scenario to replay")
    played.add_argument("--recording", type=Path, help="folder of candles or frames to replay")
    add("--at", type=_instant, help="where in the recording the clock begins, ISO with offset")
    add("--spread", type=int, default=DEFAULT_SPREAD, help="around recorded prices, in $0.0001")
    add("--fault", action="append", default=[], help="NAME for all markets, NAME:TICKER for one")
    add("--faults", type=Path, help="JSON file: a list of fault rules")
    add("--state", required=True, type=Path, help="folder of the state; made if missing")
    add("--keys", required=True, type=Path, help="JSON file: {key id: public key as PEM}")
    add("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    add("--speed", type=float, default=1.0, help="venue seconds a wall second")
    add("--cash", type=_dollars, default=DEFAULT_CASH, help="starting cash of a new account")
    add("--tier", choices=sorted(TIERS), default="basic", help="of every account: its rate limits")
    add("--no-rate-limit", action="store_true", help="never answer 429")
    add("--ready-file", type=Path, help="written, atomically, once requests are answered")
    add("--parent-pid", type=int, help="stop when this process is no longer the parent")
    return parser


def _config(args: argparse.Namespace) -> ServerConfig:
    if args.speed <= 0:
        raise LocalExchangeError(f"--speed {args.speed} is not positive")
    try:
        dollars_to_micros(args.cash)
    except ValueError as exc:
        raise LocalExchangeError(f"--cash: {exc}") from exc
    return ServerConfig(
        source=Input(_source(args), tuple(args.fault)),
        keys=_read_keys(args.keys),
        state_dir=args.state,
        port=args.port,
        speed=args.speed,
        terms=Terms(
            cash=args.cash,
            rate_limits=replace(TIERS[args.tier], is_enforced=not args.no_rate_limit),
        ),
        ready_file=args.ready_file,
        fault_file=args.faults,
        parent_pid=args.parent_pid,
    )


def _source(args: argparse.Namespace) -> str | Recording:
    if args.recording is None:
        return str(args.scenario)
    if args.at is None:
        raise LocalExchangeError("--at is missing: the moment in the recording to begin at")
    return Recording(args.recording, args.at, args.spread)


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment") from exc
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset from UTC")
    return to_ms(moment)


def _dollars(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of dollars") from exc


def _read_keys(path: Path) -> dict[str, str]:
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise LocalExchangeError(f"--keys {path}: not JSON: {exc}") from exc
    if not isinstance(keys, dict) or not all(isinstance(pem, str) for pem in keys.values()):
        raise LocalExchangeError(f"--keys {path}: not an object of key ids and PEM texts")
    return keys


if __name__ == "__main__":
    sys.exit(main())

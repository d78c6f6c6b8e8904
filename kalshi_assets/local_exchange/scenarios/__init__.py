"""The scenarios this exchange can replay, by name."""

import re
from collections.abc import Callable

from kalshi_assets.local_exchange.errors import UnknownScenario
from kalshi_assets.local_exchange.scenarios import cpi_week, history, jumps
from kalshi_assets.local_exchange.tape import Tape

_BUILDERS: dict[str, Callable[[], Tape]] = {
    "cpi-week": cpi_week.build,
    "history": history.build,
    "jumps": jumps.build,
}


def known_scenarios() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(_BUILDERS)


def load_scenario(name: str) -> Tape:
    """Build a scenario's tape.

    Raises:
        UnknownScenario: naming the value and the known ones.
    """
    if (seed := re.fullmatch(rf"{history.NAME}-([0-9]{{1,9}})", name)) is not None:
        return history.build(int(seed[1]))
    if name not in _BUILDERS:
        known = ", ".join(known_scenarios())
        raise UnknownScenario(f"unknown scenario {name!r}; known scenarios: {known}")
    return _BUILDERS[name]()

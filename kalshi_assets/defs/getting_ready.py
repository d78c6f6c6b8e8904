"""What a process does, on import, that waits for the next order run: it connects, and looks once.

Its sessions stay open, and the server knows by then what it is asked. Nothing is written, and the
run that comes reads everything anew.
"""

from contextlib import suppress

from kalshi_assets.defs.rehearsal import look_once
from kalshi_assets.defs.resources import Platform
from kalshi_assets.errors import ConfigurationError

PLATFORM = Platform()
with suppress(ConfigurationError):  # there is no database yet: who needs one says so
    look_once(PLATFORM)

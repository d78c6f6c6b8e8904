"""One check of one row, made on import: for a process from which others are forked.

Great Expectations makes its context, its registries and its patterns at the first check. Done once
here, every run that is forked afterwards begins where its first check would have ended.
"""

from datetime import UTC, datetime

import pandas as pd

from kalshi_assets.quality.rules import Check, Rule
from kalshi_assets.quality.runner import evaluate

_CHECK = Check(
    "rehearsal",
    "none",
    "A row is there.",
    (Rule("word", one_of=("a",)), Rule("number", 0.0)),
    "bad",
)
_ROWS = pd.DataFrame({"market_ticker": ["none"], "word": ["a"], "number": [1.0]})

evaluate(_CHECK, _ROWS, as_of=datetime(2026, 1, 1, tzinfo=UTC), max_bad_share=0.0)

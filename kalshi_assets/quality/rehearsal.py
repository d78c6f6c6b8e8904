"""What every check needs before it sees a row, made on import: for a process that others fork from.

Great Expectations makes its registries and its patterns at the first check, and works out for each
rule which measures it rests on. Done once here, every run that is forked afterwards only measures.
"""

from datetime import UTC, datetime
from typing import get_args

import pandas as pd

from kalshi_assets.quality.asking import Told, question
from kalshi_assets.quality.rules import Check, Rule
from kalshi_assets.quality.runner import evaluate
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings

_CHECK = Check(
    "rehearsal",
    "none",
    "A row is there.",
    (Rule("word", one_of=("a",)), Rule("number", 0.0)),
    "bad",
)
_ROWS = pd.DataFrame({"market_ticker": ["none"] * 2, "word": ["a", "b"], "number": [1.0, -1.0]})

evaluate(_CHECK, _ROWS, as_of=datetime(2026, 1, 1, tzinfo=UTC), max_bad_share=0.0)
for _check in checks(quality_limits_of(load_settings())):
    for _rule in _check.rules:
        for _told in get_args(Told):
            question(_rule, _told)

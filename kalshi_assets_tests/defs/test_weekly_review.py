"""The Sunday review of what was traded here: made by its job, kept, written down, made anew."""

import json
from datetime import timedelta

from kalshi_assets_tests.execution.trading_floor import judge_and_place
from kalshi_assets_tests.stand import Stand

WEEK = "2026-10-11"


def test_smoke(loaded_stand: Stand) -> None:
    judge_and_place(loaded_stand)
    loaded_stand.run("reconcile_job")
    loaded_stand.at(loaded_stand.now + timedelta(days=6))
    result = loaded_stand.run("review_job", partition_key=WEEK)
    for name in ("trade_journal", "weekly_review"):
        [event] = result.asset_materializations_for_node(name)
        for k, v in event.metadata.items():
            print(name, k, str(v.value if hasattr(v, "value") else v)[:3000])
    print(loaded_stand.rows("SELECT * FROM kalshi.trade_journal"))
    print(
        json.dumps(
            loaded_stand.rows("SELECT review FROM kalshi.weekly_reviews")[0]["review"], indent=1
        )
    )
    assert 0

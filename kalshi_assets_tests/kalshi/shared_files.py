"""Where the recordings and API documents lie; a clone does not carry them."""

import json
from pathlib import Path
from typing import Any

import pytest

KALSHI = Path(__file__).resolve().parents[3] / "shared" / "kalshi"
RECORDED = KALSHI / "recorded"

needs_recordings = [
    pytest.mark.recordings,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recordings at {RECORDED}"),
]


def recorded(name: str) -> bytes:
    return (RECORDED / f"{name}.json").read_bytes()


def circumstances(name: str) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads((RECORDED / f"{name}.meta.json").read_text("utf-8"))
    return meta


def names(prefix: str) -> list[str]:
    return sorted(
        path.stem for path in RECORDED.glob(f"{prefix}*.json") if not path.stem.endswith(".meta")
    )

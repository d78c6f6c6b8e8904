"""What a writer takes of a frame. Apart from the writers, which processes without frames use."""

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as a writer takes them; missing values are None."""
    if frame.empty:
        return []
    names = [str(name) for name in frame]
    columns = [frame[n].astype(object).where(frame[n].notna(), None).to_list() for n in frame]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

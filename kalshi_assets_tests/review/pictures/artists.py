"""What a figure shows, read from what matplotlib was told to draw: never from pixels."""

from typing import Any

import numpy as np


def line(panel: Any, label: str) -> tuple[list[float], list[float]]:
    """Return the points of the line with a label."""
    (found,) = [each for each in panel.lines if each.get_label() == label]
    return list(map(float, found.get_xdata())), list(map(float, found.get_ydata()))


def dots(panel: Any) -> dict[str, list[tuple[float, float]]]:
    """Return scattered points by label."""
    return {
        str(each.get_label()): [(float(x), float(y)) for x, y in np.asarray(each.get_offsets())]
        for each in panel.collections
        if not str(each.get_label()).startswith("_")
    }


def words(figure: Any) -> list[str]:
    """Return every text that is drawn, as it is read: an escaped dollar sign is one."""
    from matplotlib.text import Text

    figure.canvas.draw()
    texts = figure.findobj(Text)
    return [text for each in texts if (text := each.get_text().replace(r"\$", "$"))]


def smallest_text(figure: Any) -> float:
    """Return the size of the smallest text, in px of a screen at the figure's own width."""
    from matplotlib.text import Text

    figure.canvas.draw()
    sizes = [each.get_fontsize() for each in figure.findobj(Text) if each.get_text()]
    return float(min(sizes)) * 100 / 72

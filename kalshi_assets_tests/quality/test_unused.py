"""What Great Expectations imports for expectations that we do not use is not in our memory."""

import subprocess
import sys

HEAVY = "len([m for m in sys.modules if m.startswith(('scipy.stats.', 'altair.'))])"


def told(words: str) -> list[str]:
    """Return what a Python of its own says after our first check."""
    program = f"import sys, kalshi_assets.quality.rehearsal\n{words}"
    done = subprocess.run(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_check_imports_no_statistics_and_no_charts() -> None:
    assert told(f"print({HEAVY})") == ["0"]


def test_who_asks_for_them_gets_the_real_ones() -> None:
    words = """
import scipy.stats, altair, altair.vegalite
from scipy.stats import norm
from scipy import stats
from great_expectations.expectations.core import (
    expect_column_kl_divergence_to_be_less_than as user,
)
print(norm.cdf(0), scipy.stats.norm is norm, stats.norm is norm, altair.__version__[0].isdigit())
print(user.stats.entropy is stats.entropy, user.alt.Chart is altair.Chart)
"""
    assert told(words) == ["0.5", *["True"] * 5]

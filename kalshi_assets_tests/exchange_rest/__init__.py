"""The client against the local exchange, over the whole of REST: both rooms must agree."""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("account_cases", "market_cases", "order_cases"))
)

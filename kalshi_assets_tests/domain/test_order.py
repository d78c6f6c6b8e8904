from itertools import product

import pytest

from kalshi_assets.domain.order import (
    DEAD,
    LIVE,
    TRANSITIONS,
    IllegalTransition,
    OrderStatus,
    client_order_id,
    require_transition,
    status_at_venue,
)

ALLOWED: set[tuple[OrderStatus, OrderStatus]] = {
    ("intent", "unknown"),
    ("intent", "resting"),
    ("intent", "filled"),
    ("intent", "canceled"),
    ("intent", "rejected"),
    ("intent", "lapsed"),
    ("unknown", "resting"),
    ("unknown", "filled"),
    ("unknown", "canceled"),
    ("unknown", "lapsed"),
    ("resting", "resting"),
    ("resting", "filled"),
    ("resting", "canceled"),
}


@pytest.mark.parametrize(("old", "new"), list(product(TRANSITIONS, TRANSITIONS)))
def test_an_order_goes_only_where_its_state_machine_leads(
    old: OrderStatus, new: OrderStatus
) -> None:
    if (old, new) in ALLOWED:
        require_transition("an-order", old=old, new=new)
    else:
        with pytest.raises(IllegalTransition, match=f"an-order cannot go from {old} to {new}"):
            require_transition("an-order", old=old, new=new)


def test_every_status_is_either_live_or_dead_and_the_dead_stay_dead() -> None:
    assert set(TRANSITIONS) == LIVE | DEAD
    assert not LIVE & DEAD
    assert all(not TRANSITIONS[status] for status in DEAD)


def test_the_client_order_id_is_the_same_for_the_same_signal_leg_and_attempt() -> None:
    first = client_order_id("signal", leg="entry", attempt=1)
    assert first == client_order_id("signal", leg="entry", attempt=1)
    others = {
        client_order_id("signal", leg="entry", attempt=2),
        client_order_id("signal", leg="exit", attempt=1),
        client_order_id("another", leg="entry", attempt=1),
    }
    assert len(others | {first}) == 4


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("resting", 0, "resting"),
        ("resting", 500, "resting"),
        ("executed", 1_000, "filled"),
        ("executed", 600, "canceled"),  # somebody made it smaller before
        ("canceled", 0, "canceled"),
        ("canceled", 999, "canceled"),
        ("canceled", 1_000, "filled"),
    ],
)
def test_the_venues_status_becomes_ours(status: str, filled: int, expected: str) -> None:
    assert status_at_venue(status, fill_count=filled, initial_count=1_000) == expected


def test_a_status_the_venue_does_not_document_is_never_taken_for_dead() -> None:
    with pytest.raises(ValueError, match="'pending' is not an order status"):
        status_at_venue("pending", fill_count=0, initial_count=1_000)

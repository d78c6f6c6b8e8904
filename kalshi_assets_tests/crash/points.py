"""Every point at which a process dies: each step of submit, cancel, renew, record and reconcile."""

from kalshi_assets_tests.crash.death import Point

_BUYING = ("taker", "resting", "vanishing")
_SUBMITS = (*_BUYING, "exit")
_LEDGER = "kalshi_assets.storage.ledger:"
_CLIENT = "kalshi_assets.kalshi.client:KalshiClient."
_MOVED = _LEDGER + "move_order"
_NOTED = _LEDGER + "note_request"
_HALTED = "kalshi_assets.storage.trading_state:change_state"
_OPENED = "kalshi_assets.storage.books:add_opening"
_FOREIGN = "kalshi_assets.storage.books:add_foreign_orders"
_FILLED = "kalshi_assets.storage.account:save_fills"
_HELD = "kalshi_assets.storage.account:save_positions"
_CHANGES = {
    "cancel": ("cancel", "withdraw"),
    "renew": ("renew",),
}
_CALLS = {
    "cancel": ("cancel_order", "CancelOrderV2"),
    "renew": ("amend_order", "AmendOrderV2"),
}

EXECUTED = Point("submit: executed there", _SUBMITS, "CreateOrderV2", "after")
_SUBMIT = (
    Point("submit: nothing decided", _SUBMITS, _LEDGER + "save_decisions", "before"),
    Point("submit: decision uncommitted", _SUBMITS, _LEDGER + "save_decisions", "after"),
    Point("submit: decision committed", _SUBMITS, _LEDGER + "save_decisions", "committed"),
    Point("submit: intent uncommitted", _SUBMITS, _LEDGER + "add_intent", "after"),
    Point("submit: intent committed", _SUBMITS, _LEDGER + "add_intent", "committed"),
    Point("submit: intent read back", _SUBMITS, _CLIENT + "create_order", "before"),
    Point("submit: at the exchange", _SUBMITS, "CreateOrderV2", "before"),
    EXECUTED,
    Point("submit: answered", _SUBMITS, _CLIENT + "create_order", "after"),
    Point("submit: answer uncommitted", _SUBMITS, _MOVED, "after", once=_CLIENT + "create_order"),
    Point("submit: answer committed", _SUBMITS, _MOVED, "committed", once=_CLIENT + "create_order"),
    Point("submit: reads awaited", _SUBMITS, _CLIENT + "await_reads", "after"),
)


def _of_change(name: str) -> tuple[Point, ...]:
    """Return the points of a change of a resting order."""
    scenes, (call, operation) = _CHANGES[name], _CALLS[name]
    sent = _CLIENT + call
    return (
        Point(f"{name}: request uncommitted", scenes, _NOTED, "after"),
        Point(f"{name}: request committed", scenes, _NOTED, "committed"),
        Point(f"{name}: before sending", scenes, sent, "before"),
        Point(f"{name}: at the exchange", scenes, operation, "before"),
        Point(f"{name}: executed there", scenes, operation, "after"),
        Point(f"{name}: answered", scenes, sent, "after"),
        Point(f"{name}: answer uncommitted", scenes, _MOVED, "after", once=sent),
        Point(f"{name}: answer committed", scenes, _MOVED, "committed", once=sent),
    )


# Those of recovery: every job of ours passes them, whatever it is for.
RECOVERY = (
    Point("reconcile: list read", ("unclear",), _CLIENT + "orders", "after"),
    Point("reconcile: settled uncommitted", ("unclear",), _MOVED, "after"),
    Point("reconcile: settled", ("unclear",), _MOVED, "committed"),
    Point("reconcile: others uncommitted", ("unclear",), _FOREIGN, "after"),
    Point("reconcile: others noted", ("unclear",), _FOREIGN, "committed"),
    Point("fills: read", ("unclear", "taker", "fill"), _CLIENT + "fills", "after"),
    Point("fills: uncommitted", ("unclear", "taker", "fill"), _FILLED, "after"),
    Point("fills: committed", ("unclear", "taker", "fill"), _FILLED, "committed"),
    Point("snapshot: uncommitted", ("taker", "fill"), _HELD, "after"),
)
_OTHERS = (
    Point("books: not open", ("opening",), _OPENED, "before"),
    Point("books: opening uncommitted", ("opening",), _OPENED, "after"),
    Point("books: opened", ("opening",), _OPENED, "committed"),
    Point("halt: uncommitted", ("cancel",), _HALTED, "after"),
    Point("halt: committed", ("cancel",), _HALTED, "committed"),
)
POINTS: tuple[Point, ...] = (
    *_SUBMIT,
    *_of_change("cancel"),
    *_of_change("renew"),
    *RECOVERY,
    *_OTHERS,
)

"""The exchange's AsyncAPI document, where it is at hand, as judge of frames and commands."""

from collections.abc import Mapping
from typing import Any

from kalshi_assets_tests.api_documents import validator
from kalshi_assets_tests.local_exchange.stream.bench import Frame

Validators = Mapping[str, Any]
PAYLOADS = {
    "subscribed": "subscribedResponsePayload",
    "unsubscribed": "unsubscribedResponsePayload",
    "ok": "okResponsePayload",
    "error": "errorResponsePayload",
    "orderbook_snapshot": "orderbookSnapshotPayload",
    "orderbook_delta": "orderbookDeltaPayload",
    "ticker": "tickerPayload",
    "trade": "tradePayload",
    "fill": "fillPayload",
    "user_order": "userOrderPayload",
    "market_position": "marketPositionPayload",
    "market_lifecycle_v2": "marketLifecycleV2Payload",
    "event_lifecycle": "eventLifecyclePayload",
}
COMMANDS = {
    "subscribe": "subscribeCommandPayload",
    "unsubscribe": "unsubscribeCommandPayload",
    "update_subscription": "updateSubscriptionCommandPayload",
    "list_subscriptions": "listSubscriptionsCommandPayload",
}
UNNUMBERED = {"ticker", "fill", "market_position", "user_order"}


def validators_of(document: Any) -> Validators:
    """Return a validator for each schema of the document."""
    schemas = document["components"]["schemas"]
    return {
        name: validator({"$ref": f"#/components/schemas/{name}"}, schemas, "uuid")
        for name in schemas
    }


def check(validators: Validators, schema: str, payload: Any) -> None:
    errors = [
        f"{list(error.absolute_path)}: {error.message}"
        for error in validators[schema].iter_errors(payload)
    ]
    assert not errors, (schema, errors[:5], payload)


def check_frame(validators: Validators, frame: Frame) -> None:
    """Validate a frame, and that it sends no field the document does not know."""
    schema = PAYLOADS[frame["type"]]
    if frame["type"] == "ok" and isinstance(frame["msg"], list):
        schema = "listSubscriptionsResponsePayload"
    check(validators, schema, frame)
    known = validators[schema].schema["components"]["schemas"][schema]["properties"]
    assert set(frame) <= set(known)
    if isinstance(frame.get("msg"), dict):
        assert set(frame["msg"]) <= set(known["msg"]["properties"]), frame
    assert frame["type"] not in UNNUMBERED or "seq" not in frame

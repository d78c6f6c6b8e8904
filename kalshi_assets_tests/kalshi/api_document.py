"""The exchange's OpenAPI document as tests ask it: operations, schemas, checks and examples."""

import re
from functools import cache
from typing import Any

import httpx

from kalshi_assets_tests import api_documents
from kalshi_assets_tests.api_documents import loaded, validator, with_null
from kalshi_assets_tests.kalshi.payloads import body_of

PREFIX = "/trade-api/v2"
INSTANT, EPOCH = "2026-11-22T15:00:00Z", 1_795_359_600
# What the document calls a string and describes in words.
TEXTS = {
    "FixedPointDollars": "0.5600",
    "FixedPointCount": "1.00",
    "start": "0.0000",
    "end": "1.0000",
    "step": "0.0100",
    "open_time": "08:00",
    "close_time": "24:00",
    "PriceLevelDollarsCountFp": ["0.5600", "1.00"],
}


def document() -> dict[str, Any]:
    return loaded("openapi.yaml")


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the operation of a request; a path without parameters wins over one with."""
    for template in sorted(document()["paths"], key=lambda t: (t.count("{"), t)):
        pattern = re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in document()["paths"][template]:
            return template, document()["paths"][template][method.lower()]
    raise AssertionError(f"the document has no {method} {path}")


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api_documents.resolved(node, document())
    return found


@cache
def schemas() -> dict[str, Any]:
    found: dict[str, Any] = with_null(document()["components"]["schemas"])
    return found


def check(value: object, schema: dict[str, Any]) -> None:
    validator(with_null(schema), schemas()).validate(value)


def as_typed(texts: list[str], schema: dict[str, Any]) -> object:
    """Return what a query parameter says, as its schema has it."""
    kind = resolved(schema).get("type")
    if kind == "array":
        return texts
    (text,) = texts
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    return int(text) if kind == "integer" else text


def operation_name(request: httpx.Request) -> str:
    assert request.url.path.startswith(PREFIX)
    template, _ = operation_of(request.method, request.url.path.removeprefix(PREFIX))
    return f"{request.method} {template}"


def check_request(request: httpx.Request) -> None:
    """Hold method, path, query names and types, and body of a request against the document."""
    _, operation = operation_of(request.method, request.url.path.removeprefix(PREFIX))
    declared = {p["name"]: p for p in map(resolved, operation.get("parameters", []))}
    for name in request.url.params:
        assert declared[name]["in"] == "query", name
        schema = declared[name]["schema"]
        check(as_typed(request.url.params.get_list(name), schema), schema)
    needed = {n for n, p in declared.items() if p.get("required") and p["in"] == "query"}
    assert needed <= set(request.url.params)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        check(body_of(request), schema)
        assert body_of(request).keys() <= resolved(schema)["properties"].keys()
    else:
        assert request.content == b""


def check_answer(name: str, body: object) -> None:
    """Hold a success of an operation against the document."""
    method, template = name.split()
    answers = document()["paths"][template][method.lower()]["responses"]
    success = resolved(answers.get("200") or answers.get("201") or answers["204"])
    if body is None:
        assert "content" not in success
    else:
        check(body, success["content"]["application/json"]["schema"])


def example(node: dict[str, Any], *, is_full: bool, name: str = "") -> Any:
    """Return a value of a schema: with all fields, or with those alone that must be there."""
    label = node["$ref"].rsplit("/", 1)[-1] if "$ref" in node else name
    node = resolved(node)
    if "allOf" in node:
        return example(node["allOf"][0], is_full=is_full, name=name)
    if node.get("format") == "date-time":
        return INSTANT
    if label in TEXTS:
        return TEXTS[label]
    if node.get("type") == "object":
        fields = node.get("properties", {})
        present = fields if is_full else [f for f in fields if f in node.get("required", ())]
        return {f: example(fields[f], is_full=is_full, name=f) for f in present}
    if node.get("type") == "array":
        return [example(node["items"], is_full=is_full, name=name)]
    if "enum" in node:
        return node["enum"][0]
    numbers: dict[Any, object] = {"integer": 1, "number": 0.5, "boolean": True}
    if node.get("type") == "integer" and name.endswith("ts"):
        return EPOCH
    if node.get("type") == "integer" and name.endswith("ts_ms"):
        return EPOCH * 1_000
    return numbers.get(node.get("type"), "x")

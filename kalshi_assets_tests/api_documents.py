"""What all checks against the exchange's OpenAPI and AsyncAPI documents share."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import yaml

from kalshi_assets_tests.kalshi.shared_files import KALSHI


@cache
def loaded(name: str) -> dict[str, Any]:
    """Return a document as it was written; nobody changes it."""
    # The C loader where there is one: the document has ten thousand lines.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (KALSHI / name).read_text("utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return document


def with_null(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON schema: `nullable` is a type of its own there."""
    if isinstance(node, list):
        return [with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: with_null(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def resolved(node: Any, root: Mapping[str, Any]) -> Any:
    """Return what a part of a document stands for."""
    while "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def validator(schema: Mapping[str, Any], schemas: Mapping[str, Any], *formats: str) -> Any:
    """Return what holds values against a schema; moments have an offset, whatever else is checked.

    Args:
        schema: without `nullable`.
        schemas: the document's own, that it refers to, without `nullable`.
        formats: further formats to hold texts against.
    """
    checker = jsonschema.FormatChecker(formats)
    checker.checks("date-time", raises=ValueError)(_is_moment)
    root = {**schema, "components": {"schemas": schemas}}
    return jsonschema.Draft202012Validator(root, format_checker=checker)


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None

"""Holding an answer against an OpenAPI document."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # its stubs are not among our requirements

FORMATS = jsonschema.FormatChecker([])


@FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]  # as above
def is_utc_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def with_null(schema: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into what JSON Schema understands."""
    if isinstance(schema, list):
        return [with_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_null(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


class Document:
    """An OpenAPI document whose `nullable` has been translated."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._root = with_null(raw)

    def operation(self, method: str, template: str) -> dict[str, Any]:
        found: dict[str, Any] = self._root["paths"][template][method.lower()]
        return found

    def has(self, method: str, template: str) -> bool:
        return method.lower() in self._root["paths"].get(template, {})

    def statuses(self, method: str, template: str) -> set[int]:
        return {int(status) for status in self.operation(method, template)["responses"]}

    def parameters(self, method: str, template: str) -> dict[str, Any]:
        """Return the query parameters of an operation and their schemas, by name."""
        listed = [self._resolved(p) for p in self.operation(method, template).get("parameters", [])]
        return {p["name"]: p["schema"] for p in listed if p["in"] == "query"}

    def errors(self, method: str, template: str, response: httpx.Response) -> list[str]:
        """Return what is wrong with a body, an undocumented field included."""
        answers = self.operation(method, template)["responses"]
        answer = self._resolved(answers.get(str(response.status_code), {}))
        if "content" not in answer:
            return []
        schema, body = answer["content"]["application/json"]["schema"], response.json()
        found = [f"{list(e.absolute_path)}: {e.message}" for e in self._invalid(schema, body)]
        return found + (list(self._unknown(schema, body)) if response.is_success else [])

    def _invalid(self, schema: Any, value: Any) -> Iterator[Any]:
        root = {**schema, "components": self._root["components"]}
        validator = jsonschema.Draft202012Validator(root, format_checker=FORMATS)
        yield from validator.iter_errors(value)

    def is_valid(self, schema: Any, value: Any) -> bool:
        return not list(self._invalid(schema, value))

    def _unknown(self, schema: Any, value: Any) -> Iterator[str]:
        """Name the fields of a value that its schema does not know."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            for item in value:
                yield from self._unknown(schema.get("items", {}), item)
        for part in [*schema.get("anyOf", []), *schema.get("allOf", [])]:
            yield from self._unknown(part, value)
        known = schema.get("properties")
        if isinstance(value, dict) and known:
            yield from (f"{name} is not documented" for name in value if name not in known)
            for name in value.keys() & known.keys():
                yield from self._unknown(known[name], value[name])

    def _resolved(self, part: Any) -> Any:
        if "$ref" not in part:
            return part
        target: Any = self._root
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return target

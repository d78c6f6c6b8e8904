"""Holding an answer against an OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from kalshi_assets_tests.api_documents import resolved, validator, with_null


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
        yield from validator(schema, self._root["components"]["schemas"]).iter_errors(value)

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
        return resolved(part, self._root)

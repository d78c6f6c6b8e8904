"""An answer's body: its JSON, and the exact bytes of any row in it, to be quarantined as received.

Does not know what the fields mean.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from kalshi_assets.errors import PayloadError

Step = str | int
Span = tuple[int, int]
BLANKS = " \t\n\r"


@dataclass(frozen=True)
class Body:
    """The bytes of one answer and where they came from, such as `GET /markets`."""

    content: bytes
    source: str

    def row(self, name: str) -> "Row":
        """Return the named member as a row.

        Raises:
            PayloadError: the body is not a JSON object with such a member.
        """
        return self.whole.member(name)

    def rows(self, name: str) -> "list[Row]":
        """Return the items of the named list.

        Raises:
            PayloadError: the body is not a JSON object with such a list.
        """
        return self.whole.member(name).items()

    @cached_property
    def whole(self) -> "Row":
        """The body as one row."""
        try:
            text = self.content.decode()
            value = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            raise PayloadError(
                f"{self.source}: the answer is no JSON ({exc})", payload=self.content
            ) from exc
        return Row(value, self.source, SourceText(text), ())


@dataclass(frozen=True)
class Row:
    """A value inside a body, with the way to its bytes. Numbers with a point are Decimals."""

    value: object
    source: str
    text: "SourceText"
    pointer: tuple[Step, ...]

    @property
    def raw(self) -> bytes:
        """The bytes of this row as they were received."""
        return self.text.cut(self.pointer).encode()

    def member(self, name: str) -> "Row":
        """Return a member of this object, or raise PayloadError where there is none."""
        if not isinstance(self.value, dict) or name not in self.value:
            raise PayloadError(f"{self.source}: {name} is missing", payload=self.raw)
        return Row(self.value[name], self.source, self.text, (*self.pointer, name))

    def items(self) -> "list[Row]":
        """Return the items of this list, or raise PayloadError where it is none."""
        if not isinstance(self.value, list):
            name = self.pointer[-1] if self.pointer else "the answer"
            whole = self.text.cut(()).encode()
            raise PayloadError(f"{self.source}: {name} is no list", payload=whole)
        return [
            Row(value, self.source, self.text, (*self.pointer, index))
            for index, value in enumerate(self.value)
        ]


class SourceText:
    """A JSON text that tells where each of its values stands. Walked only when asked."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._children: dict[int, dict[Step, Span]] = {}

    def cut(self, pointer: tuple[Step, ...]) -> str:
        """Return the text of the value that the pointer leads to."""
        start, end = 0, len(self._text)
        if pointer:
            start = _skip_blanks(self._text, 0)
        for step in pointer:
            if start not in self._children:
                self._children[start] = dict(_spans(self._text, start))
            start, end = self._children[start][step]
        return self._text[start:end]


def _spans(text: str, start: int) -> Iterator[tuple[Step, Span]]:
    """Yield key or index, and place, of each value in the object or list that begins at `start`."""
    decode = json.JSONDecoder().raw_decode
    at = _skip_blanks(text, start + 1)
    index = 0
    while text[at] not in "}]":
        key: Step = index
        if text[start] == "{":
            key, at = decode(text, at)
            at = _skip_blanks(text, _skip_blanks(text, at) + 1)
        _, end = decode(text, at)
        yield key, (at, end)
        at = _skip_blanks(text, end)
        if text[at] == ",":
            at = _skip_blanks(text, at + 1)
        index += 1


def _skip_blanks(text: str, at: int) -> int:
    while text[at] in BLANKS:
        at += 1
    return at


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Body

TEXT = '{ "a" : 1 ,\n "markets": [ {"x": "é\\n]}", "n": [ 1.10 , {} ]} , [] ,"z" ], "cursor":""}'

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_a_row_gives_its_bytes_as_received():
    rows = Body(TEXT.encode(), "GET /x").rows("markets")
    assert [row.raw.decode() for row in rows] == [
        '{"x": "é\\n]}", "n": [ 1.10 , {} ]}',
        "[]",
        '"z"',
    ]
    inner = rows[0].member("n").items()
    assert [row.raw for row in inner] == [b"1.10", b"{}"]
    assert inner[0].value == Decimal("1.10")


@given(st.lists(json_values, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_the_bytes_of_every_row_parse_to_its_value(values, indent, ascii_only):
    text = json.dumps({"p": {"q": 1}, "rows": values}, indent=indent, ensure_ascii=ascii_only)
    rows = Body(text.encode(), "GET /x").rows("rows")
    assert [json.loads(row.raw) for row in rows] == values
    assert [row.value for row in rows] == values


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b'{"markets": [',
        b"\xff\xfe",
        b'{"markets": NaN}',
        b"[]",
        b"null",
        b"{}",
        b'{"markets": null}',
        b'{"markets": {}}',
        b"[" * 100_000,
    ],
)
def test_an_unreadable_body_carries_its_bytes(content):
    with pytest.raises(PayloadError, match="GET /x") as caught:
        Body(content, "GET /x").rows("markets")
    assert caught.value.payload == content

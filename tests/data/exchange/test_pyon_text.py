"""Descriptions of experiments in both dialects of PYON."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from data.exchange.pyon_text import read_pyon

OF_NINE = (
    '{"a":{"__jsonclass__":["nparray",[[2],"<f8","AAAAAAAA8D8AAAAAAAAAQA=="]]},'
    '"b":{"__jsonclass__":["OrderedDict",[[["x",1]]]]},'
    '"c":{"__jsonclass__":["npscalar",["<i4","KgAAAA=="]]},'
    '"d":{"__jsonclass__":["dict",[[[1,{"__jsonclass__":["Fraction",[1,3]]}]]]]},'
    '"e":{"__jsonclass__":["complex",[1.0,-2.0]]}}'
)
OF_EIGHT = (
    '{"a": nparray((2, ), "<f8", b"AAAAAAAA8D8AAAAAAAAAQA=="), "b": OrderedDict([("x", 1)]), '
    '"c": npscalar("<i4", b"KgAAAA=="), "d": {1: Fraction(1, 3)}, "e": (1-2j)}'
)


@pytest.mark.parametrize("text", [OF_NINE, OF_EIGHT], ids=["ARTIQ 9", "ARTIQ 8"])
def test_both_dialects_say_the_same(text: str) -> None:
    value = read_pyon(text)
    np.testing.assert_array_equal(value.pop("a"), [1.0, 2.0])
    assert value == {"b": {"x": 1}, "c": 42, "d": {1: Fraction(1, 3)}, "e": 1 - 2j}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "[x for x in (1, 2)]",
        "open('/etc/passwd')",
        "OrderedDict.__init__",
        "nparray(shape=(2,))",
        "{**{}}",
        "2 ** 99",
        "-'x'",
        '{"__jsonclass__": ["eval", ["1"]]}',
        '{"__jsonclass__": ["nparray", [[1], "O", "AAAAAAAAAAA="]]}',
        "nparray((1,), 'O', b'AAAAAAAAAAA=')",
        "nparray((9,), '<f8', b'AAAAAAAAAAA=')",
        "[" * 100_000,
        "-" * 100_000 + "1",
        "",
        "\0",
    ],
)
def test_what_is_no_data_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_pyon(text)

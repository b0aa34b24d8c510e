"""Both versions of PYON against what other programs wrote, and against hostile texts."""

from __future__ import annotations

import enum
import json
import math
import threading
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.rpc import pyon, pyon_v1
from control.rpc.dialects import V1, V2, Dialect, sniff
from control.rpc.errors import BadPyon, NotEncodable

VECTORS = json.loads((Path(__file__).parent / "pyon_vectors.json").read_text())
NAMES = {"np": np, "Fraction": Fraction, "OrderedDict": OrderedDict}
BOTH = pytest.mark.parametrize("dialect", [pyon, pyon_v1], ids=["v2", "v1"])


def made(expression: str) -> Any:
    return eval(expression, dict(NAMES))  # noqa: S307 (our own file of vectors)


def same(left: Any, right: Any) -> bool:
    """Return whether type, value, dtype, order of keys and sign of zeros are the same."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return type(left) is type(right) and same(list(left.items()), list(right.items()))
    if isinstance(left, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.generic):
        return type(left) is type(right) and left.dtype == right.dtype and left.tobytes() == right.tobytes()
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and left == right and repr(left) == repr(right)


def expected(vector: dict[str, Any], version: str) -> Any:
    value = made(vector["expr"])
    if version == "v1":
        return {} if vector["expr"] == "set()" else value
    if isinstance(value, OrderedDict):
        return dict(value)
    if isinstance(value, np.float64):
        return float(value)
    return str(value) if isinstance(value, np.str_) else value


@pytest.mark.parametrize("version", ["v2", "v1"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["expr"])
def test_texts_are_those_of_other_programs(vector: dict[str, Any], version: str) -> None:
    dialect = pyon if version == "v2" else pyon_v1
    if vector[version] is None:
        with pytest.raises(NotEncodable, match=rf"is not PYON encodable \({version}\)"):
            dialect.encode(made(vector["expr"]))
        return
    assert dialect.encode(made(vector["expr"])) == vector[version]
    assert same(dialect.decode(vector[version]), expected(vector, version))


def test_there_are_vectors() -> None:
    assert len(VECTORS) == 78


@BOTH
@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, (2, {3, 4}), {5: b"x"}], "b": slice(np.int64(1), None, 2)},
        [
            complex(-0.0, 1.0),
            complex(0.0, -0.5),
            complex(-1.5, -2.0),
            complex(-0.0, -0.5),
            complex(1, math.inf),
        ],
        np.zeros((3, 0, 2)),
        np.array([[True, False]]),
        np.array("2026-01-02", dtype="datetime64[ns]"),
        [-0.0, math.inf, -math.inf, math.nan],
        "line\nbreak \u2028 \x00 \\ ' \" é µ 😀",
        Fraction(-(2**80), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_come_back_as_they_were(dialect: Any, value: Any) -> None:
    text = dialect.encode(value)
    assert text.isascii()
    assert "\n" not in text
    back = dialect.decode(text)
    if isinstance(value, list):  # nan
        assert repr(back) == repr(value)
    elif isinstance(value, dict):
        assert back == value
    else:
        assert same(back, value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text().filter(lambda key: key != pyon.TAG), inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.tuples(st.integers()), inner, max_size=3)
    ),
    max_leaves=10,
)


@BOTH
@given(value=VALUES)
def test_all_values_survive_the_way(dialect: Any, value: Any) -> None:
    assert same(dialect.decode(dialect.encode(value)), value)


class Colour(enum.IntEnum):
    RED = 2


Point = namedtuple("Point", "x y")


@BOTH
def test_subclasses_are_sent_as_what_they_derive_from(dialect: Any) -> None:
    assert dialect.decode(dialect.encode([Colour.RED, Point(1, 2)])) == [2, (1, 2)]


@BOTH
def test_arrays_are_fresh_and_writable(dialect: Any) -> None:
    text = dialect.encode(np.arange(3))
    first, second = dialect.decode(text), dialect.decode(text)
    first[0] = 7
    assert second.tolist() == [0, 1, 2]


@BOTH
@pytest.mark.parametrize("shape", [(2, 3), (4,), ()])
def test_any_layout_of_an_array_can_be_sent(dialect: Any, shape: tuple[int, ...]) -> None:
    array = np.arange(24.0).reshape(4, 6)[::2, ::2].T if shape == (2, 3) else np.ones(shape, ">f4")
    back = dialect.decode(dialect.encode(array))
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@BOTH
def test_what_would_lose_its_meaning_is_not_sent(dialect: Any) -> None:
    record = np.zeros(2, dtype=[("time", "f8"), ("channel", "u2")])
    with pytest.raises(NotEncodable, match="send a dict with one array a column"):
        dialect.encode({"tags": record})
    with pytest.raises(NotEncodable, match="dtype object cannot be sent"):
        dialect.encode(np.array([None]))
    with pytest.raises(TypeError):  # as other programs raise it
        dialect.encode(object())


@BOTH
def test_what_contains_itself_is_not_sent(dialect: Any) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotEncodable, match="nested more than 100 deep, or contains itself"):
        dialect.encode(loop)
    circle: dict[str, Any] = {}
    circle["a"] = (circle,)
    with pytest.raises(NotEncodable, match="contains itself"):
        dialect.encode(circle)


def test_the_key_that_marks_values_is_refused_in_v2() -> None:
    with pytest.raises(NotEncodable, match="must not have the key '__jsonclass__'"):
        pyon.encode({"__jsonclass__": 1, "a": 2})


DEEP = 200_000


def tagged(arguments: str) -> str:
    return f'{{"__jsonclass__":{arguments}}}'


HOSTILE_V2 = [
    "", "{", "[1,]", "nul", '{"a":1}}', "'a'", "\x00", '"\\ud8"', "[" * DEEP, "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP, "1" * 5000, tagged('1'), tagged('[]'), tagged('["os.system",["true"]]'),
    tagged('["__import__",["os"]]'), tagged('[["tuple"],[[1]]]'), tagged('["tuple",[1]]'),
    tagged('["set",[[[1]]]]'), tagged('["dict",[[1]]]'), tagged('["Fraction",[1,0]]'),
    tagged('["bytes",["A"]]'), tagged('["bytes",["\\u00b5"]]'), tagged('["complex",["x"]]'),
    tagged('["slice",[]]'), tagged('["nparray",[[2],"<f8","AAAA"]]'),
    tagged('["nparray",[[-1],"<f8","AAAAAAAAAAA="]]'), tagged('["nparray",[[1],"|O","AAAAAAAAAAA="]]'),
    tagged('["nparray",[[1],"O8","AAAAAAAAAAA="]]'),
    tagged('["nparray",[[1],"f8,f8","AAAAAAAAAAAAAAAAAAAAAA=="]]'), tagged('["nparray",[[1],5,"AA=="]]'),
    tagged('["nparray",[[true],"|i1","AA=="]]'), tagged('["nparray",[[1e3],"|i1","AA=="]]'),
    tagged('["nparray",[3,"|i1","AAAA"]]'), tagged('["nparray",[[9,999999999999,0,99999999999],"<f8",""]]'),
    tagged('["nparray",[[' + "1," * 65 + '1],"|i1","AA=="]]'), tagged('["npscalar",["<f8","AA=="]]'),
    tagged('["npscalar",["<f99","AA=="]]'), tagged('["npscalar",["|V99999999999","AA=="]]'),
]  # fmt: skip
HOSTILE_V1 = [
    "", "(", "[1,,]", "nul", "1 2", "\x00", "{1: 2, 3}", "...", "x", "__import__", "[*a]", "{**a}",
    "f'{1}'", "lambda: 1", "__import__('os').system('true')", "().__class__", "[1][0]",
    "[x for x in (1, 2)]", "(yield)", "a := 1", "1 if 1 else 2", "open('/etc/passwd')", "slice(stop=1)",
    "slice(*(1, 2))", "Fraction(1, 0)", "Fraction(1, 2)(3)", "nparray.x()", "1 + 1", "1j + 1j", "1j + 2",
    "2 * 3j", "1 ** 2j", "not 1", "~1", "+1", "--1", "-true", "-'a'", "-[1]", "9 ** 9 ** 9 ** 9",
    "true + 1j", "1 < 2", "1 and 2", "{[1]}", "{[1]: 2}", "'a' % 'b'", "'a' 'b' + 'c'",
    'nparray((2, ), "<f8", b"AAAA")', 'nparray((1, ), "|O", b"AAAAAAAAAAA=")', "nparray(1, 2, 3)",
    'npscalar("<i4")', "[" * DEEP, "(" * 150 + ")" * 150 + "(", "-" * DEEP + "1", "1" + "+1" * DEEP,
    "not " * DEEP + "1", "a" + ".a" * DEEP, "[" * 190 + "]" * 190 + "x", "1" * 5000,
    "(" * DEEP + ")" * DEEP, "lambda: " * DEEP, "1" + "**1" * DEEP,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_V2, ids=lambda text: repr(text[:40]))
def test_hostile_v2_is_an_error_and_nothing_else(text: str) -> None:
    with pytest.raises(BadPyon, match="not PYON"):
        pyon.decode(text)


@pytest.mark.parametrize("text", HOSTILE_V1, ids=lambda text: repr(text[:40]))
def test_hostile_v1_is_an_error_and_nothing_else(text: str) -> None:
    with pytest.raises(BadPyon, match="not PYON"):
        pyon_v1.decode(text)


def test_hostile_texts_do_no_harm_in_a_thread_either() -> None:
    """Threads may have smaller stacks than the program itself."""
    errors: list[str] = []

    def read() -> None:
        for decode, texts in ((pyon.decode, HOSTILE_V2), (pyon_v1.decode, HOSTILE_V1)):
            for text in texts:
                with pytest.raises(BadPyon) as told:
                    decode(text)
                errors.append(str(told.value))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(errors) == len(HOSTILE_V1) + len(HOSTILE_V2)
    assert max(map(len, errors)) < 400  # however long the text


def test_an_error_shows_the_beginning_of_the_text() -> None:
    with pytest.raises(BadPyon) as told:
        pyon.decode("nonsense" * 20)
    assert str(told.value) == (
        "not PYON (v2): Expecting value: line 1 column 1 (char 0): "
        "'nonsensenonsensenonsensenonsensenonsensenonsensenonsensenons'..."
    )
    with pytest.raises(BadPyon) as told:
        pyon.decode('{"__jsonclass__":["os.system",["true"]]}')
    assert str(told.value) == (
        "not PYON (v2): nothing can be made of __jsonclass__ ['os.system', ['true']] (KeyError: 'os.system')"
    )
    with pytest.raises(BadPyon) as told:
        pyon_v1.decode("open('/etc/passwd')")
    assert str(told.value) == "not PYON (v1): a call of open is not a value"


def test_v1_takes_what_people_write_by_hand() -> None:
    assert pyon_v1.decode(" {'a': True, \"b\": None, 'c': [1, 2,], 'd': (1), 'e': -inf, } ") == {
        "a": True,
        "b": None,
        "c": [1, 2],
        "d": 1,
        "e": -math.inf,
    }


def test_additional_keys_beside_a_tag_are_ignored() -> None:
    assert pyon.decode('{"__jsonclass__":["tuple",[[1]]],"comment":"x"}') == (1,)
    assert pyon.decode('{"__jsonclass__":["OrderedDict",[[["a",1]]]]}') == {"a": 1}


def test_a_line_tells_its_dialect() -> None:
    assert sniff(V2.line((1, None))) == (1, None)
    assert sniff(V1.line((1, None))) == (1, None)
    with pytest.raises(BadPyon):
        sniff(b"open('/etc/passwd')")
    with pytest.raises(BadPyon, match="bytes that are no text"):
        sniff(b"\xff\xfe")


LONG = "x" * 3 * pyon.LONG


def test_long_texts_within_a_slice_are_escaped_and_come_back() -> None:
    forged = '",null,null]]}}\n{"action":"setitem"}\n' + LONG
    text = pyon.encode(slice(forged, LONG.encode(), None))
    assert "\n" not in text
    back = pyon.decode(text)
    assert (back.start, back.stop) == (forged, LONG.encode())


def test_a_line_never_has_a_line_break() -> None:
    careless = Dialect("v2", "", lambda value: "1\n2", lambda text: text)
    with pytest.raises(NotEncodable, match="Its text has a line break"):
        careless.line(5)


BLOWN_UP_V2 = [
    tagged('["Fraction",["1e30000000"]]'), tagged('["Fraction",[1.5]]'), tagged('["Fraction",[true,1]]'),
    tagged(f'["Fraction",[1,{"9" * 4999}]]'), tagged('["nparray",[[10000000000],"|S0",""]]'),
    tagged('["nparray",[[10000000000000],"<U0",""]]'), tagged('["nparray",[[10000000000000],"|V0",""]]'),
    tagged('["nparray",[[1000000000,0],"<f8",""]]'), tagged('["tuple",["abc"]]'),
    tagged('["tuple",[' + tagged('["bytes",["AAAA"]]') + "]]"), tagged('["set",["abc"]]'),
    tagged('["dict",[{"ab":1}]]'),
    tagged('["set",[[' + ",".join(str(k * (2**61 - 1)) for k in range(1000)) + "]]]"),
    tagged('["dict",[[' + ",".join(f"[{k * (2**61 - 1)},0]" for k in range(1000)) + "]]]"),
]  # fmt: skip
BLOWN_UP_V1 = [
    'Fraction("1e30000000")', f"Fraction(0x{'f' * 5000}, 3)", "Fraction(1.5)",
    'nparray((10000000000, ), "|S0", b"")', 'OrderedDict("abc")', "0, " * 110_000, "1+" * 110_000 + "1",
    "not " * 210_000 + "1", "f'{1, 2}'", 'f"{1, 2}"', '""" " """, 1, """ " """', "''' ' ''', 1, ''' ' '''",
    "(#'\r0, 0#'\r)", "1or 2", ".5or 2", "1.or 2", "0x1for x in y", r"'\d'", r"b'\u1234'", r"'\400'",
    "{" + ", ".join(str(k * (2**61 - 1)) for k in range(1000)) + "}",
    "{" + ", ".join(f"{k * (2**61 - 1)}: 0" for k in range(1000)) + "}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("decode", "text"),
    [*((pyon.decode, text) for text in BLOWN_UP_V2), *((pyon_v1.decode, text) for text in BLOWN_UP_V1)],
    ids=lambda value: repr(value[:60]) if isinstance(value, str) else value.__module__[-2:],
)
def test_small_texts_do_not_make_large_values(
    decode: Callable[[str], Any], text: str, recwarn: pytest.WarningsRecorder
) -> None:
    with pytest.raises(BadPyon):
        decode(text)
    assert len(recwarn) == 0


def test_keys_that_happen_to_share_a_hash_are_taken() -> None:
    value = {k * (2**61 - 1) for k in range(60)} | set(range(-500, 500))
    assert pyon.decode(pyon.encode(value)) == value


@BOTH
def test_what_fails_to_be_written_is_not_encodable(dialect: Any) -> None:
    class Busy(dict[Any, Any]):
        def items(self) -> Any:
            for key in self:
                self[key + 1] = 0
                yield key, 0

    with pytest.raises(NotEncodable, match=r"a value is not PYON encodable .* ValueError: Exceeds the limit"):
        dialect.encode(2**20000)
    with pytest.raises(NotEncodable, match="RuntimeError: dictionary changed size"):
        dialect.encode(Busy({1: 2}))


@BOTH
def test_arrays_that_would_lose_something_are_refused(dialect: Any) -> None:
    with pytest.raises(NotEncodable, match="send its data and its mask"):
        dialect.encode(np.ma.masked_array([1.0, 2.0], mask=[False, True]))


@pytest.mark.parametrize("scalar", [np.bytes_(b""), np.void(b""), np.void(b"ab")], ids=repr)
def test_empty_scalars_come_back(scalar: np.generic) -> None:
    assert same(pyon.decode(pyon.encode(scalar)), scalar)


@pytest.mark.parametrize(
    "text",
    [
        tagged('["' + "z" * 100_000 + '",[]]'),
        tagged('["npscalar",["' + "z" * 100_000 + '",""]]'),
        tagged('["os",[' + tagged('["nparray",[[1],"<M8[D]","/////////38="]]') + "]]"),
        tagged('["tuple",[' + "[0]," * 50_000 + "0]]"),
    ],
    ids=lambda text: text[:60],
)
def test_the_message_of_a_hostile_text_is_short(text: str) -> None:
    with pytest.raises(BadPyon) as told:
        pyon.decode(text)
    assert len(str(told.value)) < 400
    assert len(told.value.text) < 100

"""What happens to manifests on their way: flipped bits, lost and doubled pieces, and things that no parser likes."""

import re
from collections.abc import Callable
from random import Random
from typing import Final

__all__ = ("damaged",)

_TOKEN: Final = re.compile(rb"[A-Za-z0-9_.\-]+|\s+|[\x80-\xff]+|.", re.DOTALL)
_NASTY: Final[tuple[bytes, ...]] = (
    # Bytes
    *(b"\0", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"),
    *(
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\xc2\x9b",
        b"\r",
        b"\r\n",
        b"\n",
        b"\t",
        b"\x0b",
        b"\x1b[2J",
        b"\x7f",
        b"\xc4\xf1",
    ),
    # Signs
    *(b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b";", b"|", b"\\", b"#", b"&a ", b"*a", b"!!str ", b"!", b"? "),
    *(b"- ", b"---\n", b"...\n", b"%YAML 1.1\n", b"<<: ", b"|-\n", b">\n", b"@", b"`", b"~", b"\\ud800", b"\\u0000"),
    # Words
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"0x1F",
        b"0o17",
        b"1_000",
        b"no",
        b"1:30",
        b".inf",
        b"2024-01-01",
    ),
    *(
        b"7.44667E+17",
        b"#NAME?",
        b"=1+1",
        b"sep=;\n",
        b",,,\n",
        b"kbsync: 1\n",
        b"images",
        b'"id":',
        b"pat_" + b"x" * 30,
    ),
    # Sizes
    *(
        b"9" * 400,
        b"9" * 5000,
        b"[" * 40,
        b"{a: " * 40,
        b'{"a":' * 40,
        b"[" * 2000,
        b"x" * 5000,
        b'"' * 1001,
        b"\\" * 1001,
    ),
)


def damaged(data: bytes, other: bytes, chance: Random) -> bytes:
    """Return *data* after one to six mishaps, some of which bring in pieces of *other*."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_MISHAPS)(data, other, chance)
    return data


def _span(data: bytes, chance: Random) -> tuple[int, int]:
    begin = chance.randint(0, len(data))
    return begin, min(len(data), begin + chance.choice((1, 1, 2, 5, 20, 100)))


def _flip(data: bytes, _other: bytes, chance: Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _lose(data: bytes, _other: bytes, chance: Random) -> bytes:
    begin, end = _span(data, chance)
    return data[:begin] + data[end:]


def _cut(data: bytes, _other: bytes, chance: Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _double(data: bytes, _other: bytes, chance: Random) -> bytes:
    begin, end = _span(data, chance)
    return data[:end] + data[begin:end] * chance.choice((1, 1, 2, 30)) + data[end:]


def _insert(data: bytes, _other: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_NASTY) + data[at:]


def _splice(data: bytes, other: bytes, chance: Random) -> bytes:
    begin, end = _span(data, chance)
    first, last = _span(other, chance)
    return data[:begin] + other[first:last] + data[end:]


def _swap(data: bytes, _other: bytes, chance: Random) -> bytes:
    tokens = _TOKEN.findall(data)
    if len(tokens) > 1:
        one, two = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        tokens[one], tokens[two] = tokens[two], tokens[one]
    return b"".join(tokens)


def _replace(data: bytes, _other: bytes, chance: Random) -> bytes:
    tokens = _TOKEN.findall(data)
    if tokens:
        tokens[chance.randrange(len(tokens))] = chance.choice(_NASTY)
    return b"".join(tokens)


def _recode(data: bytes, _other: bytes, chance: Random) -> bytes:
    encoding = chance.choice(("utf-16", "gb18030", "latin-1", "utf-8-sig"))
    return data.decode("utf-8", "replace").encode(encoding, "replace") if chance.random() < 0.2 else data


def _turn_lines(data: bytes, _other: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


_MISHAPS: Final[tuple[Callable[[bytes, bytes, Random], bytes], ...]] = (
    *(_flip, _lose, _cut, _double, _splice, _swap, _recode, _turn_lines),
    *(_insert, _insert, _replace, _replace),
)

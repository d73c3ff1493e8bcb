"""JSON read slowly, with the place of everything: used only where something is wrong, to say what and where."""

import math
import re
from typing import Any, Final

from kbsync.adapters.manifests.problems import Fault, Path, Place, shown
from kbsync.core.entries import control_character

__all__ = ("MAX_DEPTH", "JsonScan", "JsonSyntaxError", "PathTrail", "scan_json")

MAX_DEPTH: Final = 32
# Python itself refuses to read longer ones.
MAX_INTEGER_DIGITS: Final = 4_300

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*')
_WORDS: Final = {"true": True, "false": False, "null": None}
_FOREIGN: Final = ("NaN", "Infinity", "-Infinity")
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class JsonSyntaxError(Exception):
    """Raised where the text is no JSON, or is nested too deeply. Holds the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class PathTrail:
    """The places of values and keys by their paths."""

    def __init__(self) -> None:
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}

    def of(self, path: Path) -> Place:
        """Return the place of the value at *path*; of the innermost there is when there is none."""
        while path not in self.values and path:
            path = path[:-1]
        return self.values.get(path, (1, 1))

    def of_key(self, path: Path) -> Place:
        """Return the place of the key that *path* ends with; as `of` when there is none."""
        return self.keys.get(path) or self.of(path)


class JsonScan:
    """One reading of *text*, of which the character at *start* is at *place* in its file."""

    def __init__(self, text: str, place: Place = (1, 1), start: int = 0) -> None:
        self.faults: list[Fault] = []
        self.trail = PathTrail()
        self._text = text
        self._start = (start, *place)
        self._seen = self._start

    def value(self, at: int, path: Path = ()) -> tuple[Any, int]:
        """Return the value that begins at *at*, spaces allowed, and where it ends. Raises JsonSyntaxError."""
        at = self.skip(at)
        self.trail.values[path] = self.place(at)
        match self._text[at : at + 1]:
            case "{":
                return self._object(at, path)
            case "[":
                return self._array(at, path)
            case '"':
                return self._string(at)
            case _:
                return self._bare(at)

    def skip(self, at: int) -> int:
        """Return where the next thing begins that is no space."""
        match = _SPACE.match(self._text, at)
        assert match is not None
        return match.end()

    def place(self, at: int) -> Place:
        """Return the place of the character at *at*. Cheap when asked in the order of the text."""
        if at < self._seen[0]:
            self._seen = self._start
        seen, line, column = self._seen
        breaks = self._text.count("\n", seen, at)
        column = at - self._text.rfind("\n", seen, at) if breaks else column + at - seen
        self._seen = (at, line + breaks, column)
        return line + breaks, column

    def refuse(self, at: int, message: str, rule: str = "syntax") -> JsonSyntaxError:
        """Return the error that the text is wrong at *at*."""
        return JsonSyntaxError(Fault(self.place(min(at, len(self._text))), rule, message))

    def _enter(self, at: int, path: Path) -> None:
        if len(path) >= MAX_DEPTH:
            raise self.refuse(at, f"values are nested more than {MAX_DEPTH} levels deep", "too-deep")

    def opens(self, at: int, closing: str) -> tuple[int, bool]:
        """Return where the first thing inside the object or array at *at* begins, and whether there is none."""
        at = self.skip(at + 1)
        return (at + 1, True) if self._text[at : at + 1] == closing else (at, False)

    def key(self, at: int) -> tuple[str, int]:
        """Return the key at *at*, and where its value begins."""
        if self._text[at : at + 1] != '"':
            raise self.refuse(at, "a key in quotation marks is expected here")
        key, at = self._string(at)
        at = self.skip(at)
        if self._text[at : at + 1] != ":":
            raise self.refuse(at, "a colon is expected here")
        return key, self.skip(at + 1)

    def separator(self, at: int, closing: str) -> tuple[int, bool]:
        """Return where the next thing begins after one that ended at *at*, and whether *closing* came instead."""
        at = self.skip(at)
        found = self._text[at : at + 1]
        if found == closing:
            return at + 1, True
        if found != ",":
            raise self.refuse(at, f"a comma or {closing} is expected here")
        at = self.skip(at + 1)
        if self._text[at : at + 1] == closing:
            raise self.refuse(at, "a comma stands before the end")
        return at, False

    def _object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        self._enter(at, path)
        result: dict[str, Any] = {}
        at, ended = self.opens(at, "}")
        while not ended:
            place = self.place(at)
            key, at = self.key(at)
            beneath = (*path, key)
            if key in result:
                line, column = self.trail.keys[beneath]
                message = f"{shown(key)} stands twice in one object: first at {line}:{column}"
                self.faults.append(Fault(place, "duplicate-key", message))
                _, at = self.value(at, (*path, f"\0{at}"))
            else:
                self.trail.keys[beneath] = place
                result[key], at = self.value(at, beneath)
            at, ended = self.separator(at, "}")
        return result, at

    def _array(self, at: int, path: Path) -> tuple[list[Any], int]:
        self._enter(at, path)
        result: list[Any] = []
        at, ended = self.opens(at, "]")
        while not ended:
            value, at = self.value(at, (*path, len(result)))
            result.append(value)
            at, ended = self.separator(at, "]")
        return result, at

    def _string(self, at: int) -> tuple[str, int]:
        begin, parts = at, list[str]()
        at += 1
        while True:
            match = _PLAIN.match(self._text, at)
            assert match is not None
            parts.append(match[0])
            at = match.end()
            found = self._text[at : at + 1]
            if found == '"':
                break
            if found == "\\":
                part, at = self._escape(at)
                parts.append(part)
            elif found:
                raise self.refuse(at, "text holds a control character; write it as an escape", "control-character")
            else:
                raise self.refuse(begin, "the text that begins here does not end")
        text = "".join(parts)
        # Escapes give the halves of a pair one by one.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if _halved(text) else text
        name = control_character(text)
        if name is not None:
            self.faults.append(Fault(self.place(begin), "control-character", f"the text holds {name}"))
        return text, at + 1

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self._text[at + 1 : at + 2]
        if letter in _ESCAPES:
            return _ESCAPES[letter], at + 2
        digits = self._text[at + 2 : at + 6]
        if letter == "u" and re.fullmatch("[0-9a-fA-F]{4}", digits):
            return chr(int(digits, 16)), at + 6
        raise self.refuse(at, "this is no escape of JSON")

    def _bare(self, at: int) -> tuple[Any, int]:
        for word, value in _WORDS.items():
            if self._text.startswith(word, at):
                return value, at + len(word)
        for word in _FOREIGN:
            if self._text.startswith(word, at):
                self.faults.append(Fault(self.place(at), "bad-value", f"{word} is no number of JSON"))
                return 0, at + len(word)
        match = _NUMBER.match(self._text, at)
        if match is None:
            what = "the text ends too early" if at >= len(self._text) else "a value is expected here"
            raise self.refuse(at, what)
        return self._number(at, match), match.end()

    def _number(self, at: int, match: re.Match[str]) -> int | float:
        if match[1] is None and match[2] is None:
            if len(match[0]) <= MAX_INTEGER_DIGITS:
                return int(match[0])
            self.faults.append(Fault(self.place(at), "bad-value", f"a number of {len(match[0])} digits is too long"))
            return 0
        number = float(match[0])
        if not math.isfinite(number):
            self.faults.append(Fault(self.place(at), "bad-value", "the number is too large"))
            return 0
        return number


def scan_json(text: str, place: Place = (1, 1)) -> tuple[Any, JsonScan]:
    """Return the only value of *text* with the scan that has its faults and places. Raises JsonSyntaxError."""
    scan = JsonScan(text, place)
    value, at = scan.value(0)
    at = scan.skip(at)
    if at < len(text):
        raise scan.refuse(at, "the text goes on after its only value")
    return value, scan


def _halved(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)

"""A scribe with no habits: the same manifest in ever other layouts of YAML, with comments wherever one can stand."""

import re
from random import Random
from typing import Any, Final

__all__ = ("Scribe",)

_NO_LIMIT: Final = 1_000


class Scribe:
    """Writes manifests as *luck* has it. *comments* are all those that were written."""

    def __init__(self, luck: Random) -> None:
        self.comments: list[str] = []
        self._luck = luck
        self._lines: list[str] = []
        # Where a comment behind a block would be part of its text.
        self._limit = _NO_LIMIT

    def write(self, document: dict[str, Any]) -> str:
        self._lines, self._limit = [], _NO_LIMIT
        self._between(4)
        if self._once_in(4):
            self._lines.append(f"---{self._beside()}")
            self._between(2)
        self._mapping(document, "")
        self._between(6)
        return "\n".join(self._lines) + self._luck.choice(("", "\n", "\n\n"))

    def _mapping(self, value: dict[str, Any], indent: str, first: str | None = None) -> None:
        pairs = list(value.items())
        self._luck.shuffle(pairs)
        for key, inner in pairs:
            if first is None:
                self._between(len(indent) + 2)
            begin = indent if first is None else first
            first = None
            name = self._scalar(key)
            self._value(f"{begin}{f'? {name}' if self._once_in(20) else name}", inner, indent)

    def _value(self, begin: str, value: Any, indent: str) -> None:
        self._limit = _NO_LIMIT
        explicit = begin.lstrip("- ").startswith("? ")
        if explicit:
            self._lines.append(f"{begin}{self._beside()}")
            begin = indent
        if not value or not isinstance(value, (dict, list)) or self._once_in(3):
            self._put(f"{begin}: ", value, indent)
        elif isinstance(value, dict):
            self._lines.append(f"{begin}:{self._beside()}")
            self._mapping(value, indent + " " * self._luck.randint(1, 4))
        else:
            self._lines.append(f"{begin}:{self._beside()}")
            self._list(value, indent + " " * self._luck.randint(0, 3))

    def _list(self, value: list[Any], indent: str) -> None:
        for element in value:
            self._between(len(indent) + 4)
            dash = f"{indent}-{' ' * self._luck.randint(1, 3)}"
            if not isinstance(element, dict) or self._once_in(3):
                self._put(dash, element, indent)
            elif self._once_in(4):
                self._lines.append(f"{indent}-{self._beside()}")
                self._mapping(element, " " * len(dash))
            else:
                self._mapping(element, " " * len(dash), dash)

    def _put(self, begin: str, value: Any, indent: str) -> None:
        """Write *value* behind *begin*, which ends with a space."""
        self._limit = _NO_LIMIT
        if isinstance(value, (dict, list)):
            self._flow(begin, value, indent)
        elif isinstance(value, str) and re.fullmatch(r"[^\W\d]\w*(?:\n?\n[^\W\d]\w*)*", value) and self._once_in(2):
            self._lines.append(f"{begin}|-{self._beside()}")
            self._lines += [f"{indent}  {line}" if line else "" for line in value.split("\n")]
            self._limit = len(indent)
        elif isinstance(value, str) and re.fullmatch(r"\w+(?: \w+)+", value) and self._once_in(2):
            self._lines.append(f"{begin}>-{self._beside()}")
            self._lines += [f"{indent}  {word}" for word in value.split(" ")]
            self._limit = len(indent)
        else:
            self._lines.append(f"{begin}{self._scalar(value)}{self._beside()}")

    def _flow(self, begin: str, value: Any, indent: str) -> None:
        """Write *value* in brackets, over several lines at times."""
        line = begin + "[{"[isinstance(value, dict)]
        parts = list(value.items()) if isinstance(value, dict) else [(None, inner) for inner in value]
        for number, (key, inner) in enumerate(parts):
            if self._once_in(4):
                self._lines.append(line + self._beside())
                line = f"{indent}   "
                self._between(8, least=len(indent) + 1)
            line += "" if key is None else f"{self._scalar(key, flow=True)}: "
            if isinstance(inner, (dict, list)):
                self._flow(line, inner, indent + "  ")
                line = self._lines.pop()
            else:
                line += self._scalar(inner, flow=True)
            line += ", " if number < len(parts) - 1 else ""
        if self._once_in(4):
            self._lines.append(line + self._beside())
            line = f"{indent}  "
            self._between(8, least=len(indent) + 1)
        line += "]}"[isinstance(value, dict)]
        self._lines.append(line)

    def _scalar(self, value: Any, *, flow: bool = False) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            text = repr(value)
            return re.sub(r"^(-?\d+)e", r"\1.0e", text)
        if re.fullmatch(r"[a-z][a-z0-9_]{3,}", value) and value not in {"null", "true", "false"} and self._once_in(2):
            return value if not flow or self._once_in(2) else f"'{value}'"
        return '"' + "".join(map(self._character, value)) + '"'

    def _character(self, character: str) -> str:
        if character.isprintable() and character not in '"\\' and self._luck.random() < 0.9:
            return character
        code = ord(character)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"

    def _between(self, most: int, *, least: int = 0) -> None:
        """Write blank lines and comments, from the column *least* on."""
        most = min(most, self._limit)
        while self._once_in(4):
            if self._once_in(2):
                self._lines.append(" " * self._luck.randint(0, 2))
            else:
                column = self._luck.randint(min(least, most), most)
                self._lines.append(f"{' ' * column}{self._comment()}")

    def _beside(self) -> str:
        return f"{' ' * self._luck.randint(1, 3)}{self._comment()}" if self._once_in(4) else ""

    def _comment(self) -> str:
        text = (
            f"#{self._luck.choice(('', ' ', '# '))}{len(self.comments)} {self._luck.choice(('', '#: - x', '[{', 'é'))}"
        )
        self.comments.append(text.rstrip())
        return text

    def _once_in(self, times: int) -> bool:
        return self._luck.randrange(times) == 0

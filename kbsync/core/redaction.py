"""Keeping secrets out of what is said: servers echo the request that they refuse, people paste credentials anywhere."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

__all__ = ("Redact", "hexadecimal", "redactor", "without_credentials")

Redact: TypeAlias = Callable[[str], str]

_REDACTED: Final = "[redacted]"
# What is shorter stands in too many texts by chance, and is no credential.
_SHORTEST: Final = 6
# The credentials of both vendors that can be told by how they begin.
_CREDENTIAL: Final = re.compile(r"(?:pat_|AKLT)[A-Za-z0-9+/=_-]{6,}")
# A run of backslashes counts as one character: how many each of them became cannot be told.
_LETTERS: Final = re.compile(r"\\+|.", re.DOTALL)
_ENTITIES: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
# Where base64 is broken into lines: by line ends, or by the escapes that JSON makes of them.
_BREAK: Final = r"(?:\s|\\{1,4}[nr]){0,4}"
# The characters that base64 makes of three hexadecimal digits.
_THREE_DIGITS: Final = ("[MNOYZQR]", "[DEGTUWjkmz02]", "[ABEFIJMNQRUVYZcdghkl]", "[w-z0-5h-mB-G]")


def redactor(secrets: Iterable[str], *patterns: str) -> Redact:
    """Return what takes *secrets* out of a text: as they are, percent-encoded, in JSON, in HTML, and in base64.

    *patterns* are regular expressions for what is secret and computed anew for each request.
    """
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
    # Of secrets that begin alike, the longest is taken out.
    alternatives = [*sorted(forms, key=lambda form: (-len(form), form)), *patterns]
    if not alternatives:
        return str
    search = re.compile("|".join(alternatives))
    return lambda text: search.sub(_REDACTED, text)


def without_credentials(text: str) -> str:
    """Return *text* without what looks like a credential by itself."""
    return _CREDENTIAL.sub(_REDACTED, text)


def hexadecimal(digits: int) -> str:
    """Return the pattern of exactly so many hexadecimal *digits*, as they are or, but for the ends, in base64."""
    three = "".join(kind + _BREAK for kind in _THREE_DIGITS)
    return rf"(?<![0-9A-Za-z])[0-9A-Fa-f]{{{digits}}}(?![0-9A-Za-z])|(?:{three}){{{(digits - 2) // 3},}}"


def _forms(secret: str) -> Iterator[str]:
    """Yield patterns for *secret* alone, and for what base64 makes of it behind others, as the password stands."""
    yield "".join(_spellings(match[0]) for match in _LETTERS.finditer(secret))

    data = secret.encode()
    yield _BREAK.join(map(_letter, b64encode(data).decode().rstrip("=")))
    for before in range(3):
        text = b64encode(bytes(before) + data).decode().rstrip("=")
        # The first and the last character mix with what stands beside the secret, and are left.
        middle = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(middle) >= _SHORTEST:
            yield _BREAK.join(map(_letter, middle))


@lru_cache(maxsize=256)
def _spellings(character: str) -> str:
    """Return a pattern for *character*, or backslashes, as it is and as encodings write it, once or several times over.

    Every repetition has a bound: the text is a server's, and might be made to keep us busy.
    """
    if character.isalnum() or character in "_-.":
        return re.escape(character)
    count, code = len(character), ord(character[0])
    ways = [
        rf"\\{{{count},{8 * count}}}" if character[0] == "\\" else r"\\{0,7}" + re.escape(character),
        f"%(?:25){{0,3}}{code:02x}",
        rf"\\{{1,7}}(?:u00|x){code:02x}",
        f"&(?:amp;){{0,2}}(?:#0{{0,5}}{code}|#x0{{0,5}}{code:x}|{_ENTITIES.get(character[0], f'#{code}')});",
    ]
    repeated = f"{{{count}}}" if count > 1 else ""
    return f"(?:{ways[0]}|(?i:{'|'.join(ways[1:])}){repeated})"


def _letter(character: str) -> str:
    """Return a pattern for one character of base64, in either of its alphabets."""
    twin = {"+": "-", "/": "_"}.get(character)
    return _spellings(character) if twin is None else f"(?:{_spellings(character)}|{twin})"

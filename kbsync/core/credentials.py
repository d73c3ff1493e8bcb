"""The form that secrets must have before they may stand in a header."""

import re
from typing import Final

from kbsync.errors import CredentialsError

__all__ = ("check_secret",)

_MAX_CHARACTERS: Final = 16 * 1024
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_QUOTES: Final = "\"'`"


def check_secret(setting: str, secret: str) -> str:
    """Return *secret* as it is. Raises CredentialsError, which names *setting* only, when it cannot be right.

    Nothing is stripped silently: what the configuration refers to is what is sent.
    """
    fault = _fault(secret)
    if fault is not None:
        raise CredentialsError(f"{setting} {fault}")
    return secret


def _fault(secret: str) -> str | None:
    faults = (
        (not secret, "is empty"),
        (len(secret) > _MAX_CHARACTERS, f"is over {_MAX_CHARACTERS} characters long, which no credential is"),
        (secret.endswith(("\n", "\r")), "has a trailing newline (from a file?)"),
        (secret != secret.strip(), "begins or ends with white space"),
        (secret.lower().startswith("bearer "), "begins with the word Bearer: give the token alone"),
        (secret[:1] in _QUOTES or secret[-1:] in _QUOTES, "stands in quotation marks: give it without them"),
        (not _PRINTABLE.fullmatch(secret), "holds white space, a control character or a non-ASCII character"),
    )
    return next((fault for is_at_fault, fault in faults if is_at_fault), None)

"""Values in the messages of lints."""

from typing import Final

from kbsync.core.redaction import without_credentials

__all__ = ("quoted",)

_MAX_QUOTED_CHARACTERS: Final = 40


def quoted(text: str) -> str:
    """Return *text* for a message: cut, and in quotation marks. Whoever shows the message makes it inert."""
    text = without_credentials(text)
    return f'"{text if len(text) <= _MAX_QUOTED_CHARACTERS else text[: _MAX_QUOTED_CHARACTERS - 1] + "…"}"'

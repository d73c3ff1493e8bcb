"""Text that fits one comment of a pull request."""

from typing import Final

__all__ = ("MAX_COMMENT_CHARACTERS", "Page", "length")

# GitHub takes 65,536; what posts the comment may add a few words.
MAX_COMMENT_CHARACTERS: Final = 65_000


class Page:
    """Text that grows to at most *max_characters*, counted as UTF-16 does."""

    def __init__(self, max_characters: int) -> None:
        self._left = max_characters
        self._pieces: list[str] = []

    def add(self, piece: str, *, reserve: int = 0) -> bool:
        """Append *piece* if it fits whole and leaves *reserve* characters; say whether it did."""
        size = length(piece)
        if size + reserve > self._left:
            return False
        self._left -= size
        self._pieces.append(piece)
        return True

    @property
    def left(self) -> int:
        """How many characters still fit."""
        return self._left

    def text(self) -> str:
        """Return what was taken."""
        return "".join(self._pieces)


def length(text: str) -> int:
    """Return how many UTF-16 units *text* takes: the most that anybody counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2

"""Colour for a terminal, only when asked for."""

from dataclasses import dataclass

__all__ = ("PLAIN", "Paint")


@dataclass(frozen=True, slots=True)
class Paint:
    """Wraps text in colours, or leaves it alone. Hostile text must be made visible before it is painted."""

    colour: bool

    def bold(self, text: str) -> str:
        """Return *text* as a heading."""
        return self._sgr(text, "1")

    def dim(self, text: str) -> str:
        """Return *text* as something of less weight."""
        return self._sgr(text, "2")

    def red(self, text: str) -> str:
        """Return *text* as something that went wrong, or away."""
        return self._sgr(text, "31")

    def green(self, text: str) -> str:
        """Return *text* as something new or well."""
        return self._sgr(text, "32")

    def yellow(self, text: str) -> str:
        """Return *text* as something that changes or needs a look."""
        return self._sgr(text, "33")

    def _sgr(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


PLAIN = Paint(colour=False)

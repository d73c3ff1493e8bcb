"""Places in the state that get another name: a target, or one container of a target."""

from typing import NamedTuple, Self

__all__ = ("Moved", "Place")


class Place(NamedTuple):
    """A target, or with a *container* that container of it."""

    target: str
    container: str | None = None

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return what *text*, `TARGET` or `TARGET/CONTAINER`, names, or None; a container may itself hold slashes."""
        target, slash, container = text.partition("/")
        return cls(target, container if slash else None) if target and (container or not slash) else None

    def __str__(self) -> str:
        return self.target if self.container is None else f"{self.target}/{self.container}"


class Moved(NamedTuple):
    """What has another name now: so many items that are known or in doubt, *doubts* of them in doubt.

    *containers* are the names that its containers had.
    """

    items: int
    doubts: int
    containers: tuple[str, ...]

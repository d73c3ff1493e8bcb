"""What kbsync manages: items, and where the manifest speaks of them."""

from typing import NamedTuple

__all__ = ("Item", "Source")


class Item(NamedTuple):
    """The identity of one image or document.

    *container* is the provider's own word for what holds it: a Coze dataset id, or for Volcengine
    `project/collection` or a resource id. *id* is always text; ids exceed 2**53.
    """

    target: str
    container: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.target}/{self.container}/{self.kind}/{self.id}"


class Source(NamedTuple):
    """A place in a manifest file; line and column are 1-based."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

"""What a manifest declares, and how a provider says which words its manifests may use."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from kbsync.core.columns import Columns
from kbsync.core.fields import Fields
from kbsync.core.items import Item, Source
from kbsync.core.rules import Finding

__all__ = ("Desired", "Dialect", "Entry", "Header", "KindDialect")


class Desired(NamedTuple):
    """One item as the manifest wants it.

    *fields* are the managed ones: declared and not *ignored*. An ignored field is neither compared nor sent, and what
    is known of it is kept.
    """

    item: Item
    fields: Fields
    source: Source
    protect: bool = False
    ignored: frozenset[str] = frozenset()


class Entry(Protocol):
    """One validated manifest entry: an instance of a `KindDialect.model`."""

    @property
    def id(self) -> str:
        """The provider's id of the item."""
        ...

    @property
    def protect(self) -> bool:
        """Whether the item is never sent."""
        ...

    def fields(self) -> Fields:
        """Return the managed fields: those declared and not in `ignore`."""
        ...

    @property
    def ignore(self) -> Collection[str]:
        """The names of the declared fields that are not managed."""
        ...


class Header(Protocol):
    """The keys of a manifest that name one container: an instance of a `Dialect.header`."""

    def container(self) -> str:
        """Return the container part of the identity of the items beneath."""
        ...

    @classmethod
    def naming(cls, container: str) -> Self:
        """Return the keys that name *container*, which is what `container` returned."""
        ...


@dataclass(frozen=True, slots=True)
class KindDialect:
    """How entries of one kind are written.

    *section* is the key of the list in container-shaped manifests (`images`), *model* the pydantic dataclass that an
    entry is validated by and the JSON Schema is made from. *check* finds what a model cannot say: rules that can be
    lifted, and warnings.

    *plain* is the short way for entries that are like nearly all: those which the model takes as they are, in which
    neither *check* nor any lint of texts finds anything, and which have no options. Of many of them it returns the
    canonical text of each one's fields; it may return None of any, and then they are looked at in smaller numbers, and
    in the end one by one. No column that it takes has values of two types.
    """

    kind: str
    section: str
    model: type[Any]
    check: Callable[[Any], Iterable[Finding]]
    plain: Callable[[Columns], Sequence[str] | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Dialect:
    """The manifest words of one target: *header* is the pydantic dataclass of the keys that name a container.

    *unique_in_target* says that an item's id must not repeat in any container of the target.
    """

    header: type[Any]
    kinds: Mapping[str, KindDialect]
    unique_in_target: bool

"""A YAML manifest as it was written: keys, values, comments and blank lines, to be put in order and written again.

Only for a text that was read without a mistake: it has no anchors, aliases or tags, and every key is a scalar.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
)

from kbsync.adapters.manifests.yaml_nodes import LOADER

__all__ = ("Collection", "Comment", "Member", "Node", "Scalar", "comments_in", "yaml_trees")

_BREAK: Final = re.compile("[\n\x85\u2028\u2029]")
_BOUNDARIES: Final = (DocumentStartEvent, DocumentEndEvent, StreamEndEvent)
# A comment behind a dash or comma belongs to what follows, wherever it stands.
_WITH_NEXT: Final = -1


@dataclass(slots=True)
class Comment:
    """A comment that has a line of its own; *spaced* says that a blank line stands above it."""

    text: str
    spaced: bool = False


@dataclass(slots=True)
class Scalar:
    """A scalar. *plain* says that it has no quotation marks; *folded* are the lines of one behind `>`, not indented."""

    value: str
    plain: bool = False
    folded: tuple[str, ...] = ()


@dataclass(slots=True)
class Member:
    """One pair of a mapping, or one element of a list, which has no *key*.

    *above* are the comments before it, *beside* is the one at the end of its first line; *spaced* says that a blank
    line stands before it.
    """

    key: Scalar | None
    value: "Node"
    above: list[Comment] = field(default_factory=list[Comment])
    beside: str = ""
    spaced: bool = False


@dataclass(slots=True)
class Collection:
    """A mapping or, if not *keyed*, a list. *tail* are the comments behind the last member; *column* is 0-based."""

    keyed: bool
    column: int = 0
    members: list[Member] = field(default_factory=list[Member])
    tail: list[Comment] = field(default_factory=list[Comment])


Node: TypeAlias = Scalar | Collection


def yaml_trees(text: str) -> list[Collection]:
    """Return the documents of the manifest *text*; those without content are left out, their comments are kept."""
    return _Trees(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")).documents()


def comments_in(tree: Collection) -> Iterator[str]:
    """Yield every comment of *tree*."""
    for member in tree.members:
        yield from (comment.text for comment in member.above)
        if member.beside:
            yield member.beside
        if isinstance(member.value, Collection):
            yield from comments_in(member.value)
    yield from (comment.text for comment in tree.tail)


class _Found(NamedTuple):
    """A comment between two tokens, in a line of its own. *column* is 0-based."""

    comment: Comment
    column: int


class _Trees:
    """One walk along the events of a text. *at* is where the last token ended, and *owner* what that belongs to.

    *closed* are the block collections that ended since then, the innermost first: a comment may belong to their ends.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
        self._at = 0
        self._owner: Member | None = None
        self._closed: list[Collection] = []

    def documents(self) -> list[Collection]:
        found: list[Collection] = []
        early: list[Comment] = []
        for event in self._events:
            begin, end = event.start_mark.index, event.end_mark.index
            if type(event) in _BOUNDARIES:
                # An implicit boundary is no token, and the comments at its place belong to what comes.
                if begin < end or type(event) is StreamEndEvent:
                    early += self._between_documents(begin, found)
                    self._pass(end, None)
            elif type(event) is MappingStartEvent:
                # What stands above the first key is about the whole document.
                document = self._collection(event, None)
                document.members[0].above[:0] = early
                early = []
                found.append(document)
        return found

    def _between_documents(self, end: int, found: list[Collection]) -> list[Comment]:
        """Give the comments up to *end* to the last of the documents *found*; return those before the first one."""
        comments, _ = self._gap(end)
        if not found:
            return [comment for comment, _ in comments]
        for comment, column in comments:
            (self._tail_at(column) or found[-1]).tail.append(comment)
        return []

    def _node(self, event: Any, owner: Member) -> Node:
        if isinstance(event, CollectionStartEvent):
            return self._collection(event, owner)
        return self._scalar(event, owner)

    def _collection(self, start: Any, owner: Member | None) -> Collection:
        collection = Collection(isinstance(start, MappingStartEvent), start.start_mark.column)
        if start.flow_style:
            self._pass(start.end_mark.index, owner)
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                self._close(collection, event, owner, flow=start.flow_style)
                break
            member = Member(None, Scalar(""))
            self._before(member, event.start_mark.index, _WITH_NEXT if start.flow_style else collection.column)
            if collection.keyed:
                member.key = self._scalar(event, member)
                event = next(self._events)  # noqa: PLW2901  # the value comes behind its key
                self._before_value(member, event)
            member.value = self._node(event, member)
            collection.members.append(member)
        return collection

    def _close(self, collection: Collection, end: Any, owner: Member | None, *, flow: bool) -> None:
        if flow:
            comments, _ = self._gap(end.start_mark.index)
            collection.tail += [comment for comment, _ in comments]
            self._pass(end.end_mark.index, owner)
        else:
            self._closed.append(collection)

    def _before(self, member: Member, begin: int, column: int) -> None:
        """Place the comments before *member*, which begins at *begin*, in a block at *column*."""
        comments, member.spaced = self._gap(begin)
        for comment, at in comments:
            ended = self._tail_at(at) if at > column and not member.above else None
            (member.above if ended is None else ended.tail).append(comment)
        self._closed.clear()

    def _before_value(self, member: Member, value: Any) -> None:
        """Place the comments between the key of *member* and its value; a block begins with a member of its own."""
        begin = value.start_mark.index
        if type(value) is ScalarEvent or value.flow_style:
            comments, _ = self._gap(begin)
            member.above += [comment for comment, _ in comments]

    def _tail_at(self, column: int) -> Collection | None:
        """Return the innermost block that ended just now and to which a comment at *column* can belong.

        What is inside of it takes no more comments, so that their order stays.
        """
        for number, collection in enumerate(self._closed):
            if collection.column <= column:
                del self._closed[:number]
                return collection
        return None

    def _scalar(self, event: Any, owner: Member) -> Scalar:
        begin, end = event.start_mark.index, event.end_mark.index
        if event.style not in {"|", ">"}:
            self._pass(end, owner)
            return Scalar(event.value, plain=not event.style)
        # The empty lines behind a block belong to libyaml's scalar, and here to what follows.
        header, _, body = self._text[begin:end].rstrip().partition("\n")
        style, mark, comment = header.partition("#")
        if mark:
            self._beside(owner, mark + comment)
        self._pass(begin + len(self._text[begin:end].rstrip()), None)
        folded = _dedented(body) if style.strip() in {">", ">-"} else ()
        return Scalar(event.value, folded=(style.strip(), *folded) if folded else ())

    def _pass(self, end: int, owner: Member | None) -> None:
        """Go on behind a token of *owner* that ended at *end*."""
        self._at = max(end, self._at)
        self._owner = owner

    def _gap(self, end: int) -> tuple[list[_Found], bool]:
        """Return the comments up to the token at *end*, with their columns, and whether a blank line is before it.

        The one in the line of the last token goes to whom that belongs.
        """
        found: list[_Found] = []
        spaced = False
        pieces = _BREAK.split(self._text[self._at : end])
        for number, piece in enumerate(pieces):
            before, mark, comment = piece.partition("#")
            if before.startswith("%"):  # a directive, which says nothing where there are no tags
                before, mark, comment = piece.partition(" #")
            if mark and number == 0 and self._owner is not None:
                self._beside(self._owner, f"#{comment}")
            elif mark:
                column = len(before) if not before.strip() else _WITH_NEXT
                found.append(_Found(Comment(f"#{comment}".rstrip(), spaced), column))
                spaced = False
            else:
                spaced = spaced or (0 < number < len(pieces) - 1 and not piece.strip())
        self._at = max(end, self._at)
        self._owner = None
        return found, spaced

    @staticmethod
    def _beside(owner: Member, comment: str) -> None:
        if owner.beside:
            owner.above.append(Comment(comment.rstrip()))
        else:
            owner.beside = comment.rstrip()


def _dedented(body: str) -> tuple[str, ...]:
    """Return the lines of a folded text without their indentation."""
    lines = body.split("\n")
    first = next((line for line in lines if line.strip()), "")
    depth = len(first) - len(first.lstrip(" "))
    return tuple(line[depth:] for line in lines)

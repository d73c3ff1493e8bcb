"""The one way in which kbsync lays a YAML manifest out.

Keys stand in the order of the documentation, entries in that of their author. Containers, lists of entries, entries and
`meta` are blocks, what is inside them stands in one line where it fits. Comments stay with what they are about, and one
blank line stays where there were some.
"""

from collections.abc import Iterable
from typing import Final

from kbsync.adapters.manifests.order import id_order
from kbsync.adapters.manifests.shapes import Shape
from kbsync.adapters.manifests.yaml_text import block_of, is_text, quoted, text_of
from kbsync.adapters.manifests.yaml_tree import Collection, Comment, Member, Node, Scalar

__all__ = ("arrange", "entry_lines", "yaml_lines")

WIDTH: Final = 100
_STEP: Final = "  "
# The head, the lists and the entries, and what stands in their defaults.
_BLOCK_DEPTH: Final = 2


def arrange(document: Collection, shape: Shape, *, sort: bool) -> None:
    """Put the keys of *document* in the order of *shape*; with *sort*, its entries in the order of their ids."""
    top, first = document.members[0].above, document.members[0]
    spaced, first.above, first.spaced = first.spaced, [], False
    _arrange(document, shape, sort=sort)
    first = document.members[0]
    if top:
        following = first.above[0] if first.above else first
        following.spaced = spaced
    first.above[:0] = top


def yaml_lines(document: Collection, shape: Shape) -> list[str]:
    """Return the lines of *document*."""
    return [*_members(document, shape, "", 0), *_comments(document.tail, "", begin=False)]


def entry_lines(entry: Node, shape: Shape) -> list[str]:
    """Return the lines of *entry* in a list of *shape*."""
    return _element(Member(None, entry), shape, _STEP, 1)


def _arrange(node: Node, shape: Shape, *, sort: bool) -> None:
    if isinstance(node, Scalar):
        return
    if node.keyed:
        ranks = {key: rank for rank, key in enumerate(shape.keys)}
        node.members.sort(key=lambda member: ranks.get(member.key.value if member.key else "", len(ranks)))
    for member in node.members:
        _arrange(member.value, _shape_of(member, shape), sort=sort)
        _lift(member)
    if sort and "id" in shape.element.keys:
        node.members.sort(key=lambda member: id_order(_id_of(member)))


def _lift(member: Member) -> None:
    """Take the comments that can only stand above *member* there: those of its first key, and of what is empty."""
    inner = member.value
    if isinstance(inner, Scalar):
        return
    if not inner.members:
        member.above += inner.tail
        inner.tail = []
    elif member.key is None:
        first = inner.members[0]
        member.above += first.above
        first.above = []
        if member.beside and first.beside:
            member.above.append(Comment(member.beside))
        first.beside = first.beside or member.beside
        member.beside = ""


def _id_of(entry: Member) -> str:
    pairs = entry.value.members if isinstance(entry.value, Collection) else []
    return next(
        (pair.value.value for pair in pairs if pair.key and pair.key.value == "id" and isinstance(pair.value, Scalar)),
        "",
    )


def _members(collection: Collection, shape: Shape, indent: str, depth: int) -> list[str]:
    """Return the lines of the members of *collection* as a block."""
    lines: list[str] = []
    for member in collection.members:
        lines += _comments(member.above, indent, begin=not lines)
        if member.spaced and lines:
            lines.append("")
        lines += _pair(member, shape, indent, depth) if collection.keyed else _element(member, shape, indent, depth)
    return lines


def _pair(member: Member, shape: Shape, indent: str, depth: int) -> list[str]:
    assert member.key is not None
    inner = _shape_of(member, shape)
    name = f"{indent}{text_of(member.key.value)}:"
    value = member.value
    if isinstance(value, Scalar):
        is_id = member.key.value == "id" and "id" in shape.keys
        return _scalar(name, value, inner, indent, member.beside, is_id=is_id)
    line = _in_line(value, inner, depth + 1)
    if line is not None and len(name) + 1 + len(line) <= WIDTH:
        return [_with(f"{name} {line}", member.beside)]
    return [_with(name, member.beside), *_block(value, inner, indent + _STEP, depth + 1)]


def _element(member: Member, shape: Shape, indent: str, depth: int) -> list[str]:
    inner = shape.element
    if isinstance(member.value, Scalar):
        return _scalar(f"{indent}-", member.value, inner, indent, member.beside)
    line = _in_line(member.value, inner, depth + 1)
    if line is not None and len(indent) + 2 + len(line) <= WIDTH:
        return [_with(f"{indent}- {line}", member.beside)]
    first, *rest = _block(member.value, inner, indent + _STEP, depth + 1)
    return [f"{indent}- {first.removeprefix(indent + _STEP)}", *rest]


def _block(collection: Collection, shape: Shape, indent: str, depth: int) -> list[str]:
    return [*_members(collection, shape, indent, depth), *_comments(collection.tail, indent, begin=False)]


def _scalar(prefix: str, scalar: Scalar, shape: Shape, indent: str, beside: str, *, is_id: bool = False) -> list[str]:
    block = () if is_id else block_of(scalar)
    if block:
        header, *lines = block
        return [_with(f"{prefix} {header}", beside), *(f"{indent}{_STEP}{line}" if line else "" for line in lines)]
    return [_with(f"{prefix} {quoted(scalar.value) if is_id else _line_of(scalar, shape, flow=False)}", beside)]


def _line_of(scalar: Scalar, shape: Shape, *, flow: bool) -> str:
    # What is a number or a truth value stays as it was written.
    return text_of(scalar.value, flow=flow) if shape.text or is_text(scalar) else scalar.value


def _in_line(collection: Collection, shape: Shape, depth: int) -> str | None:
    """Return *collection* in brackets; None when it has to be a block."""
    if collection.members and (depth <= _BLOCK_DEPTH or shape.open or collection.tail):
        return None
    parts: list[str] = []
    for member in collection.members:
        value, inner = member.value, _shape_of(member, shape)
        if member.above or member.beside or (isinstance(value, Scalar) and "\n" in value.value):
            return None
        line = _line_of(value, inner, flow=True) if isinstance(value, Scalar) else _in_line(value, inner, depth + 1)
        if line is None:
            return None
        parts.append(line if member.key is None else f"{text_of(member.key.value, flow=True)}: {line}")
    text = ", ".join(parts)
    return f"{{{text}}}" if collection.keyed else f"[{text}]"


def _comments(comments: Iterable[Comment], indent: str, *, begin: bool) -> list[str]:
    """Return the lines of *comments*; the first one has no blank line above it when they *begin* a block."""
    lines: list[str] = []
    for comment in comments:
        if comment.spaced and (lines or not begin):
            lines.append("")
        lines.append(f"{indent}{comment.text}")
    return lines


def _with(line: str, comment: str) -> str:
    return f"{line}  {comment}" if comment else line


def _shape_of(member: Member, shape: Shape) -> Shape:
    return shape.element if member.key is None else shape.under(member.key.value)

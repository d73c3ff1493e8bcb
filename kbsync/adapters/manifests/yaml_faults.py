"""libyaml's complaints in the words of kbsync's rules, at places that the file has."""

from typing import BinaryIO, Final

from yaml.reader import ReaderError

from kbsync.adapters.manifests.problems import Fault, Place

__all__ = ("UTF_16_MARKS", "end_of", "syntax_fault")

_BOM: Final = b"\xef\xbb\xbf"
_BAD_BYTES: Final = ("UTF-8", "UTF-16", "octet", "surrogate", "invalid Unicode character")
UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def syntax_fault(error: Exception, file: BinaryIO) -> Fault:
    """Return the fault that *error*, raised while parsing *file*, stands for."""
    if isinstance(error, ReaderError):
        return _reader_fault(error, file)
    problem = str(getattr(error, "problem", None) or "the text is not YAML")
    marks = (getattr(error, "problem_mark", None), getattr(error, "context_mark", None))
    # What does not end is found where it begins, and not at the end of the file.
    mark = next(filter(None, reversed(marks) if "unexpected end of stream" in problem else marks), None)
    place = (1, 1) if mark is None else min((mark.line + 1, mark.column + 1), end_of(file))
    if "Unicode character escape" in problem:
        return Fault(place, "control-character", "the text holds half of a surrogate pair")
    context = getattr(error, "context", None)
    hint = _hint(file, place) if "cannot start any token" in problem else ""
    return Fault(place, "syntax", f"{context + ': ' if context else ''}{problem}{hint}")


def _reader_fault(error: ReaderError, file: BinaryIO) -> Fault:
    place = _place_at(file, int(error.position))
    reason = str(error.reason)
    if any(word in reason for word in _BAD_BYTES):
        return Fault(_first_bad_byte(file) or place, "not-utf8", f"the file is not UTF-8 text: {reason}")
    if error.character == 0 and error.position < len(_BOM) + 1:
        return Fault((1, 1), "not-utf8", "the file is UTF-16 or UTF-32: save it as UTF-8")
    return Fault(place, "control-character", "the file holds a character that is no text")


def _place_at(file: BinaryIO, offset: int) -> Place:
    file.seek(0)
    before = file.read(offset)
    return before.count(b"\n") + 1, len(before.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + 1


def _first_bad_byte(file: BinaryIO) -> Place | None:
    """Return where *file* stops being UTF-8, which libyaml tells a byte or two late."""
    file.seek(0)
    try:
        file.read().decode()
    except UnicodeDecodeError as error:
        return _place_at(file, error.start)
    return None


def _hint(file: BinaryIO, place: Place) -> str:
    """Return what to do about the character at *place*, which YAML lets nothing begin with."""
    file.seek(0)
    lines = file.read().decode("utf-8", "replace").split("\n", place[0])
    if lines[place[0] - 1][place[1] - 1 : place[1]] == "\t":
        return " (a tab does not indent in YAML)"
    return " (if it is text, put it in quotation marks)"


def end_of(file: BinaryIO) -> Place:
    """Return the place behind the last character of *file* that breaks no line."""
    file.seek(0)
    # splitlines knows every line break that YAML knows, and some more, which YAML does not let in.
    lines = file.read().decode("utf-8", "replace").splitlines() or [""]
    return len(lines), len(lines[-1]) + 1

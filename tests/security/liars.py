"""A workspace full of hostile texts, and a server that answers with them."""

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from kbsync.emulator import Running, sample_world, served_in_thread
from kbsync.emulator.connection import Reply
from kbsync.emulator.messages import Request
from kbsync.emulator.sample import SAMPLE_COLLECTION, SAMPLE_DATASET, sample_doc_id, sample_image_id
from tests.cli.desk import CONFIG, Desk, Told
from tests.security.hostile import TEXTS, active, formulas, orders
from tests.security.impostor import Impostor, http
from tests.views.worlds import inert_markdown

__all__ = ("CHUNKS", "NAMES", "Liar", "declarable", "declare", "lied_to", "spoken", "violations", "word_of")

NAMES: Final = tuple(TEXTS)
# So many that a result lists every one of them: two changes for each text.
CHUNK: Final = 24
CHUNKS: Final = tuple(NAMES[start : start + CHUNK] for start in range(0, len(NAMES), CHUNK))
JSON: Final = {"Content-Type": "application/json"}
RETRY: Final = "\n[retry]\nattempts = 2\nbase_delay_s = 0.001\n"


class Liar:
    """A speaker that answers for the item of each text with that text, wherever an answer holds one."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.silent = True

    def __call__(self, request: Request) -> Reply | None:
        number = None if self.silent else _number(request)
        if number is None or number >= len(self.names):
            return None
        text = TEXTS[self.names[number]]
        safe = text.encode("utf-8", "replace").decode()
        value = {"code": safe if number % 2 else 4000, "msg": safe, "message": safe, "request_id": safe}
        headers = {**JSON, "X-Tt-Logid": _header(safe), "Server": _header(safe), "Set-Cookie": _header(safe)}
        if number % 3 == 0 and "docs" not in request.path:
            return http(safe.encode(), {"Content-Type": "text/plain"}, "500 Internal Server Error")
        return http(orjson.dumps(value), headers, "400 Bad Request")


@contextmanager
def lied_to(folder: Path, names: Iterable[str]) -> Generator[tuple[Desk, Liar]]:
    """Make a desk whose manifests hold the texts *names*, each in a file named after it, all of them applied once."""
    liar = Liar(names)
    with served_in_thread(Impostor(sample_world(100, 1, 100), liar)) as running:
        desk = _desk(folder, running)
        declare(desk, liar.names, "")
        yield desk, liar


def _desk(folder: Path, running: Running) -> Desk:
    folder.mkdir()
    (folder / "manifests").mkdir()
    desk = Desk(folder, running)
    desk.configure(CONFIG + RETRY)
    return desk


def declare(desk: Desk, names: Iterable[str], word: str) -> None:
    """Write a manifest for each text: its caption, and a meta field of its name, both with *word* behind."""
    folder = desk.folder / "manifests"
    for old in folder.iterdir():
        old.unlink()
    for number, name in enumerate(names):
        text = TEXTS[name] if declarable(TEXTS[name]) else ascii(TEXTS[name])[1:-1]
        image = {"target": "coze-cn", "dataset": SAMPLE_DATASET, "kind": "image", "id": sample_image_id(number)}
        doc = {"target": "volc-bj", "collection": SAMPLE_COLLECTION, "kind": "document", "id": sample_doc_id(number)}
        lines = [{**image, "caption": text + word}, {**doc, "meta": {text[:128]: text + word}}]
        (folder / _file_name(number, TEXTS[name])).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))


def violations(texts: Mapping[str, str]) -> Iterable[str]:
    """Say which of *texts* hold something that acts, and what."""
    for name, text in texts.items():
        is_csv = name in {"report.csv", "report csv out"}
        is_markdown = name in {"report.md", "report md out", "plan markdown out"}
        yield from (f"{name}: {what}" for what in active(text, "\r\n" if is_csv else "\n"))
        yield from (f"{name}: {what}" for what in orders(text))
        if is_csv:
            yield from (f"{name}: {what}" for what in formulas(text))
        if is_markdown and not inert_markdown(text, text.partition("\n")[0]):
            yield f"{name}: not inert Markdown"


def spoken(said: Mapping[str, Told]) -> dict[str, str]:
    return {
        f"{name} {stream}": text
        for name, told in said.items()
        for stream, text in (("out", told.out), ("complaints", told.err))
        if text
    }


def declarable(text: str) -> bool:
    """Tell whether a manifest may hold *text*: the rest is refused, which another test looks at."""
    return not any(
        ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 or c in "\ufffe\uffff" for c in text
    )


def word_of(text: str) -> str:
    """Return *text* as it comes from a command line: there is no NUL, and other bytes than UTF-8 are kept aside."""
    return os.fsdecode(
        text.replace("\0", "").encode("utf-8", "surrogateescape" if "\udcff" in text else "surrogatepass")
    )


def _number(request: Request) -> int | None:
    if request.path.startswith("/v1/"):
        return int(request.path.rpartition("/")[2]) - int(sample_image_id(0))
    name = orjson.loads(request.body).get("doc_id")
    return None if name is None else int(name.rpartition("_")[2])


def _file_name(number: int, text: str) -> str:
    data = os.fsencode(word_of(text.replace("/", "∕")))
    return os.fsdecode(data[:200]) + f" {number}.jsonl"


def _header(text: str) -> str:
    """Return what of *text* a client lets pass in a header."""
    return "".join(c for c in text if c == "\t" or (ord(c) >= 32 and c != "\x7f"))

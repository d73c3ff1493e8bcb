"""A migration at any size: two accounts, a match, an apply that is killed in the middle, and another that ends it."""

import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from kbsync.emulator import Launched, launched
from tests.stories.client import Client
from tests.stories.job import Job, Target
from tests.stories.stage import until
from tests.stories.world import API_KEY, SECRET_ACCESS_KEY, Content, Line, Place, token_of

__all__ = ("migrate",)


class Account(NamedTuple):
    """What an account's containers are called, and where its ids begin."""

    dataset: str
    collection: str
    first: int
    doc: str


_OLD: Final = Account("744632974166804001", "reports", 7446670805219090001, "doc_")
_NEW: Final = Account("755000000000000001", "berichte", 7551000000000000001, "neu-")
_TARGETS: Final = ("coze-old", "volc-old", "coze-new", "volc-new")
# The new account is the other way round, and every tenth file is called a little otherwise there.
_ODD: Final = 10


@dataclass(frozen=True)
class Move:
    """Both accounts, each with its emulator, and one workspace that speaks to both."""

    old: Launched
    new: Launched
    job: Job

    def content(self, emulator: Launched, account: Account) -> Content:
        """Read what an account holds over its lists."""
        containers = {"image": account.dataset, "document": account.dataset, "doc": account.collection}
        with Client(emulator.base_url) as client:
            return client.content(Place(kind, container, "") for kind, container in containers.items())

    def writes(self) -> list[dict[str, Any]]:
        """Give the writes that the new account has seen."""
        answer: Any = self.new.control("GET", "requests?limit=1000000")
        return [request for request in answer["requests"] if request["fate"] != "read"]


def migrate(folder: Path, size: int, rate: str, kill_after: int) -> str:
    """Bring *size* items to another account at *rate*, with a SIGKILL after so many writes; return it in figures."""
    with _moving(folder, size, rate) as move:
        before = move.content(move.old, _OLD)
        maps = {provider: _match(move.job, provider) for provider in ("coze", "volc")}
        assert sum(map(len, maps.values())) == size
        assert not move.writes()

        planned = len(move.job.plan()["changes"])
        assert planned == size + _docs(size)  # meta and name of a document are two writes
        with move.job.start("apply", "--yes") as running:
            until(lambda: len(move.writes()) >= kill_after)
            running.send(signal.SIGKILL)
            assert running.done().code == -signal.SIGKILL
        done = len(move.writes())
        assert kill_after <= done < planned

        code, report = move.job.apply()

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"]
        assert not move.job.plan()["changes"]
        assert move.content(move.old, _OLD) == before
        assert move.content(move.new, _NEW) == _moved(before, maps)
    writes = len(move_writes(report)) + done
    return f"{size} items, {planned} changes, killed after {done}: {report['totals']['updated']} more, {writes} writes"


def move_writes(report: Any) -> Sequence[Any]:
    """Give the changes that a report says were sent."""
    return [row for row in report["items"] if row["attempts"]]


def _match(job: Job, provider: str) -> dict[tuple[str, str], str]:
    """Match one provider's containers, and return the ids there by kind and id here."""
    here, there = (
        (_OLD.dataset, _NEW.dataset)
        if provider == "coze"
        else (f"default/{_OLD.collection}", f"default/{_NEW.collection}")
    )
    done = job.run(
        *("match", "--from", f"{provider}-old/{here}", "--to", f"{provider}-new/{there}", "--format", "json"),
        *("--by", "name", "--by", "normalised-name", "--out", f"manifests/{provider}-new.jsonl", "old.jsonl"),
    )
    assert done.code == 0, done.err
    found = done.json
    assert found["summary"]["paired"] == found["summary"]["declared"] == found["summary"]["items"]
    assert {pair["by"] for pair in found["pairs"]} == {"name", "normalised-name"}
    assert found["not_carried"] == found["left_over"] == []
    return {(pair["from"]["kind"], pair["from"]["id"]): pair["to"]["id"] for pair in found["pairs"]}


def _moved(before: Content, maps: Mapping[str, Mapping[tuple[str, str], str]]) -> Content:
    """Give what the new account has to hold."""
    after: Content = {}
    for place, value in before.items():
        if place.kind == "doc":
            there = Place("doc", _NEW.collection, maps["volc"]["document", place.id])
        else:
            there = Place(place.kind, _NEW.dataset, maps["coze"][place.kind, place.id])
        after[there] = value
    return after


# ------------------------------------------------------------------------------------------------------- both accounts
@contextmanager
def _moving(folder: Path, size: int, rate: str) -> Generator[Move]:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        emulators: list[Launched] = []
        for name, account in (("old", _OLD), ("new", _NEW)):
            data = folder / f"{name}.json"
            data.write_bytes(_archive(account, size, old=account is _OLD))
            emulators.append(stack.enter_context(launched("--data", str(data))))
        old, new = emulators
        targets = [Target(name, rate, credential=number) for number, name in enumerate(_TARGETS)]
        extra = [line for target in targets[2:] for line in ("", *target.lines(new.base_url))]
        job = Job(folder / "workspace", old.base_url, targets[:2], extra=extra)
        job.environment |= {f"TOKEN_{number}": token_of(number) for number in range(4)}
        job.environment |= {f"KEY_{number}": f"AKLTSTORY{number}" for number in range(4)}
        (job.folder / "manifests").mkdir()
        (job.folder / "old.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in _declared(size)))
        yield Move(old, new, job)


def _docs(size: int) -> int:
    return sum(_kind(number) == "doc" for number in range(size))


def _kind(number: int) -> str:
    return ("image", "image", "document", "doc", "doc")[number % 5]


def _name(number: int, *, odd: bool) -> str:
    ending = {"image": ".jpg", "document": "", "doc": ".pdf"}[_kind(number)]
    name = f"Datei {number} 年报{ending}"
    if not odd or number % _ODD not in {0, 3}:
        return name
    return name.replace("Datei ", "ＤＡＴＥＩ  ").replace("jpg", "JPEG")


def _values(number: int) -> tuple[str, int, Mapping[str, Any]]:
    """Give the caption, the hours between two fetches, and the meta fields of a file."""
    meta = {
        "行业": f"教育 {number % 7}",
        "public": number % 2 == 0,
        "year": 2020 + number % 5,
        "tags": ["a", f"{number}"],
    }
    return f"图 {number} 🐈\nzwei", 24 + number % 5, meta


def _declared(size: int) -> list[Line]:
    """Say all that is so in the old account."""
    lines: list[Line] = []
    for number in range(size):
        caption, hours, meta = _values(number)
        kind, name = _kind(number), _name(number, odd=False)
        coze = {"target": "coze-old", "dataset": _OLD.dataset, "kind": kind, "id": str(_OLD.first + number)}
        match kind:
            case "image":
                lines.append({**coze, "caption": caption})
            case "document":
                lines.append({**coze, "name": name, "update_rule": {"update_type": 1, "update_interval": hours}})
            case _:
                volcengine = {"target": "volc-old", "collection": _OLD.collection, "kind": "document"}
                lines.append({**volcengine, "id": f"{_OLD.doc}{number}", "name": name, "meta": meta})
    return lines


def _archive(account: Account, size: int, *, old: bool) -> bytes:
    """Write an account as the emulator reads it: an old one, or a new one to which the files were just uploaded."""
    images: list[Line] = []
    documents: list[Line] = []
    docs: list[Line] = []
    for number in range(size) if old else reversed(range(size)):
        caption, hours, meta = _values(number)
        name = _name(number, odd=not old)
        id_ = str(account.first + (number if old else size - number))
        match _kind(number):
            case "image":
                images.append({"id": id_, "name": name, "caption": caption if old else ""})
            case "document":
                rule = {"update_type": 1, "update_interval_h": hours} if old else {}
                documents.append({"id": id_, "name": name, **rule})
            case _:
                fields = [
                    {"field_name": field, "field_type": _TYPES[type(value)], "field_value": value}
                    for field, value in meta.items()
                ]
                live = {"meta": orjson.dumps(fields).decode()} if old else {}
                docs.append({"id": f"{account.doc}{number if old else size - number}", "name": name, **live})
    credentials = {
        "tokens": [{"name": f"token-{n}", "token": token_of(n)} for n in range(4)],
        "access_keys": [
            {"name": f"key-{n}", "access_key_id": f"AKLTSTORY{n}", "secret_access_key": SECRET_ACCESS_KEY}
            for n in range(4)
        ],
        "api_keys": [{"name": "reader", "api_key": API_KEY}],
    }
    return orjson.dumps(
        {
            "format": "kbsync.emulator/1",
            "credentials": credentials,
            "datasets": [{"id": account.dataset, "images": images, "documents": documents}],
            "collections": [{"name": account.collection, "docs": docs}],
        }
    )


_TYPES: Final = {str: "string", bool: "bool", int: "int64", list: "list<string>"}

"""No id reaches another endpoint than its own: not from a manifest, a saved plan, a command line, or a codec."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.items import Item
from kbsync.core.plan_document import plan_to_json, seal
from kbsync.core.plan_shape import plan_of
from kbsync.core.wire import Request
from tests.providers.contract import Subject, Write, live_of, subjects
from tests.security.canaries import ENVIRONMENT
from tests.security.vault import COLLECTION, DATASET, Vault, open_vault

# Ids and containers that are meant to end elsewhere, or anywhere but in their place.
ELSEWHERE: Final = (
    "..", ".", "../..", "../../open_api/knowledge/document/delete", "..%2f..%2fopen_api", "%2e%2e", "%2E%2E/%2e%2e",
    "%252e%252e", "1/../2", "1/..", "1/", "/1", "//evil.example/x", "///", "1/images/2", "1%2f2", "1%2F..%2F2",
    "1?x=1", "1?page_num=1&x=", "?", "1#f", "#", "1;x=1", "1&x=1", "1%3fx", "1%23f", "1\\..\\2", "\\\\evil.example\\x",
    "http://evil.example/", "https://127.0.0.1:1/", "@evil.example", "1@evil.example", ":80", "1:80", "~root", "~",
    "1\r\nX-Forged: y", "1\r\n\r\nPUT /v1/other HTTP/1.1\r\n", "1\nX: y", "1\n", "\n1", "1\r", "1\t", "1\0", "1%00",
    "1%0d%0aX: y", "1%0a", " 1", "1 ", "1 2", "1+1", "+1", "-1", "1e3", "1.0", "1_0", "0x1", "0", "01", "１２３", "١",
    "1\u200b", "1\u202e", "1\ufeff", "\ud7ff1", "1\u0661", "1²", "½", "{id}", "*", "1,2", "'1'", '"1"', "`1`", "$(id)",
    "1'--", "1|2", "<1>", "%", "%1", "%zz", "", "a" * 129, "1" * 21, "é", "猫", "kb-", "kb-é", "p/é", "p/1", "a//b",
)  # fmt: skip
# Of these a document of Volcengine may be called so: they stand in the body, and mean themselves.
NAMES: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
ENDPOINTS: Final = {
    "/open_api/knowledge/document/update",
    "/api/knowledge/doc/update",
    "/api/knowledge/doc/update_meta",
}
ENDPOINTS_READ: Final = {"/api/knowledge/doc/info", "/api/knowledge/doc/list", "/open_api/knowledge/document/list"}
CAPTION: Final = re.compile(r"/v1/datasets/([1-9][0-9]{0,19})/images/([1-9][0-9]{0,19})")
IMAGES: Final = re.compile(r"/v1/datasets/[1-9][0-9]{0,19}/images\?page_num=[0-9]+&page_size=[0-9]+")


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    for name, secret in ENVIRONMENT.items():
        monkeypatch.setenv(name, secret)
    with open_vault(tmp_path / "vault") as opened:
        opened.declare(1)
        monkeypatch.chdir(opened.folder)
        yield opened


# ---------------------------------------------------------------------------------------------------------- manifests
@pytest.mark.parametrize("ending", ["jsonl", "csv", "yaml"])
def test_no_manifest_leads_elsewhere(vault: Vault, ending: str) -> None:
    rows = list(_rows())
    if ending == "csv":  # whose rows are lines only without line ends in them
        rows = [row for row in rows if not any(end in text for end in "\r\n" for text in row.values())]
    lines = [_written(row, ending) for row in rows]
    (vault.folder / "manifests" / "all.jsonl").unlink()
    header = [",".join(COLUMNS)] if ending == "csv" else []
    vault.write(f"manifests/bad.{ending}", "\n".join((*header, *lines)) + "\n")

    checked = vault.run("validate", "--format", "json")
    applied = vault.run("apply", "--yes")

    assert (checked.code, applied.code) == (65, 65)
    assert vault.impostor.heard == []
    wrong = {problem["source"]["line"] - len(header) for problem in checked.json()["problems"]}
    assert [row for number, row in enumerate(rows, 1) if number not in wrong] == []


COLUMNS: Final = ("target", "dataset", "collection", "resource_id", "kind", "id", "caption", "name")


def _rows() -> Iterator[dict[str, str]]:
    """Yield what one line of a manifest may say, with each text where an id or a container stands."""
    for text in ELSEWHERE:
        yield {"target": "coze-env", "dataset": DATASET, "kind": "image", "id": text, "caption": "x"}
        yield {"target": "coze-env", "dataset": text, "kind": "image", "id": "1", "caption": "x"}
        yield {"target": "coze-env", "dataset": DATASET, "kind": "document", "id": text, "name": "x"}
        if not NAMES.fullmatch(text):
            yield {"target": "volc-env", "collection": COLLECTION, "kind": "document", "id": text, "name": "x"}
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,63}", text):
            yield {"target": "volc-env", "collection": text, "kind": "document", "id": "d", "name": "x"}
            yield {"target": "volc-env", "resource_id": text, "kind": "document", "id": "d", "name": "x"}


def _written(row: dict[str, str], ending: str) -> str:
    """Write *row* as one line of a manifest."""
    if ending == "jsonl":
        return json.dumps(row)
    if ending == "csv":
        return ",".join('"{}"'.format(row.get(column, "").replace('"', '""')) for column in COLUMNS)
    place = {key: row[key] for key in ("target", "dataset", "collection", "resource_id") if key in row}
    entry = {key: row[key] for key in ("id", "caption", "name") if key in row}
    return f"--- {json.dumps({'kbsync': 1, **place, row['kind'] + 's': [entry]})}"


# -------------------------------------------------------------------------------------------------------- saved plans
def test_no_saved_plan_leads_elsewhere(vault: Vault) -> None:
    vault.declare(1, targets=("coze-env", "volc-env"))
    plan = json.loads(vault.run("plan", "--format", "json").out)

    last = len(plan["changes"]) - 1
    for number, key, text in product((0, last), ("id", "container"), ELSEWHERE):
        change = plan["changes"][number]
        if number == last and key == "id" and NAMES.fullmatch(text):
            continue
        item = {**change["item"], key: text}
        changes = [{**one, "item": item} if place == number else one for place, one in enumerate(plan["changes"])]
        vault.write("bad.json", _sealed({**plan, "changes": changes}))
        told = vault.run("-q", "apply", "--yes", "--plan", "bad.json")
        assert told.code == 65, (item, told)
    assert vault.impostor.heard == []


def _sealed(plan: dict[str, Any]) -> bytes:
    """Write *plan* with the digest that belongs to it, as whoever changes one would."""
    changes = sorted(plan["changes"], key=lambda change: (*change["item"].values(), change["operation"]))
    return plan_to_json(seal(plan_of({**plan, "changes": changes, "plan_id": "0" * 64})))


# ------------------------------------------------------------------------------------------------------ command lines
def test_no_command_about_the_state_asks_anybody(vault: Vault) -> None:
    assert vault.run("-q", "apply", "--yes").code == 0
    vault.impostor.heard.clear()

    for text in ELSEWHERE:
        word = text.replace("\0", "")
        assert vault.run("state", "show", "--", f"coze-env/{DATASET}/image/{word}").code in {0, 64}
        assert vault.run("state", "forget", "--yes", "--", f"coze-env/{word}/image/1").code == 0
        assert vault.run("state", "list", "--", word).code == 0
    assert vault.impostor.heard == []


# ------------------------------------------------------------------------------------------------------------- codecs
SUBJECTS: Final = subjects()
anything = st.one_of(
    st.sampled_from(ELSEWHERE),
    st.text(max_size=30),
    st.text("0123456789./%?#\\\r\n ab-_", max_size=24),
    st.from_regex(r"[1-9][0-9]{0,19}", fullmatch=True),
)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@given(data=st.data())
def test_a_codec_writes_an_address_of_its_own_or_none(subject: Subject, data: st.DataObject) -> None:
    write: Write = data.draw(st.sampled_from(subject.writes))
    item = Item("t", data.draw(st.just(write.item.container) | anything), write.item.kind, data.draw(anything))
    cursor = data.draw(st.just("") | anything)
    asks: tuple[Callable[[], Request], ...] = (
        lambda: subject.codec.encode(write.operation, item, write.desired, live_of(subject.codec, write)),
        lambda: subject.codec.encode_read(write.operation, [item]),
        lambda: subject.codec.encode_list(item.kind, item.container, cursor),
    )
    for ask in asks:
        try:
            request = ask()
        except ValueError:
            continue
        caption = CAPTION.fullmatch(request.path)
        if caption is not None:
            assert caption.groups() == (item.container, item.id)
        assert caption is not None or request.path in ENDPOINTS | ENDPOINTS_READ or IMAGES.fullmatch(request.path), (
            request.path
        )
        assert "\r" not in (told := str(dict(request.headers))) and "\n" not in told
        assert request.body == b"" or isinstance(json.loads(request.body), dict)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_what_a_codec_lets_pass_means_itself(subject: Subject) -> None:
    for write, text in product(subject.writes, ELSEWHERE):
        item = write.item._replace(id=text)
        try:
            request = subject.codec.encode(write.operation, item, write.desired, live_of(subject.codec, write))
        except ValueError:
            continue
        assert NAMES.fullmatch(text)
        assert json.loads(request.body)["doc_id"] == text


# ----------------------------------------------------------------------------------------------------------- the wire
def test_what_is_asked_for_stands_on_the_wire_as_it_is(vault: Vault) -> None:
    ids = ("1", "9" * 20, "7446670805219090000", "10000000000000000000")
    names = ("a", "-", "_", "--", "0", "A" * 128, "1-_", "kb-1")
    rows = [{"target": "coze-env", "dataset": DATASET, "kind": "image", "id": id_, "caption": "x"} for id_ in ids]
    rows += [{"target": "coze-file", "dataset": "9" * 20, "kind": "document", "id": id_, "name": "x"} for id_ in ids]
    rows += [
        {"target": "volc-env", "collection": COLLECTION, "kind": "document", "id": name, "name": "x"} for name in names
    ]
    vault.write("manifests/all.jsonl", "\n".join(map(json.dumps, rows)))

    assert vault.run("-q", "apply", "--yes").code == 3  # nobody has most of them

    paths = {request.path for request in vault.impostor.heard}
    assert paths == {
        *(f"/v1/datasets/{DATASET}/images/{id_}" for id_ in ids),
        "/open_api/knowledge/document/update",
        "/api/knowledge/doc/update",
    }
    assert {request.query for request in vault.impostor.heard} == {""}
    asked = [json.loads(request.body) for request in vault.impostor.heard]
    assert {body["doc_id"] for body in asked if "doc_id" in body} == set(names)
    assert {body["document_id"] for body in asked if "document_id" in body} == set(ids)

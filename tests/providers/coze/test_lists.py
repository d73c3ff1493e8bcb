import json
import warnings
from typing import Any

import httpx
import pytest

from kbsync.core.fields import UpdateRule
from kbsync.core.wire import Answer, Hints, Live, Page, Refused, Response, Throttled, Unauthorised, Verdict
from kbsync.providers.coze.wire import CozeCodec

CODEC = CozeCodec("pat_example")
DATASET = "744632974166804001"
ID = "744667080521909001"


def pages(kind: str, entries: object, cursor: str = "", total: object = 1) -> Page | Verdict:
    payload = {"photo_infos": entries, "total_count": total}
    body = {"data": payload} if kind == "image" else {"document_infos": entries, "total": total}
    return CODEC.decode_list(kind, cursor, Response(200, {}, json.dumps({"code": 0, "msg": "", **body}).encode()))


def told(kind: str, **entry: object) -> Live:
    page = pages(kind, [{"document_id": ID, **entry}])
    assert isinstance(page, Page)
    assert not page.flaw
    return page.items[ID]


def live(kind: str, **entry: object) -> Live:
    """Return what an entry tells of the fields and the state of an item."""
    return told(kind, **entry)._replace(hints=Hints())


def asked_by_the_vendors_client(path: str, **answer: object) -> httpx.Request:
    """Return what the vendor's own client sends for the first page of the list that *path* leads to."""
    with warnings.catch_warnings(record=True):  # one of its dependencies insists on being heard
        cozepy: Any = pytest.importorskip("cozepy")
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"code": 0, "msg": "", **answer})

    client = cozepy.SyncHTTPClient(transport=httpx.MockTransport(respond))
    coze = cozepy.Coze(auth=cozepy.TokenAuth("pat_example"), base_url="https://api.coze.cn", http_client=client)
    getattr(coze.datasets, path).list(dataset_id=DATASET, page_num=1, page_size=100)
    (request,) = seen
    return request


# ----------------------------------------------------------------------------------------------------------- requests
def test_the_vendors_own_client_asks_for_images_alike_but_for_the_page_size() -> None:
    theirs = asked_by_the_vendors_client("images", data={"photo_infos": [], "total_count": 0})
    ours = CODEC.encode_list("image", DATASET, "")

    assert (theirs.method, theirs.url.path) == (ours.method, ours.path.partition("?")[0])
    query = dict(theirs.url.params)
    assert f"page_num={query['page_num']}&page_size=299" == ours.path.partition("?")[2]


def test_the_vendors_own_client_asks_for_documents_alike_from_page_1_on() -> None:
    theirs = asked_by_the_vendors_client("documents", document_infos=[], total=0)
    ours = CODEC.encode_list("document", DATASET, "1")

    assert (theirs.method, theirs.url.path) == (ours.method, ours.path)
    assert theirs.headers["agw-js-conv"] == ours.headers["Agw-Js-Conv"]
    assert json.loads(theirs.content) == json.loads(ours.body)


# ------------------------------------------------------------------------------------------------------------ entries
def test_an_image_tells_its_caption() -> None:
    entry = {"name": "a.jpg", "status": 1, "size": 5, "url": "https://x/?x-expires=1", "update_time": 1}

    assert live("image", caption="小猫\r\n\x1b[2J", **entry) == Live({"caption": "小猫\r\n\x1b[2J"})
    assert live("image", caption="", **entry) == Live({"caption": ""})
    assert live("image", **entry) == Live({}, frozenset({"caption"}))
    assert live("image", caption=None, **entry) == Live({}, frozenset({"caption"}))


def test_a_document_tells_its_name_and_its_rule() -> None:
    rule = {"update_type": 1, "update_interval": 24}

    assert live("document", name="a", **rule) == Live({"name": "a", "update_rule": UpdateRule(1, 24)})
    assert live("document", name="a") == Live({"name": "a"}, frozenset({"update_rule"}))
    assert live("document", **rule) == Live({"update_rule": UpdateRule(1, 24)}, frozenset({"name"}))


@pytest.mark.parametrize(
    ("update_type", "interval", "rule"),
    [
        (0, 0, UpdateRule(0)),
        (0, 24, UpdateRule(0)),
        (0, None, UpdateRule(0)),
        ("0", "24", UpdateRule(0)),
        (1, 24, UpdateRule(1, 24)),
        ("1", "24", UpdateRule(1, 24)),
        (1, 0, UpdateRule(1, 0)),
        (2, 48, UpdateRule(2, 48)),
        (1, None, None),
        (None, 24, None),
        (1, -1, None),
        (1, 2**31, None),
        (1, 24.0, None),
        (True, 24, None),
        ("1 ", 24, None),
        ("１", 24, None),
    ],
)
def test_a_rule_is_told_in_the_form_that_a_manifest_gives_it(
    update_type: object, interval: object, rule: UpdateRule | None
) -> None:
    shown = live("document", name="a", update_type=update_type, update_interval=interval)

    assert shown.fields.get("update_rule") == rule
    assert shown.tells("update_rule") == (rule is not None)


@pytest.mark.parametrize(("status", "pending"), [(0, True), ("0", True), (1, False), (9, False), (1000, False)])
def test_items_that_are_still_processed_are_told(status: object, pending: bool) -> None:  # noqa: FBT001
    assert live("image", caption="a", status=status).pending == pending
    assert live("document", name="a", status=status).pending == pending


@pytest.mark.parametrize("kind", ["image", "document"])
def test_an_entry_tells_of_the_file_behind_it(kind: str) -> None:
    assert told(kind, name="a.jpg", size=14_000, type="jpg").hints == Hints("a.jpg", 14_000, "jpg")
    assert told(kind, name="a.jpg", size="14000", type="jpg").hints.size_bytes == 14_000
    assert told(kind, name="", size=0, type=None).hints == Hints()
    assert told(kind, name=5, size=-1, type=[]).hints == Hints()


@pytest.mark.parametrize("kind", ["image", "document"])
def test_an_id_is_exact_as_text_or_as_a_number(kind: str) -> None:
    page = pages(kind, [{"document_id": 9007199254740993}, {"document_id": "18446744073709551615"}], total=2)

    assert isinstance(page, Page)
    assert list(page.items) == ["9007199254740993", "18446744073709551615"]


# ---------------------------------------------------------------------------------------------- the first page's number
def test_a_page_0_that_is_refused_as_invalid_is_followed_by_page_1() -> None:
    refused = Response(400, {}, b'{"code":4000,"msg":"page must be at least 1"}')

    assert CODEC.decode_list("document", "", refused) == Page(
        Answer(400, 4000, "page must be at least 1"), {}, "1", None, short=False
    )
    assert CODEC.decode_list("document", "1", refused) == Refused(
        "container", "invalid", Answer(400, 4000, "page must be at least 1")
    )
    assert isinstance(CODEC.decode_list("image", "", refused), Refused)


def test_a_page_0_that_holds_nothing_proves_nothing() -> None:
    first, second = pages("document", [], "", total=0), pages("document", [], "1", total=0)

    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert (first.next, first.short) == ("1", False)
    assert (second.next, second.short) == (None, True)


# ----------------------------------------------------------------------------------------------------------- verdicts
@pytest.mark.parametrize(("code", "reason"), [(4200, "not_found"), (4101, "forbidden"), (105000011, "not_found")])
def test_a_list_is_refused_for_its_dataset(code: int, reason: str) -> None:
    response = Response(200, {}, json.dumps({"code": code, "msg": "m"}).encode())

    for kind in ("image", "document"):
        assert CODEC.decode_list(kind, "", response) == Refused("container", reason, Answer(200, code, "m"))


def test_a_list_meets_throttling_and_bad_tokens_like_a_write() -> None:
    def told(code: int) -> object:
        return CODEC.decode_list("image", "", Response(200, {}, json.dumps({"code": code, "msg": "m"}).encode()))

    assert told(4009) == Throttled(Answer(200, 4009, "m"))
    assert told(4100) == Unauthorised(Answer(200, 4100, "m"))
    assert told(4011) == Refused("target", "quota", Answer(200, 4011, "m"))

"""What every codec promises of the lists that it reads, whatever its API."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kbsync.core.fields import canonical, family
from kbsync.core.items import Item
from kbsync.core.wire import Hints, Page, ReadResult, Refused, Response, Throttled, Transient, Unauthorised
from tests.providers.contract import FAILURES, HTML, JSON, NOW_S, Subject, echoes_of

Entry = dict[str, object]


@dataclass(frozen=True)
class List:
    """A list that a codec has to be able to read; *cursor* is that of a later page.

    *payload* is the key that entries and total stand under, if not at the top; *entry* makes an entry of an id.
    """

    kind: str
    container: str
    cursor: str
    payload: str
    entries: str
    total: str
    entry: Callable[[str], Entry]

    def body(self, **members: object) -> Entry:
        """Return an answer whose payload has *members*: the list as `entries`, the total as `total`."""
        payload = {{"entries": self.entries, "total": self.total}[name]: value for name, value in members.items()}
        return {"code": 0, self.payload: payload} if self.payload else {"code": 0, **payload}

    def entries_in(self, body: Any) -> int:
        """Return how many entries an answer has."""
        return len((body[self.payload] if self.payload else body).get(self.entries) or ())


_COZE = (
    List(
        "image",
        "744632974166804001",
        "2",
        "data",
        "photo_infos",
        "total_count",
        lambda id_: {"document_id": id_, "caption": "小猫", "status": 1},
    ),
    List(
        "document",
        "744632974166804001",
        "2",
        "",
        "document_infos",
        "total",
        lambda id_: {"document_id": id_, "name": "n.pdf", "update_type": 1, "update_interval": 24, "status": 1},
    ),
)
_META = '[{"field_name":"a","field_type":"string","field_value":"x"}]'
_VOLCENGINE = tuple(
    List(
        "document",
        container,
        "100",
        "data",
        "doc_list",
        "total_num",
        lambda id_: {"doc_id": id_, "doc_name": "n.pdf", "meta": _META, "status": {"process_status": 0}},
    )
    for container in ("default/test_collection_name", "kb-0123abc")
)


def lists_of(subject: Subject) -> tuple[List, ...]:
    return {"coze": _COZE, "volcengine": _VOLCENGINE}[subject.provider.name]


def _answer(body: object) -> Response:
    return Response(200, JSON, json.dumps(body).encode())


def _page(subject: Subject, one: List, entries: object, total: object, cursor: str | None = None) -> Page:
    response = _answer(one.body(entries=entries, total=total))
    page = subject.codec.decode_list(one.kind, one.cursor if cursor is None else cursor, response)
    assert isinstance(page, Page), page
    return page


# ----------------------------------------------------------------------------------------------------------- requests
def every_kind_has_a_list_that_tells_all_its_fields(subject: Subject) -> None:
    operations = subject.codec.operations.values()
    assert {one.kind for one in lists_of(subject)} == {operation.kind for operation in operations}
    for one in lists_of(subject):
        (live,) = _page(subject, one, [one.entry(subject.ids[0])], 1).items.values()

        families = {name for operation in operations if operation.kind == one.kind for name in operation.families}
        assert {family(name) for name in live.fields} == families
        assert not live.untold
        assert not live.pending


def what_cannot_be_read_by_itself_says_so(subject: Subject) -> None:
    for write in subject.writes:
        operation = subject.codec.operations[write.operation]
        try:
            subject.codec.encode_read(operation.name, [write.item])
        except ValueError:
            assert not operation.readable
            assert not operation.overlays
        else:
            assert operation.readable


def a_read_of_chosen_items_tells_what_their_list_tells(subject: Subject) -> None:
    for one in lists_of(subject):
        read = subject.codec.reads.get(one.kind)
        if read is None:
            continue
        assert read.readable
        assert read.name not in subject.codec.operations
        items = [Item("t", one.container, one.kind, id_) for id_ in subject.ids[: read.read_batch]]
        for entry in ({}, {"doc_name": None}, {"meta": None}, {"status": {"process_status": 3}}):
            entries = [{**one.entry(item.id), **entry} for item in items]
            page = _page(subject, one, entries, len(entries))

            result = subject.codec.decode_read(read.name, items, _answer(one.body(entries=entries)))

            assert isinstance(result, ReadResult)
            assert {item.id: result.told(item) for item in items} == {
                id_: live._replace(hints=Hints()) for id_, live in page.items.items()
            }


def a_page_is_asked_for_by_the_same_request_each_time(subject: Subject) -> None:
    for one in lists_of(subject):
        requests = [subject.codec.encode_list(one.kind, one.container, cursor) for cursor in ("", one.cursor)]
        for cursor, request in zip(("", one.cursor), requests, strict=True):
            assert request == subject.codec.encode_list(one.kind, one.container, cursor)
            assert request.idempotent
            assert (request.method, bool(request.body)) in {("GET", False), ("POST", True)}
            assert re.fullmatch(r"(/[A-Za-z0-9_-]+)+(\?[a-z_]+=[0-9]+(&[a-z_]+=[0-9]+)*)?", request.path)
        assert requests[0] != requests[1]


def no_secret_stands_in_a_request_for_a_page_but_in_its_headers(subject: Subject) -> None:
    for one in lists_of(subject):
        plain = subject.codec.encode_list(one.kind, one.container, "")
        authorised = subject.codec.authorise(plain, NOW_S)

        assert (authorised.method, authorised.path, authorised.body) == (plain.method, plain.path, plain.body)
        assert plain.headers.items() < authorised.headers.items()
        assert "canary" not in f"{plain.headers}{plain!r}{authorised!r}{authorised.body.decode()}"


def no_other_kind_container_or_cursor_is_asked_for(subject: Subject) -> None:
    for one in lists_of(subject):
        asked = [(one.kind, container, "") for container in subject.bad_containers]
        asked += [(one.kind, one.container, cursor) for cursor in ("-1", "0", "x", "1\n", "１", "1&a=b", "9" * 30, " ")]
        asked += [(kind, one.container, "") for kind in ("", "video")]
        for kind, container, cursor in asked:
            try:
                subject.codec.encode_list(kind, container, cursor)
            except ValueError:
                continue
            raise AssertionError(f"{kind} in {container} at {cursor} was asked for")


# ----------------------------------------------------------------------------------------------------------- verdicts
def nothing_but_success_is_a_page(subject: Subject) -> None:
    for one in lists_of(subject):
        for response in FAILURES:
            verdict = subject.codec.decode_list(one.kind, one.cursor, response)
            assert isinstance(verdict, Throttled | Transient | Refused | Unauthorised), response
            assert verdict.answer.http_status == response.status

            first = subject.codec.decode_list(one.kind, "", response)
            if isinstance(first, Page):  # there may be no page of the number that the first one is thought to have
                assert isinstance(verdict, Refused)
                assert verdict.reason == "invalid"
                assert first.next is not None
                assert (first.items, first.total, first.short) == ({}, None, False)
            else:
                assert first == verdict


def a_success_without_a_list_is_no_page(subject: Subject) -> None:
    for one in lists_of(subject):
        wrong: tuple[object, ...] = ("x", {}, 5, True)
        bodies = [one.body(entries=entries, total=0) for entries in wrong]
        if one.payload:
            bodies += [{"code": 0}, *({"code": 0, one.payload: payload} for payload in (None, [], *wrong[::2]))]
        for body in bodies:
            for cursor in ("", one.cursor):
                verdict = subject.codec.decode_list(one.kind, cursor, _answer(body))

                assert isinstance(verdict, Transient), body
                assert verdict.reason == "unclear"


def a_refused_list_is_a_matter_of_the_container_or_the_target(subject: Subject) -> None:
    for one in lists_of(subject):
        for status in (400, 403, 404, 405, 409, 410, 413, 422, 301, 407):
            verdict = subject.codec.decode_list(one.kind, one.cursor, Response(status, HTML, b"<html>"))

            assert isinstance(verdict, Refused)
            assert verdict.scope in {"container", "target"}


def no_secret_that_a_server_echoes_to_a_list_is_reported(subject: Subject) -> None:
    for one in lists_of(subject):
        for secret in {*subject.secrets.values()} - {""}:
            for response in echoes_of(f"{'x' * 480} bad request: Authorization: Bearer {secret}", secret):
                for cursor in ("", one.cursor):
                    answer = subject.codec.decode_list(one.kind, cursor, response).answer

                    assert secret[2:-1] not in f"{answer.message} {answer.code} {answer.log_id}"


# -------------------------------------------------------------------------------------------------------------- pages
def a_list_of_nothing_may_be_absent_or_null(subject: Subject) -> None:
    for one in lists_of(subject):
        for body in (one.body(entries=[], total=0), one.body(entries=None, total=0), one.body(total=0)):
            page = subject.codec.decode_list(one.kind, one.cursor, _answer(body))

            assert isinstance(page, Page)
            assert (page.items, page.next, page.total, page.short, page.flaw) == ({}, None, 0, True, "")


def a_page_that_holds_items_says_which_one_follows(subject: Subject) -> None:
    for one in lists_of(subject):
        seen = [""]
        for _ in range(3):
            page = _page(subject, one, [one.entry(id_) for id_ in subject.ids[:2]], 10**6, seen[-1])
            assert page.short
            assert page.next is not None
            seen.append(page.next)
            subject.codec.encode_list(one.kind, one.container, page.next)
        assert len(set(seen)) == len(seen)


def an_entry_that_names_no_item_is_a_flaw(subject: Subject) -> None:
    for one in lists_of(subject):
        good = one.entry(subject.ids[0])
        (key,) = (name for name, value in good.items() if value == subject.ids[0])
        others: list[object] = [None, "x", 5, [], {}, [good], {**good, key: None}, {**good, key: ""}]
        others += [{**good, key: value} for value in (7.43e18, True, [subject.ids[1]], {"id": "1"}, "\ud800")]
        for other in others:
            page = _page(subject, one, [good, other], 2)

            assert page.items.keys() == {subject.ids[0]}
            assert page.flaw, other


def an_item_that_stands_twice_on_a_page_is_a_flaw_and_neither_is_proof(subject: Subject) -> None:
    for one in lists_of(subject):
        page = _page(subject, one, [one.entry(id_) for id_ in (*subject.ids[:2], subject.ids[0])], 2)

        assert page.items.keys() == {subject.ids[1]}
        assert page.flaw


def a_total_is_an_integer_or_its_text(subject: Subject) -> None:
    told: list[tuple[object, int | None]] = [(5, 5), ("5", 5), (0, 0), (-1, -1), ("-1", -1), (2**63 - 1, 2**63 - 1)]
    untold: tuple[object, ...] = (None, "", "x", 5.0, True, [], {}, "５", " 5", 2**63, "9" * 30)
    told += [(total, None) for total in untold]
    for one in lists_of(subject):
        for total, expected in told:
            assert _page(subject, one, [one.entry(subject.ids[0])], total).total == expected, total


def a_value_of_no_known_form_is_told_to_be_unknown(subject: Subject) -> None:
    for one in lists_of(subject):
        entry = one.entry(subject.ids[0])
        whole = _page(subject, one, [entry], 1).items[subject.ids[0]]
        for key, value in _odd(entry):
            for live in _page(subject, one, [{**entry, key: value}], 1).items.values():
                canonical(live.fields)
                assert not live.fields.keys() & live.untold
                for name in whole.fields:
                    assert name in live.fields or not live.tells(name), (key, value)


def _odd(entry: Entry) -> Iterator[tuple[str, object]]:
    for key in entry:
        for value in (None, 10**30, {"a": 1}, "\ud800", [5], -1, 2.5):
            yield key, value


LIST_CLAIMS: tuple[Callable[[Subject], None], ...] = (
    every_kind_has_a_list_that_tells_all_its_fields,
    what_cannot_be_read_by_itself_says_so,
    a_read_of_chosen_items_tells_what_their_list_tells,
    a_page_is_asked_for_by_the_same_request_each_time,
    no_secret_stands_in_a_request_for_a_page_but_in_its_headers,
    no_other_kind_container_or_cursor_is_asked_for,
    nothing_but_success_is_a_page,
    a_success_without_a_list_is_no_page,
    a_refused_list_is_a_matter_of_the_container_or_the_target,
    no_secret_that_a_server_echoes_to_a_list_is_reported,
    a_list_of_nothing_may_be_absent_or_null,
    a_page_that_holds_items_says_which_one_follows,
    an_entry_that_names_no_item_is_a_flaw,
    an_item_that_stands_twice_on_a_page_is_a_flaw_and_neither_is_proof,
    a_total_is_an_integer_or_its_text,
    a_value_of_no_known_form_is_told_to_be_unknown,
)

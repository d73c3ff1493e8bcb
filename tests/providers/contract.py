"""What every codec promises, whatever its API: subjects, and the claims that are made of each of them."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kbsync.core.fields import Fields, MetaValue, UpdateRule, family
from kbsync.core.items import Item
from kbsync.core.provider import Provider
from kbsync.core.settings import TargetSettings
from kbsync.core.wire import Accepted, Answer, Codec, Refused, Response, Throttled, Transient, Unauthorised
from kbsync.providers import PROVIDERS

NOW_S = 1_792_567_680.0

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


@dataclass(frozen=True)
class Write:
    """A change that a codec has to be able to send; *live* is the answer body of the read before, if there is one."""

    operation: str
    item: Item
    desired: Fields
    live_answer: bytes = b""


@dataclass(frozen=True)
class Subject:
    name: str
    provider: Provider
    settings: TargetSettings
    codec: Codec
    secrets: Mapping[str, str]
    writes: tuple[Write, ...]
    # Ids that a manifest may hold, and some that it may not.
    ids: tuple[str, ...]
    bad_ids: tuple[str, ...]
    bad_containers: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def live_of(codec: Codec, write: Write) -> object | None:
    """Return what the engine hands to `encode` for *write*: what was read just before, if the operation overlays."""
    if not codec.operations[write.operation].overlays:
        return None
    read = codec.decode_read(write.operation, [write.item], Response(200, JSON, write.live_answer))
    assert hasattr(read, "live"), read
    live: object = read.live[write.item]
    return live


def _subject(name: str, table: Mapping[str, object], secrets: Mapping[str, str], *writes: Write) -> Subject:
    provider = PROVIDERS[name.partition(" ")[0]]
    settings = provider.settings.model_validate({"provider": provider.name, **table})
    digits = ("1", "744667080521909001", "9" * 20)
    names = ("a", "test123", "_", "-", "A" * 128, "0")
    nowhere = (
        "",
        ".",
        "..",
        "1?x=1",
        "１２３",
        "1\r\nX: y",
        "1\0",
        " 1",
        "1\n",
        "/",
        "a/",
        "/a",
        "a/b/c",
        "a/b\n",
        "a b/c",
    )
    return Subject(
        name,
        provider,
        settings,
        provider.codec(settings, secrets),
        secrets,
        writes,
        ids=digits if provider.name == "coze" else names,
        bad_ids=("", ".", "..", "../x", "1/2", "1?x=1", "1#f", "1%2f2", "１２３", "1\r\nX: y", "1\0", " 1", "1\n", "😀")
        + (("0", "-1", "1_000", "1" * 21, "abc") if provider.name == "coze" else ("a" * 129, "é", "a.b")),
        bad_containers=nowhere
        + (("0", "default/kb") if provider.name == "coze" else ("kb-", "kb-é", "p/1", "p/é", "kb")),
    )


_IMAGE = Item("t", "744632974166804001", "image", "744667080521909001")
_PAGE = Item("t", "744632974166804001", "document", "738694205603010001")
_DOCUMENT = Item("t", "default/test_collection_name", "document", "test123")
_RESOURCE_DOCUMENT = Item("t", "kb-0123abc", "document", "test123")

_LIVE = (
    b'{"code":0,"message":"success","request_id":"02","data":{"doc_id":"test123","doc_name":"a","meta":'
    b'"[{\\"field_name\\":\\"_hidden\\",\\"field_type\\":\\"new\\",\\"field_value\\":{\\"a\\":1.50}},'
    b'{\\"field_name\\":\\"score\\",\\"field_type\\":\\"float32\\",\\"field_value\\":0.25}]"}}'
)


def _volcengine(name: str, table: Mapping[str, object], secrets: Mapping[str, str]) -> Subject:
    meta = {"meta.行业": MetaValue("string", "企业服务"), "meta.score": MetaValue("float32", 0.5)}
    return _subject(
        name,
        {"base_url": "https://api-knowledgebase.mlp.cn-beijing.volces.com", **table},
        secrets,
        Write("volcengine.document.meta", _DOCUMENT, meta, _LIVE),
        Write("volcengine.document.meta", _RESOURCE_DOCUMENT, meta, _LIVE),
        Write("volcengine.document.name", _DOCUMENT, {"name": "2024 年报.pdf"}),
    )


def subjects() -> list[Subject]:
    access_key = {"access_key_id": "env:A", "secret_access_key": "env:B"}
    key_secrets = {"access_key_id": "AKLTcanary1canary", "secret_access_key": "canary2canary=="}
    return [
        _subject(
            "coze",
            {"base_url": "https://api.coze.cn", "token": "env:T"},
            {"token": "pat_canary0canary"},
            Write("coze.image.caption", _IMAGE, {"caption": "小猫"}),
            Write("coze.document.update", _PAGE, {"name": "cozeoverview"}),
            Write("coze.document.update", _PAGE, {"update_rule": UpdateRule(1, 24)}),
            Write("coze.document.update", _PAGE, {"name": "a", "update_rule": UpdateRule(0)}),
        ),
        _volcengine("volcengine", access_key, key_secrets),
        _volcengine("volcengine declared", {**access_key, "meta_write": "declared"}, key_secrets),
        _volcengine(
            "volcengine session",
            {**access_key, "session_token": "env:C"},
            {**key_secrets, "session_token": "canary3canary"},
        ),
        _volcengine("volcengine api key", {"api_key": "env:K"}, {"api_key": "canary4canary"}),
    ]


# Everything that a server, a gateway or a captive portal was ever seen to send in place of a success.
FAILURES: tuple[Response, ...] = (
    *(Response(200, JSON, body) for body in (b"", b"{}", b"[]", b"null", b"true", b"0", b'"code"', b'[{"code":0}]')),
    *(
        Response(200, JSON, b'{"code":' + code + b',"msg":"","message":""}')
        for code in (b'"0"', b"0.0", b"false", b"true", b"null", b"[0]", b"{}", b"-1", b"1", b"1e3", b'"4013"', b'""')
    ),
    *(
        Response(200, JSON, body)
        for body in (
            b'{"code":1,"code":0}',
            b'{"code":0,"code":0}',
            b'{"\\u0063ode":1,"code":0}',
            b'{"code":0,"x":NaN}',
            b'{"code":0}<!-- -->',
            b'{"code":0',
            b'{"code":0,"x":' + b"[" * 50_000,
            b'\xef\xbb\xbf{"code":0}',
            '{"code":0}'.encode("utf-16"),
            b'{"Code":0}',
            b'{"status":0,"data":{"code":0}}',
        )
    ),
    Response(200, HTML, b"<html>Sign in to the network</html>"),
    Response(200, {"content-type": "text/plain"}, b"OK"),
    Response(204, {}, b""),
    Response(206, JSON, b'{"code":0,"ms'),
    Response(400, {"content-type": "text/plain"}, b"bad request"),
    Response(400, JSON, b'{"code":0}'),
    Response(401, JSON, b'{"error_code":"unauthorized"}'),
    Response(403, JSON, b'{"code":-1}'),
    Response(404, JSON, b'{"code":0,"msg":""}'),
    Response(418, HTML, b""),
    Response(429, JSON, b'{"code":0}'),
    Response(429, JSON, b'{"message":"slow down"}'),
    Response(451, HTML, b""),
    Response(500, JSON, b'{"error":"x"}'),
    Response(503, JSON, b"{}"),
    Response(503, JSON, b'{"code":0}'),
    *(Response(status, HTML, b"<html>") for status in (502, 504, 511, 520, 530, 599)),
    *(Response(status, JSON, b'{"code":0}') for status in (0, 100, 199, 301, 304, 307, 408, 409, 412, 425, 600, 1000)),
)


# ------------------------------------------------------------------------------------------------------------- claims
def every_operation_has_a_write(subject: Subject) -> None:
    assert {write.operation for write in subject.writes} == set(subject.codec.operations)
    assert set(subject.codec.operations) == {
        operation.name for operation in subject.provider.operations(subject.settings)
    }


def the_operations_of_a_target_are_those_of_its_codec(subject: Subject) -> None:
    assert tuple(subject.codec.operations.values()) == subject.provider.operations(subject.settings)


def every_field_family_of_a_kind_travels_in_one_operation(subject: Subject) -> None:
    seen: set[tuple[str, str]] = set()
    for operation in subject.codec.operations.values():
        for name in operation.families:
            assert (operation.kind, name) not in seen
            seen.add((operation.kind, name))
    for write in subject.writes:
        operation = subject.codec.operations[write.operation]
        assert {family(name) for name in write.desired} <= operation.families
        assert operation.kind == write.item.kind


def every_write_encodes_to_the_same_request_each_time(subject: Subject) -> None:
    for write in subject.writes:
        live = live_of(subject.codec, write)
        request = subject.codec.encode(write.operation, write.item, write.desired, live)

        assert request == subject.codec.encode(write.operation, write.item, write.desired, live)
        assert request.idempotent
        assert request.method in {"PUT", "POST"}
        assert "Authorization" not in request.headers


def no_valid_id_leaves_its_place_in_the_path(subject: Subject) -> None:
    for write in subject.writes:
        for id_ in subject.ids:
            item = write.item._replace(id=id_)
            live_answer = write.live_answer.replace(b'"test123"', f'"{id_}"'.encode())
            moved = Write(write.operation, item, write.desired, live_answer)
            path = subject.codec.encode(write.operation, item, write.desired, live_of(subject.codec, moved)).path

            assert re.fullmatch(r"(/[A-Za-z0-9_-]+)+", path)


def no_other_id_or_container_is_encoded(subject: Subject) -> None:
    for write in subject.writes:
        live = live_of(subject.codec, write)
        items = [write.item._replace(id=id_) for id_ in subject.bad_ids]
        items += [write.item._replace(container=container) for container in subject.bad_containers]
        for item in items:
            try:
                subject.codec.encode(write.operation, item, write.desired, live)
            except ValueError:
                continue
            raise AssertionError(f"{item} was encoded")


def nothing_but_the_fields_of_an_operation_is_encoded(subject: Subject) -> None:
    for write in subject.writes:
        live = live_of(subject.codec, write)
        for desired in ({}, {**write.desired, "other": "x"}, {"other": "x"}):
            try:
                subject.codec.encode(write.operation, write.item, desired, live)
            except ValueError:
                continue
            raise AssertionError(f"{desired} was encoded")


def no_secret_shows_in_a_repr(subject: Subject) -> None:
    for write in subject.writes:
        plain = subject.codec.encode(write.operation, write.item, write.desired, live_of(subject.codec, write))
        authorised = subject.codec.authorise(plain, NOW_S)
        for shown in (repr(plain), repr(authorised), repr(subject.codec), str(subject.codec)):
            assert "canary" not in shown
        for shown in (plain.path, authorised.path, plain.body.decode(), authorised.body.decode()):
            assert "canary" not in shown


def no_secret_that_a_server_echoes_is_reported(subject: Subject) -> None:
    write = subject.writes[0]
    plain = subject.codec.encode(write.operation, write.item, write.desired, live_of(subject.codec, write))
    headers = subject.codec.authorise(plain, NOW_S).headers
    secrets = {*subject.secrets.values(), headers["Authorization"].partition("Signature=")[2]} - {""}
    for secret in secrets:
        basic = base64.b64encode(b"user:" + secret.encode()).decode().rstrip("=")
        forms = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), basic)
        for form in forms[: 1 if secret not in subject.secrets.values() else None]:
            for padding in ("", "x" * 480 + " ", "图" * 490):
                text = f"{padding}bad request: Authorization: Bearer {form}, {headers['Authorization']} {form}"
                for response in echoes_of(text, form):
                    for answer in _answers(subject, response):
                        shown = f"{answer.message} {answer.code} {answer.log_id}"
                        for length in (len(form) - 3, 10):
                            assert form[2 : 2 + length] not in shown, (form, shown)


def echoes_of(text: str, secret: str) -> Iterator[Response]:
    """Yield the answers of servers that put *text*, which holds *secret*, or the secret itself, wherever they can."""
    body = {"code": 1, "msg": text, "message": text}
    yield Response(400, JSON, json.dumps(body).encode())
    yield Response(200, JSON, json.dumps(body, ensure_ascii=False).encode())
    yield Response(400, JSON, json.dumps({**body, "code": secret, "request_id": secret}).encode())
    yield Response(401, {**JSON, "x-tt-logid": secret}, json.dumps({"detail": {"logid": secret}}).encode())
    yield Response(400, {"content-type": "text/plain"}, text.encode())
    yield Response(400, JSON, json.dumps({"other": text}).encode())
    error = {"Error": {"Code": secret, "Message": text}, "RequestId": secret}
    yield Response(403, JSON, json.dumps({"ResponseMetadata": error}).encode())


def _answers(subject: Subject, response: Response) -> Iterator[Answer]:
    yield subject.codec.decode(response).answer
    for write in subject.writes:
        if subject.codec.operations[write.operation].overlays:
            yield subject.codec.decode_read(write.operation, [write.item], response).answer


def authorising_adds_headers_only(subject: Subject) -> None:
    for write in subject.writes:
        plain = subject.codec.encode(write.operation, write.item, write.desired, live_of(subject.codec, write))
        authorised = subject.codec.authorise(plain, NOW_S)

        assert (authorised.method, authorised.path, authorised.body) == (plain.method, plain.path, plain.body)
        assert plain.headers.items() < authorised.headers.items()
        assert "Authorization" in authorised.headers
        assert all(re.fullmatch(r"[\x20-\x7e]+", value) for value in authorised.headers.values())


def nothing_but_success_is_accepted(subject: Subject) -> None:
    for response in FAILURES:
        verdict = subject.codec.decode(response)

        assert isinstance(verdict, Throttled | Transient | Refused | Unauthorised), response
        assert verdict.answer.http_status == response.status


def success_is_accepted(subject: Subject) -> None:
    for status in (200, 201):
        for body in (b'{"code":0}', b'{ "msg": "", "code" : 0 }', b'{"code":0,"data":null,"new":[1.0]}'):
            assert isinstance(subject.codec.decode(Response(status, JSON, body)), Accepted)


def redirects_stop_the_target(subject: Subject) -> None:
    for status in (301, 302, 303, 307, 308):
        verdict = subject.codec.decode(Response(status, {"location": "https://evil.example"}, b""))

        assert isinstance(verdict, Refused)
        assert (verdict.scope, verdict.reason) == ("target", "redirected")


CLAIMS: tuple[Callable[[Subject], None], ...] = (
    every_operation_has_a_write,
    the_operations_of_a_target_are_those_of_its_codec,
    no_secret_that_a_server_echoes_is_reported,
    every_field_family_of_a_kind_travels_in_one_operation,
    every_write_encodes_to_the_same_request_each_time,
    no_valid_id_leaves_its_place_in_the_path,
    no_other_id_or_container_is_encoded,
    nothing_but_the_fields_of_an_operation_is_encoded,
    no_secret_shows_in_a_repr,
    authorising_adds_headers_only,
    nothing_but_success_is_accepted,
    success_is_accepted,
    redirects_stop_the_target,
)

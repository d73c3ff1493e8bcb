import json
import math
from datetime import UTC, datetime
from email.utils import format_datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.answers import (
    Meaning,
    code_of,
    is_success,
    judge,
    judge_status,
    make_answer,
    parse_envelope,
    parse_http_date,
    parse_json,
    retry_after_s,
    server_time_s,
)
from kbsync.core.wire import (
    MAX_MESSAGE_CHARACTERS,
    Accepted,
    Answer,
    Refused,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)

CODES = {
    7: Meaning("refused", "invalid"),
    8: Meaning("throttled", "throttled"),
    9: Meaning("refused", "quota", scope="target"),
    10: Meaning("unauthorised", "unauthorised"),
    11: Meaning("transient", "server_error", doubt=True),
}


def judged(status: int, body: bytes, **headers: str) -> Verdict:
    response = Response(status, headers, body)
    envelope = parse_envelope(body)
    code = None if envelope is None else code_of(envelope.get("code"))
    return judge(response, envelope, code, Answer(), CODES)


# --------------------------------------------------------------------------------------------------------- envelopes
@pytest.mark.parametrize(
    "body",
    [
        b'{"code":1,"code":0}',
        b'{"code":0,"code":0}',
        b'{"\\u0063ode":1,"code":0}',
        b'{"code": 0, "detail": {"a": 1, "a": 2}}',
        b'{"code":0,"x":NaN}',
        b'{"code":0,"x":-Infinity}',
        b'\xef\xbb\xbf{"code":0}',
        '{"code":0}'.encode("utf-16"),
        '{"code":0}'.encode("utf-16-le"),
        b'{"code":0}x',
        b'{"code":0}{"code":0}',
        b'{"code":0',
        b'{"code":0,}',
        b"{'code':0}",
        b'{"code":0,"msg":"\xff"}',
        b'{"code":0,"msg":"\xed\xa0\x80"}',
        b'{"code":00}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"code":0,"x":' + b"9" * 5_000 + b"}",
        b"[]",
        b'"code"',
        b"0",
        b"null",
        b"",
        b" ",
        b"<html>",
        b"\0",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_strict_json_object_is_no_envelope(body: bytes) -> None:
    assert parse_envelope(body) is None


@pytest.mark.parametrize(
    ("body", "envelope"),
    [
        (b'{"code":0}', {"code": 0}),
        (b' \r\n{ "code" : 0 }\t', {"code": 0}),
        (b'{"\\u0063ode":0}', {"code": 0}),
        (b'{"code":18446744073709551616}', {"code": 2**64}),
        (b'{"a":{"k":1},"b":{"k":1}}', {"a": {"k": 1}, "b": {"k": 1}}),
        (b'{"msg":"\\ud800"}', {"msg": "\ud800"}),
        (b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", ...),
    ],
)
def test_json_in_any_layout_is_an_envelope(body: bytes, envelope: object) -> None:
    parsed = parse_envelope(body)

    assert parsed is not None
    assert envelope is ... or parsed == envelope


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_make_the_parser_raise(body: bytes) -> None:
    parse_envelope(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(json_values, st.booleans(), st.sampled_from([None, 1]))
def test_both_ways_of_parsing_read_the_same(value: object, ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert parse_json(text.encode()) == json.loads(text)


@given(st.lists(st.tuples(st.sampled_from(["code", "\\u0063ode", "msg"]), st.integers(0, 2)), max_size=4))
def test_a_repeated_key_is_never_believed(pairs: list[tuple[str, int]]) -> None:
    body = ("{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}").encode()
    names = [key.replace("\\u0063", "c") for key, _ in pairs]

    assert (parse_envelope(body) is None) == (len(set(names)) < len(names))


@pytest.mark.fault("F24", seen="only the integer 0 is a success")
@pytest.mark.parametrize("code", ["false", "true", "0.0", "-0.0", '"0"', "null", "[]", "{}", "1", "-1", "0e0", '""'])
def test_only_the_integer_zero_is_success(code: str) -> None:
    body = f'{{"code":{code}}}'.encode()

    assert not is_success(Response(200, {}, body), parse_envelope(body))
    assert not isinstance(judged(200, body), Accepted)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_code_zero_with_a_success_status_is_accepted(status: int) -> None:
    assert judged(status, b'{"code":0,"msg":""}') == Accepted(Answer())


@pytest.mark.parametrize("status", [199, 300, 304, 400, 401, 429, 500, 0, 1000])
def test_code_zero_without_a_success_status_is_no_success(status: int) -> None:
    assert not isinstance(judged(status, b'{"code":0}'), Accepted)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (4013, 4013),
        (-1, -1),
        ("4013", 4013),
        ("-1", -1),
        (0, None),
        ("0", None),
        ("04013", None),
        ("4013 ", None),
        ("４０１３", None),
        ("1e3", None),
        (True, None),
        (4013.0, None),
        (None, None),
        ([], None),
        ("9" * 19, None),
    ],
)
def test_a_code_is_a_nonzero_integer_or_its_decimal_text(value: object, code: int | None) -> None:
    assert code_of(value) == code


# ----------------------------------------------------------------------------------------------------------- statuses
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (302, Meaning("refused", "redirected", scope="target")),
        (400, Meaning("refused", "invalid")),
        (401, Meaning("unauthorised", "unauthorised")),
        (402, Meaning("refused", "rejected")),
        (403, Meaning("refused", "forbidden")),
        (404, Meaning("refused", "not_found")),
        (405, Meaning("refused", "unsupported")),
        (406, Meaning("refused", "rejected")),
        (407, Meaning("refused", "proxy", scope="target")),
        (408, Meaning("transient", "timeout", doubt=True)),
        (409, Meaning("refused", "conflict", doubt=True)),
        (410, Meaning("refused", "not_found")),
        (412, Meaning("refused", "conflict", doubt=True)),
        (413, Meaning("refused", "too_large")),
        (414, Meaning("refused", "too_large")),
        (415, Meaning("refused", "unsupported")),
        (422, Meaning("refused", "invalid")),
        (425, Meaning("transient", "too_early")),
        (429, Meaning("throttled", "throttled")),
        (499, Meaning("refused", "rejected")),
        (500, Meaning("transient", "server_error", doubt=True)),
        (503, Meaning("transient", "server_error", doubt=True)),
        (504, Meaning("transient", "timeout", doubt=True)),
        (599, Meaning("transient", "server_error", doubt=True)),
        (600, Meaning("transient", "unclear", doubt=True)),
    ],
)
def test_a_status_has_one_meaning_and_a_stable_word_for_it(status: int, meaning: Meaning) -> None:
    assert judge_status(status) == meaning


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 505, 511, 520, 530, 599])
def test_a_server_that_failed_may_have_written_all_the_same(status: int) -> None:
    verdict = judged(status, b"")

    assert isinstance(verdict, Transient)
    assert verdict.doubt


def test_what_was_turned_away_leaves_no_doubt() -> None:
    early = judged(425, b"")

    assert isinstance(judged(429, b""), Throttled)
    assert isinstance(early, Transient)
    assert not early.doubt


@pytest.mark.fault("F34", seen="a no that leaves doubt")
@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_is_a_no_that_leaves_doubt(status: int) -> None:
    verdict = judged(status, b'{"code":7}')

    assert verdict == Refused("item", "conflict", Answer(), doubt=True)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
@pytest.mark.parametrize("body", [b"", b'{"code":0}', b'{"code":7}', b'{"code":8}'])
def test_a_redirect_stops_the_target(status: int, body: bytes) -> None:
    verdict = judged(status, body)

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.reason) == ("target", "redirected")


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 410, 413, 414, 415, 418, 422, 451])
def test_other_client_errors_refuse_the_item(status: int) -> None:
    verdict = judged(status, b"<html>")

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.doubt) == ("item", False)


@pytest.mark.parametrize("status", [-1, 0, 100, 101, 199, 200, 201, 204, 206, 226, 299, 600, 1000])
def test_an_answer_that_says_nothing_is_unclear(status: int) -> None:
    verdict = judged(status, b"")

    assert verdict == Transient("unclear", Answer(), doubt=True)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"code":null}',
        b'{"code":"0"}',
        b'{"code":"ok"}',
        b'{"code":0.0}',
        b'{"code":true}',
        b'{"code":[0]}',
        b'{"msg":"ok"}',
        b'{"code":1,"code":0}',
    ],
)
def test_a_success_status_without_a_known_code_is_unclear(body: bytes) -> None:
    assert judged(200, body) == Transient("unclear", Answer(), doubt=True)


def test_unauthorised_is_unauthorised_whatever_the_code_says_of_the_item() -> None:
    assert isinstance(judged(401, b'{"error":"x"}'), Unauthorised)
    assert isinstance(judged(401, b'{"code":7}'), Unauthorised)


def test_a_known_code_speaks_before_the_status() -> None:
    assert isinstance(judged(400, b'{"code":8}'), Throttled)
    assert isinstance(judged(400, b'{"code":10}'), Unauthorised)
    assert isinstance(judged(404, b'{"code":11}'), Transient)
    assert judged(429, b'{"code":9}') == Refused("target", "quota", Answer())
    assert judged(200, b'{"code":7}') == Refused("item", "invalid", Answer())


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_known_refusal_speaks_before_a_status_that_refuses_the_item_too(status: int) -> None:
    assert judged(status, b'{"code":7}') == Refused("item", "invalid", Answer())


@pytest.mark.parametrize("status", [401, 404, 409, 500, 503])
def test_a_known_code_that_refuses_nothing_speaks_before_any_status(status: int) -> None:
    assert isinstance(judged(status, b'{"code":8}'), Throttled)


def test_a_code_of_one_item_does_not_hide_a_proxy_that_stands_before_all_of_them() -> None:
    assert judged(407, b'{"code":7}') == Refused("target", "proxy", Answer())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_code_cannot_refuse_an_item_where_the_status_says_later(status: int) -> None:
    assert not isinstance(judged(status, b'{"code":7}'), Refused)


@pytest.mark.parametrize("status", [200, 299])
def test_a_code_after_success_refuses_the_item_whether_it_is_known_or_not(status: int) -> None:
    assert judged(status, b'{"code":7}') == Refused("item", "invalid", Answer())
    assert judged(status, b'{"code":123456}') == Refused("item", "rejected", Answer())
    assert judged(status, b'{"code":-1}') == Refused("item", "rejected", Answer())


def test_an_unknown_code_after_another_status_says_nothing() -> None:
    assert judged(404, b'{"code":123456}') == Refused("item", "not_found", Answer())
    assert judged(503, b'{"code":123456}') == Transient("server_error", Answer(), doubt=True)
    assert judged(199, b'{"code":123456}') == Transient("unclear", Answer(), doubt=True)
    assert judged(199, b'{"code":7}') == Transient("unclear", Answer(), doubt=True)


def test_a_refusal_that_calls_itself_a_success_leaves_doubt() -> None:
    assert judged(404, b'{"code":0}') == Refused("item", "not_found", Answer(), doubt=True)


def test_being_turned_away_too_early_leaves_no_doubt_whatever_it_calls_itself() -> None:
    assert judged(425, b'{"code":0}') == Transient("too_early", Answer(), doubt=False)


@pytest.mark.parametrize("status", [429, 503])
def test_a_verdict_tells_how_long_to_wait(status: int) -> None:
    verdict = judged(status, b"", **{"retry-after": "7"})

    assert isinstance(verdict, Throttled | Transient)
    assert verdict.retry_after_s == 7


@given(st.integers())
def test_every_status_means_something(status: int) -> None:
    assert judge_status(status).kind in {"throttled", "transient", "refused", "unauthorised"}


# -------------------------------------------------------------------------------------------------------- Retry-After
NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.fault("F27", seen="seconds, and dates in three forms by the server's clock")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5\t", 5),
        ("007", 7),
        ("9999999999", 9_999_999_999),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0),
        ("Wednesday, 21-Oct-26 07:29:00 GMT", 60),
        ("Wed Oct 21 07:29:00 2026", 60),
        ("Wed, 21 Oct 2026 07:29:00", 60),
        ("Wed, 21 Oct 2026 15:29:00 +0800", 60),
        ("Wed, 21 Oct 2026 07:28:60 GMT", 59),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock(text: str, seconds: float) -> None:
    assert retry_after_s({"retry-after": text, "date": NOW}) == seconds


@pytest.mark.fault("F27", seen="anything else is none")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+5",
        "1.5",
        "１２",
        "1_000",
        "nan",
        "inf",
        "1e3",
        "12345678901",
        "1" * 30,
        "120, 240",
        "0x10",
        "١٢",
        "tomorrow",
        "Wed, 32 Oct 2026 07:28:00 GMT",
        "Wed, 21 Okt 2026 07:28:00 GMT",
        "Wed, 21 Oct 2026 24:28:00 GMT",
        "Wed, 21 Oct 2026 07:28:00 PST",
        "Wed, 21 Oct 2026 07:28:00 +9900",
        "2026-10-21T07:28:00Z",
        "5\n",
        "5\r\nX: y",
    ],
)
def test_anything_else_is_no_retry_after(text: str) -> None:
    assert retry_after_s({"retry-after": text, "date": NOW}) is None


def test_a_date_has_nothing_to_count_from_without_the_servers_clock() -> None:
    assert retry_after_s({"retry-after": NOW}) is None
    assert retry_after_s({"retry-after": NOW, "date": "now"}) is None
    assert retry_after_s({}) is None


def test_a_long_wait_is_not_shortened() -> None:
    seconds = retry_after_s({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": NOW})

    assert seconds is not None
    assert seconds > 10**11


@given(
    st.text() | st.from_regex(r"\A[A-Za-z]{3,9},? \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d( [A-Z+\-0-9]*)?\Z")
)
def test_no_text_makes_the_date_parser_raise(text: str) -> None:
    time_s = parse_http_date(text)

    assert time_s is None or math.isfinite(time_s)


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "x", ""])
def test_an_unbelievable_server_clock_is_not_told(date: str) -> None:
    assert server_time_s({"date": date}) is None


def test_the_servers_clock_is_its_date() -> None:
    assert server_time_s({"date": NOW}) == 1_792_567_680


def test_a_server_clock_is_believed_from_2020_to_2099() -> None:
    assert server_time_s({"date": "Tue, 31 Dec 2019 23:59:59 GMT"}) is None
    assert server_time_s({"date": "Wed, 01 Jan 2020 00:00:00 GMT"}) == 1_577_836_800
    assert server_time_s({"date": "Thu, 31 Dec 2099 23:59:59 GMT"}) == 4_102_444_799
    assert server_time_s({"date": "Fri, 01 Jan 2100 00:00:00 GMT"}) is None


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_is_known(month: int) -> None:
    moment = datetime(2026, month, 17, 1, 2, 3, tzinfo=UTC)

    assert parse_http_date(format_datetime(moment, usegmt=True)) == moment.timestamp()


@pytest.mark.parametrize(("short", "year"), [("00", 2000), ("69", 2069), ("70", 1970), ("99", 1999)])
def test_a_year_of_two_digits_is_between_1970_and_2069(short: str, year: int) -> None:
    time_s = parse_http_date(f"Monday, 02-Mar-{short} 04:05:06 GMT")

    assert time_s == datetime(year, 3, 2, 4, 5, 6, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("Z", "2026-10-21T01:00:00Z"),
        ("UTC", "2026-10-21T01:00:00Z"),
        ("-0130", "2026-10-21T02:30:00Z"),
        ("+0130", "2026-10-20T23:30:00Z"),
    ],
)
def test_a_date_counts_in_its_own_zone(zone: str, utc: str) -> None:
    assert parse_http_date(f"Wed, 21 Oct 2026 01:00:00 {zone}") == datetime.fromisoformat(utc).timestamp()


# ------------------------------------------------------------------------------------------------------------ answers
def test_a_report_gets_the_code_as_it_was_told() -> None:
    response = Response(200, {}, b"")

    assert make_answer(response, 4013).code == 4013
    assert make_answer(response, "4013").code == "4013"
    assert make_answer(response, 2**70).code == str(2**70)
    assert make_answer(response, code=True).code is None
    assert make_answer(response, 1.5).code is None
    assert make_answer(response, "x" * 1000).code == "x" * 64


def test_a_code_stays_a_number_as_far_as_64_bits_reach() -> None:
    response = Response(200, {}, b"")

    assert [make_answer(response, code).code for code in (2**63 - 1, -(2**63))] == [2**63 - 1, -(2**63)]
    assert [make_answer(response, code).code for code in (2**63, -(2**63) - 1)] == [str(2**63), str(-(2**63) - 1)]


def test_a_message_is_cut_and_can_be_stored() -> None:
    message = make_answer(Response(200, {}, b""), 1, "\ud800\0" + "图" * 1000).message

    assert message == "\ufffd\ufffd" + "图" * (MAX_MESSAGE_CHARACTERS - 2)


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/plain; charset=utf-8", b" bad document_id\n", "bad document_id"),
        ("text/plain", b"\xff" * 3000, "\ufffd" * 500),
        ("application/json", b'{"error":"x"}', '{"error":"x"}'),
        ("text/html", b"<html>", "the answer is text/html"),
        ("text/\x1b[2J", b"?", "the answer is not of a known form"),
        ("", b"?", "the answer is not of a known form"),
        ("application/json", b"", "the answer is empty"),
    ],
)
def test_without_a_message_the_answer_is_described(content_type: str, body: bytes, message: str) -> None:
    assert make_answer(Response(400, {"content-type": content_type}, body)).message == message


@pytest.mark.parametrize("status", [200, 299])
def test_a_success_needs_no_message(status: int) -> None:
    assert make_answer(Response(status, {}, b'{"code":0}'), 0).message == ""


@pytest.mark.parametrize(("status", "code"), [(199, 0), (300, 0), (200, 1), (200, False), (200, "0"), (200, None)])
def test_what_only_resembles_a_success_is_described(status: int, code: object) -> None:
    assert make_answer(Response(status, {}, b""), code).message == "the answer is empty"


def test_the_best_place_of_a_log_id_counts() -> None:
    assert make_answer(Response(200, {}, b""), log_ids=("first", "second")).log_id == "first"


@pytest.mark.parametrize("log_id", ["a\r\nX: y", "\x1b[31m", "日志", "a b", "x" * 200, "", None, 5, ["a"]])
def test_only_a_short_plain_token_is_a_log_id(log_id: object) -> None:
    assert (
        make_answer(Response(200, {}, b""), log_ids=(log_id, "20241210152726467C48")).log_id == "20241210152726467C48"
    )
    assert make_answer(Response(200, {}, b""), log_ids=(log_id,)).log_id == ""


@given(st.integers() | st.text() | st.none() | st.floats(), st.text() | st.none(), st.binary())
def test_every_answer_can_be_written_as_json(code: object, message: str | None, body: bytes) -> None:
    answer = make_answer(Response(200, {}, body), code, message, (message,))

    orjson.dumps([answer.code, answer.message, answer.log_id])

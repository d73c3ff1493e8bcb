"""Every fault of the vocabulary, seen from a bare socket."""

import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from kbsync.emulator.faults import FAULTS, GARBAGE_RETRY_AFTER, Fault, changed_fault, read_mix
from kbsync.emulator.rules import Chance, Rule
from kbsync.emulator.sample import SAMPLE_COLLECTION, sample_doc_id
from tests.emulator.bench import Bench, Raw, eventually

Look = Callable[[Raw], bool]

# Smaller and quicker than the faults are by themselves.
SPARED: dict[str, dict[str, object]] = {
    "huge_body": {"size_bytes": 300_000},
    "gzip_bomb": {"size_bytes": 300_000},
    "many_headers": {"size_bytes": 500},
    "latency": {"delay_s": 0.05},
    "slow_body": {"delay_s": 0.05},
    "late_write": {"late_s": 9.0},
}


def always(kind: str, **changes: object) -> Rule:
    return Rule((Chance(changed_fault(kind, changes)),))


def head_has(text: str) -> Look:
    return lambda raw: text.encode() in raw.data.partition(b"\r\n\r\n")[0]


def status(number: int, code: int | None = None) -> Look:
    def look(raw: Raw) -> bool:
        starts = raw.data.startswith(b"HTTP/1.1 %d " % number)
        return starts and (code is None or orjson.loads(raw.body)["code"] == code)

    return look


def body_is(text: str) -> Look:
    return lambda raw: raw.data.startswith(b"HTTP/1.1 200 ") and raw.body == text.encode("latin-1")


def code_is(text: str) -> Look:
    return lambda raw: b'"code":%b,' % text.encode() in raw.body


def both(*looks: Look) -> Look:
    return lambda raw: all(look(raw) for look in looks)


def nothing(raw: Raw) -> bool:
    return raw.data == b""


def is_half(raw: Raw) -> bool:
    return 0 < len(raw.body) < 60 and raw.body.startswith(b'{"code"')


def claims_more(raw: Raw) -> bool:
    claimed = re.search(rb"Content-Length: (\d+)", raw.data)
    return claimed is not None and int(claimed[1]) > len(raw.body)


def unpacks_to(size_bytes: int) -> Look:
    return lambda raw: len(gzip.decompress(raw.body)) > size_bytes > len(raw.body) * 100


def is_no_gzip(raw: Raw) -> bool:
    try:
        gzip.decompress(raw.body)
    except (OSError, EOFError, zlib.error):
        return head_has("Content-Encoding: gzip")(raw)
    return False


# kind → what is seen, how the connection ends, whether the write was done
CASES: dict[str, tuple[Look, str, bool]] = {
    "http_408": (status(408), "open", False),
    "http_429": (both(status(429, 4013), lambda raw: b"Retry-After" not in raw.data), "open", False),
    "http_429_after": (both(status(429), head_has("Retry-After: 1")), "open", False),
    "http_429_date": (both(status(429), head_has("GMT")), "open", False),
    "http_429_garbage": (both(status(429), head_has("Retry-After:")), "open", False),
    "http_500": (status(500, 5000), "open", False),
    "http_502": (both(status(502), head_has("text/html")), "open", False),
    "http_503": (status(503), "open", False),
    "http_503_after": (both(status(503), head_has("Retry-After: 1")), "open", False),
    "http_504": (status(504), "open", False),
    "code_transient": (status(200), "open", False),
    "code_throttled": (status(200), "open", False),
    "refused_401": (status(401, 4100), "open", False),
    "refused_403": (status(403, 4101), "open", False),
    "refused_404": (status(404, 4200), "open", False),
    "refused_content": (status(200, 708024072), "open", False),
    "redirect_301": (both(status(301), head_has("Location: http")), "open", False),
    "redirect_302": (both(status(302), head_has("Location: http")), "open", False),
    "redirect_307": (both(status(307), head_has("Location: http")), "open", False),
    "redirect_308": (both(status(308), head_has("Location: http")), "open", False),
    "disconnect_before": (nothing, "closed", False),
    "disconnect_after": (nothing, "closed", True),
    "reset_before": (nothing, "reset", False),
    "reset_after": (nothing, "reset", True),
    "hang_before": (nothing, "open", False),
    "hang_after": (nothing, "open", True),
    "late_write": (nothing, "closed", False),
    "late_write_hang": (nothing, "open", False),
    "late_write_504": (status(504), "open", False),
    "ignored_write": (status(200, 0), "open", False),
    "latency": (status(200, 0), "open", True),
    "slow_body": (status(200, 0), "open", True),
    "truncated_json": (both(is_half, lambda raw: not claims_more(raw)), "open", True),
    "truncated_body": (both(is_half, claims_more), "closed", True),
    "truncated_chunks": (both(head_has("chunked"), lambda raw: b"\r\n0\r\n" not in raw.data), "closed", True),
    "garbage_status": (lambda raw: not raw.data.startswith(b"HTTP/"), "closed", True),
    "huge_body": (lambda raw: len(raw.body) > 300_000, "open", True),
    "gzip_bomb": (unpacks_to(300_000), "open", True),
    "bad_gzip": (is_no_gzip, "open", True),
    "huge_header": (lambda raw: len(raw.data) > 70_000, "open", True),
    "many_headers": (lambda raw: raw.data.count(b"X-Padding-") == 500, "open", True),
    "wrong_content_type": (both(status(200, 0), head_has("Content-Type: text/html")), "open", True),
    "no_content_type": (lambda raw: b"Content-Type" not in raw.data and status(200, 0)(raw), "open", True),
    "html": (lambda raw: raw.body.startswith(b"<!DOCTYPE html>"), "open", False),
    "no_content": (both(status(204), lambda raw: b"Content-Length" not in raw.data), "open", True),
    "empty_body": (body_is(""), "open", True),
    "top_list": (body_is("[]"), "open", True),
    "top_string": (body_is('"ok"'), "open", True),
    "top_null": (body_is("null"), "open", True),
    "top_number": (body_is("0"), "open", True),
    "duplicate_keys": (lambda raw: raw.body.startswith(b'{"code":1,"code":0,'), "open", False),
    "invalid_utf8": (body_is('{"code":0,"msg":"\xff\xfe"}'), "open", True),
    "utf8_bom": (body_is('\xef\xbb\xbf{"code":0,"msg":""}'), "open", True),
    "answer_then_close": (status(200, 0), "closed", True),
    "answer_then_reset": (status(200, 0), "reset", True),
    "page_stuck": (status(200, 0), "open", True),
    "page_short": (status(200, 0), "open", True),
    "page_empty": (status(200, 0), "open", True),
    "page_doubled_item": (status(200, 0), "open", True),
    "page_nameless_item": (status(200, 0), "open", True),
    "total_more": (status(200, 0), "open", True),
    "total_fewer": (status(200, 0), "open", True),
    "total_negative": (status(200, 0), "open", True),
    "code_missing": (lambda raw: b'"msg":""' in raw.body and b'"code"' not in raw.body, "open", True),
    "code_null": (code_is("null"), "open", True),
    "code_string": (code_is('"0"'), "open", True),
    "code_negative": (code_is("-1"), "open", False),
    "code_true": (code_is("true"), "open", True),
    "code_false": (code_is("false"), "open", True),
    "code_float": (code_is("0.0"), "open", True),
    "code_exponent": (code_is("1e3"), "open", True),
    "code_nan": (code_is("NaN"), "open", True),
    "code_list": (code_is("[]"), "open", True),
}


def test_every_fault_has_its_case() -> None:
    assert set(CASES) == set(FAULTS)


@pytest.mark.parametrize("kind", CASES)
def test_a_fault_looks_and_ends_as_it_says_and_writes_or_not(bench: Bench, kind: str) -> None:
    look, ending, writes = CASES[kind]
    bench.emulator.set_rules((always(kind, **SPARED.get(kind, {})),))

    raw = bench.raw_caption(0, "新的描述", patience_s=0.25)

    assert look(raw), raw
    assert raw.ending == ending
    assert (bench.stored_caption(0) == "新的描述") is writes
    record = bench.emulator.ledger.records[-1]
    assert (record.fault, record.fate == "applied") == (kind, writes)
    assert record.status == (0 if raw.data == b"" else int(raw.data.split()[1]) if raw.data[:4] == b"HTTP" else 200)


@pytest.mark.parametrize("kind", ["http_500", "http_429", "code_transient", "code_string", "truncated_json"])
def test_a_connection_goes_on_after_a_fault_that_leaves_it_open(bench: Bench, kind: str) -> None:
    bench.emulator.set_rules((replace(always(kind), last_nth=1),))
    request = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"

    raw = bench.raw(request + request)

    assert raw.data.count(b"HTTP/1.1 ") == 2
    assert raw.data.endswith(b"}")


def test_faults_speak_the_envelope_of_the_provider(bench: Bench) -> None:
    def codes(kind: str) -> tuple[int, int]:
        bench.emulator.set_rules((always(kind),))
        got = bench.volcengine("doc/update", {"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0)})
        return got.status, got.code

    kinds = ("http_500", "http_429", "refused_401", "refused_403", "refused_404", "refused_content", "code_throttled")
    assert {kind: codes(kind) for kind in kinds} == {
        "http_500": (500, 1000028),
        "http_429": (429, 1000029),
        "refused_401": (401, 1000001),
        "refused_403": (403, 1000002),
        "refused_404": (400, 1001001),
        "refused_content": (400, 1000003),
        "code_throttled": (200, 1000029),
    }


@pytest.mark.parametrize("kind", ["late_write", "late_write_504", "late_write_hang"])
def test_a_late_write_comes_after_the_answer(bench: Bench, kind: str) -> None:
    bench.emulator.set_rules((always(kind, late_s=0.3),))
    before = bench.stored_caption(0)

    bench.raw_caption(0, "迟到", patience_s=0.05)

    assert bench.stored_caption(0) == before
    eventually(lambda: bench.stored_caption(0) == "迟到")
    assert bench.control("GET", "stats")["applied_late"] == 1


def test_a_late_write_undoes_a_newer_one(bench: Bench) -> None:
    bench.emulator.set_rules((replace(always("late_write", late_s=0.3), last_nth=1),))

    bench.raw_caption(0, "旧", patience_s=0.05)
    assert bench.caption(0, "新").code == 0

    assert bench.stored_caption(0) == "新"
    eventually(lambda: bench.stored_caption(0) == "旧")


def test_any_answer_can_go_with_any_effect(bench: Bench) -> None:
    bench.emulator.set_rules((always("http_503", effect="apply"),))

    assert bench.caption(0, "做了").status == 503
    assert bench.stored_caption(0) == "做了"


def test_an_explicit_code_is_answered(bench: Bench) -> None:
    bench.emulator.set_rules((always("code_transient", code=708024072),))

    assert bench.caption().code == 708024072


def test_all_garbage_in_retry_after_is_drawn_sooner_or_later(bench: Bench) -> None:
    bench.emulator.set_rules((always("http_429_garbage"),))

    found = {bench.raw_caption(number % 50, patience_s=0.02).data for number in range(150)}
    values = {match[1].decode() for data in found if (match := re.search(rb"Retry-After: ([^\r]*)", data))}

    assert values == set(GARBAGE_RETRY_AFTER)


def test_latency_delays_the_answer_but_not_the_write(bench: Bench) -> None:
    bench.control("PUT", "latency", {"least_s": 0.2, "most_s": 0.2})

    raw = bench.raw_caption(0, "x", patience_s=0.5)

    assert raw.seconds > 0.2
    assert status(200, 0)(raw)
    assert bench.emulator.ledger.records[-1].fault == ""


@pytest.mark.parametrize("text", ["nothing", "http_500=x", "http_500=0", "http_500=-1", "http_500=nan", ""])
def test_a_bad_mix_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|weight"):
        read_mix(text)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("nothing", {}), ("http_500", {"x": 1}), ("http_500", {"status": "1"}), ("http_500", {"effect": "twice"})],
)
def test_a_bad_fault_is_told(kind: str, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault|effect"):
        changed_fault(kind, changes)


def test_the_defaults_of_a_fault_do_no_harm() -> None:
    assert (Fault("x", "answer").effect, Fault("x", "answer").delay_s) == ("skip", 0.0)


def test_nothing_more_is_written_to_a_client_that_has_gone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.emulator.set_rules((always("huge_body", size_bytes=64 << 20),))

    for _ in range(20):
        bench.raw_caption(most_bytes=0)
    eventually(lambda: bench.control("GET", "stats")["faults"] == {"huge_body": 20})
    eventually(lambda: not bench.emulator.connections)

    assert caplog.messages == []  # asyncio complains of whoever writes on

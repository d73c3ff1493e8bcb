import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import canonical, fields_from_plain
from kbsync.core.wire import Page, ReadResult, Response, Verdict
from kbsync.providers import ALL_RULES, PROVIDERS
from tests.providers.contract import CLAIMS, FAILURES, Subject, subjects
from tests.providers.list_contract import LIST_CLAIMS, lists_of

SUBJECTS = subjects()


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("claim", CLAIMS + LIST_CLAIMS, ids=lambda claim: claim.__name__)
def test_every_codec_keeps_the_contract(claim: Callable[[Subject], None], subject: Subject) -> None:
    claim(subject)


def test_the_contract_knows_every_provider_and_many_failures() -> None:
    assert {subject.provider.name for subject in SUBJECTS} == set(PROVIDERS)
    assert len(FAILURES) >= 40


def test_providers_are_found_by_their_own_name() -> None:
    assert all(provider.name == name for name, provider in PROVIDERS.items())
    assert all(rule.id == id_ for id_, rule in ALL_RULES.items())


codes = st.integers() | st.text() | st.sampled_from([0, "0", True, 0.0, None, 4000, 4013, 1000029, 100006])
headers = st.dictionaries(
    st.sampled_from(["date", "retry-after", "x-tt-logid", "x-log-id", "content-type"]),
    st.text() | st.sampled_from(["Wed, 21 Oct 2026 07:28:00 GMT", "5", "application/json", "text/plain"]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=6,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "doc_id": st.sampled_from(["test123", "other", 5, None]),
        "meta": st.text() | st.sampled_from(["[]", "", "null", "[{}]", "[1,]", '[{"field_name":"a"}]']) | json_values,
        "doc_name": st.text() | json_values,
    },
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "code": codes,
        "msg": st.text() | json_values,
        "message": st.text() | json_values,
        "detail": json_values | st.fixed_dictionaries({"logid": st.text() | json_values}),
        "ResponseMetadata": json_values | st.fixed_dictionaries({"Error": json_values, "RequestId": st.text()}),
        "data": json_values | documents | st.fixed_dictionaries({"doc_list": st.lists(documents | json_values)}),
    },
)


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()


bodies = st.binary() | envelopes.map(_dump) | json_values.map(_dump) | st.sampled_from([r.body for r in FAILURES])
responses = st.builds(Response, st.integers(0, 999) | st.sampled_from([200, 400, 401, 429, 500]), headers, bodies)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@given(response=responses)
def test_decoding_is_total(subject: Subject, response: Response) -> None:
    verdict = subject.codec.decode(response)

    assert isinstance(verdict, Verdict)
    assert len(verdict.answer.message) <= 500
    verdict.answer.message.encode()


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.provider.name == "volcengine"], ids=str)
@given(response=responses, count=st.integers(1, 3))
def test_decoding_a_read_is_total_and_proves_only_what_was_asked(
    subject: Subject, response: Response, count: int
) -> None:
    items = [subject.writes[0].item, *(subject.writes[0].item._replace(id=f"d{n}") for n in range(1, count))]

    for operation in subject.codec.operations:
        read = subject.codec.decode_read(operation, items, response)
        if isinstance(read, ReadResult):
            assert read.fields.keys() <= set(items)
            assert read.live.keys() == read.fields.keys()
            assert not read.fields.keys() & read.missing


ids = st.sampled_from(["1", "2", "d1", 744667080521909001, 2**70, 1.5, None, ""]) | json_values
rules = st.integers(-1, 3) | st.sampled_from(["1", "24", 24, 10**30]) | json_values
metas = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "field_name": st.text(max_size=3),
            "field_type": st.sampled_from(["string", "int64", "float32", "list<string>", "new"]) | json_values,
            "field_value": json_values | st.text(max_size=3),
        },
    ),
    max_size=3,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "document_id": ids,
        "doc_id": ids,
        **dict.fromkeys(("caption", "name", "doc_name"), st.text(max_size=5) | json_values),
        **dict.fromkeys(("update_type", "update_interval", "status"), rules),
        "meta": metas.map(json.dumps) | json_values,
    },
)
listed = st.lists(entries | json_values, max_size=5) | json_values
totals = st.integers(-2, 6) | st.sampled_from(["5", 2**70]) | json_values
payloads = st.fixed_dictionaries({}, optional={"photo_infos": listed, "doc_list": listed, "total_count": totals})
lists = st.fixed_dictionaries(
    {"code": st.just(0)}, optional={"data": payloads | json_values, "document_infos": listed, "total": totals}
)
list_answers = st.builds(Response, st.just(200), headers, lists.map(_dump)) | responses


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@given(response=list_answers, which=st.integers(0, 1))
def test_decoding_a_page_is_total_and_leaves_no_entry_out_in_silence(
    subject: Subject, response: Response, which: int
) -> None:
    for one in lists_of(subject):
        cursor = ("", one.cursor)[which]
        page = subject.codec.decode_list(one.kind, cursor, response)

        assert isinstance(page, Page | Verdict)
        if isinstance(page, Page):
            assert page.flaw or response.status != 200 or len(page.items) == one.entries_in(json.loads(response.body))
            assert page.next != cursor
            for live in page.items.values():
                assert not live.fields.keys() & live.untold
                assert fields_from_plain(json.loads(canonical(live.fields))) == live.fields

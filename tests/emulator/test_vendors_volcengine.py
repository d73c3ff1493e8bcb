"""Both Volcengine SDKs judge the Volcengine half."""

from typing import Any

import orjson
import pytest
from vikingdb.exceptions import VikingException
from vikingdb.knowledge.models.doc import MetaItem
from volcengine.viking_knowledgebase.exception import DocNotExistException, UnauthorizedException

from kbsync.emulator.credentials import AccessKey, Credentials
from kbsync.emulator.sample import (
    SAMPLE_ACCESS_KEY_ID,
    SAMPLE_API_KEY,
    SAMPLE_COLLECTION,
    SAMPLE_RESOURCE_ID,
    SAMPLE_SECRET_ACCESS_KEY,
    sample_doc_id,
)
from kbsync.emulator.world import Doc
from tests.emulator.bench import Bench
from tests.emulator.vendors import legacy_client, viking_client


def stored(bench: Bench, number: int) -> Doc:
    return bench.emulator.world.collections["default", SAMPLE_COLLECTION].docs[sample_doc_id(number)]


def fields(bench: Bench, number: int) -> dict[str, Any]:
    return {entry["field_name"]: entry["field_value"] for entry in orjson.loads(stored(bench, number).meta)}


def test_the_current_sdk_lists_all_documents_by_offset(bench: Bench) -> None:
    with viking_client(bench.host) as client:
        collection = client.collection(collection_name=SAMPLE_COLLECTION, project_name="default")
        pages = [collection.list_docs({"offset": offset, "limit": 100}).result for offset in (0, 100, 200)]

    assert [page.count for page in pages] == [100, 100, 50]
    assert {doc.doc_id for page in pages for doc in page.doc_list} == {sample_doc_id(number) for number in range(250)}


def test_the_current_sdk_lists_all_documents_by_cursor(bench: Bench) -> None:
    found: list[str] = []
    request: dict[str, Any] = {"limit": 90}

    with viking_client(bench.host) as client:
        collection = client.collection(resource_id=SAMPLE_RESOURCE_ID)
        while True:
            page = collection.list_docs_v2(request).result
            found += [doc.doc_id for doc in page.doc_list]
            if not page.next_token:
                break
            request["next_token"] = page.next_token

    assert found == [sample_doc_id(number) for number in reversed(range(250))]
    assert page.has_more is False


def test_the_current_sdk_updates_meta_with_a_null_type(bench: Bench) -> None:
    with viking_client(bench.host) as client:
        collection = client.collection(collection_name=SAMPLE_COLLECTION)
        collection.update_doc_meta(sample_doc_id(1), [MetaItem(field_name="行业", field_value="教育")])

    assert fields(bench, 1) == {"行业": "教育"}


def test_the_current_sdk_renames_and_reads_back(bench: Bench) -> None:
    with viking_client(bench.host) as client:
        collection = client.collection(collection_name=SAMPLE_COLLECTION)
        collection.update_doc(sample_doc_id(1), "新名字.pdf")
        doc = collection.get_doc(sample_doc_id(1))

    assert doc.doc_name == "新名字.pdf"
    assert isinstance(doc.meta, str)


def test_the_current_sdk_may_use_an_api_key(bench: Bench) -> None:
    with viking_client(bench.host, api_key=SAMPLE_API_KEY) as client:
        assert client.collection(collection_name=SAMPLE_COLLECTION).get_doc(sample_doc_id(1)).doc_id == sample_doc_id(1)


def test_the_current_sdk_leaves_the_host_unsigned_and_is_accepted(bench: Bench) -> None:
    with viking_client(bench.host) as client:
        client.collection(collection_name=SAMPLE_COLLECTION).get_doc(sample_doc_id(1))

    assert bench.emulator.ledger.records[-1].credential == "sample-key"


@pytest.mark.parametrize(
    "wrong",
    [{"sk": "wrong"}, {"ak": "AKLTNOBODY"}, {"api_key": "wrong"}, {"token": "STS2unasked"}],
    ids=["secret", "key id", "api key", "session token"],
)
def test_the_current_sdk_is_refused_with_wrong_credentials(bench: Bench, wrong: dict[str, str]) -> None:
    with viking_client(bench.host, **wrong) as client, pytest.raises(VikingException) as caught:
        client.collection(collection_name=SAMPLE_COLLECTION).update_doc(sample_doc_id(1), "x")

    assert (caught.value.code, caught.value.status_code) == (1000001, 401)
    assert bench.emulator.ledger.records[-1].status == 401
    assert stored(bench, 1).name != "x"


def test_the_legacy_sdk_lists_updates_and_reads_the_schema(bench: Bench) -> None:
    with legacy_client(bench.host) as client:
        collection = client.get_collection(SAMPLE_COLLECTION)
        names = {field.field_name for field in collection.fields}
        docs = collection.list_docs(offset=200, limit=100)
        collection.update_meta(
            sample_doc_id(2), [{"field_name": "行业", "field_type": "string", "field_value": "零售"}]
        )
        collection.update_doc(sample_doc_id(2), "改名.pdf")
        doc = collection.get_doc(sample_doc_id(2))
        listed = client.list_collections()

    assert {"行业", "是否公开", "year", "score", "tags"} <= names
    assert len(docs) == 50
    assert (doc.doc_name, [field.field_name for field in doc.fields]) == ("改名.pdf", ["行业"])
    assert [entry.collection_name for entry in listed] == [SAMPLE_COLLECTION]


def test_the_legacy_sdk_lists_a_hundred_when_it_asks_for_all(bench: Bench) -> None:
    with legacy_client(bench.host) as client:
        assert len(client.get_collection(SAMPLE_COLLECTION).list_docs()) == 100


def test_the_legacy_sdk_is_refused_with_a_wrong_secret(bench: Bench) -> None:
    with legacy_client(bench.host, sk="wrong") as client, pytest.raises(UnauthorizedException) as caught:
        client.get_collection(SAMPLE_COLLECTION)

    assert caught.value.code == 1000001


@pytest.mark.parametrize(
    ("doc_id", "collection", "code"),
    [("nobody", SAMPLE_COLLECTION, 1001001), (sample_doc_id(1), "elsewhere", 1000005)],
)
def test_what_is_missing_is_named_by_its_code(bench: Bench, doc_id: str, collection: str, code: int) -> None:
    with viking_client(bench.host) as client, pytest.raises(VikingException) as caught:
        client.collection(collection_name=collection).update_doc(doc_id, "x")

    assert (caught.value.code, caught.value.status_code) == (code, 400)


def test_a_temporary_key_needs_its_session_token(bench: Bench) -> None:
    key = AccessKey("temporary", SAMPLE_ACCESS_KEY_ID, SAMPLE_SECRET_ACCESS_KEY, session_token="STS2right")
    bench.emulator.world.credentials = Credentials(access_keys=(key,))

    codes: list[int] = []
    for token in ("STS2right", "STS2wrong", ""):
        with viking_client(bench.host, token=token) as client:
            try:
                client.collection(collection_name=SAMPLE_COLLECTION).get_doc(sample_doc_id(1))
                codes.append(0)
            except VikingException as refused:
                codes.append(refused.code)

    assert codes == [0, 1000001, 1000001]


def test_an_api_key_can_be_kept_from_collections(bench: Bench) -> None:
    bench.control("PATCH", "behaviour", {"api_key_data_only": True})

    assert bench.volcengine("collection/info", {"name": SAMPLE_COLLECTION}).code == 1000002
    assert bench.volcengine("doc/info", {"collection_name": SAMPLE_COLLECTION, "doc_id": sample_doc_id(0)}).code == 0


def test_the_legacy_sdk_pings_before_anything_else(bench: Bench) -> None:
    with legacy_client(bench.host):
        pass

    assert [record.operation for record in bench.emulator.ledger.records] == ["volcengine.ping"]


def test_the_legacy_sdk_names_an_unknown_document(bench: Bench) -> None:
    with legacy_client(bench.host) as client, pytest.raises(DocNotExistException) as caught:
        client.get_collection(SAMPLE_COLLECTION).get_doc("nobody")

    assert caught.value.code == 1001001

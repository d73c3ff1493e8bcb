"""cozepy judges the Coze half."""

from typing import Any

import pytest

from kbsync.emulator.credentials import Credentials, Token
from kbsync.emulator.sample import SAMPLE_DATASET, SAMPLE_SPACE, sample_document_id, sample_image_id
from tests.emulator.bench import Bench
from tests.emulator.vendors import coze_client, cozepy


def test_it_lists_every_image_over_all_pages(bench: Bench) -> None:
    with coze_client(bench.base_url) as coze:
        images = list(coze.datasets.images.list(dataset_id=SAMPLE_DATASET, page_num=1, page_size=299))

    assert {image.document_id for image in images} == {sample_image_id(number) for number in range(650)}
    assert {image.caption for image in images} == {bench.stored_caption(number) for number in range(650)}


def test_it_lists_every_document_over_all_pages(bench: Bench) -> None:
    with coze_client(bench.base_url) as coze:
        documents = list(coze.datasets.documents.list(dataset_id=SAMPLE_DATASET, page_num=1, page_size=100))

    assert {document.document_id for document in documents} == {sample_document_id(number) for number in range(230)}


def test_it_lists_datasets(bench: Bench) -> None:
    with coze_client(bench.base_url) as coze:
        datasets = list(coze.datasets.list(space_id=SAMPLE_SPACE))

    assert [dataset.dataset_id for dataset in datasets] == [SAMPLE_DATASET]


def test_it_sees_the_progress_of_documents(bench: Bench) -> None:
    with coze_client(bench.base_url) as coze:
        found = coze.datasets.process(dataset_id=SAMPLE_DATASET, document_ids=[sample_document_id(4)])

    assert [(item.document_id, int(item.status)) for item in found.data] == [(sample_document_id(4), 1)]


def test_it_updates_a_caption(bench: Bench) -> None:
    with coze_client(bench.base_url) as coze:
        coze.datasets.images.update(dataset_id=SAMPLE_DATASET, document_id=sample_image_id(3), caption="小猫")

    assert bench.stored_caption(3) == "小猫"


def test_its_explicit_nulls_leave_the_rule_alone(bench: Bench) -> None:
    document = bench.emulator.world.document_homes[sample_document_id(0)].documents[sample_document_id(0)]

    with coze_client(bench.base_url) as coze:
        coze.datasets.documents.update(document_id=document.id, document_name="新名字")

    assert (document.name, document.update_type, document.update_interval_h) == ("新名字", 1, 24)


@pytest.mark.parametrize(
    ("token", "code"), [("pat_wrong", 4100), ("pat_old", 4100), ("pat_narrow", 4101)], ids=["wrong", "expired", "scope"]
)
def test_it_is_refused_with_the_documented_code_and_log_id(bench: Bench, token: str, code: int) -> None:
    bench.emulator.world.credentials = Credentials(
        tokens=(
            Token("old", "pat_old", expires_at_s=1.0),
            Token("narrow", "pat_narrow", scopes=frozenset({"listPhoto"})),
        )
    )
    before = bench.stored_caption(3)

    with coze_client(bench.base_url, cozepy.TokenAuth(token)) as coze, pytest.raises(cozepy.CozeAPIError) as caught:
        coze.datasets.images.update(dataset_id=SAMPLE_DATASET, document_id=sample_image_id(3), caption="小猫")

    assert caught.value.code == code
    assert len(caught.value.logid) == 32
    assert bench.stored_caption(3) == before


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda d: d.images.update(dataset_id=SAMPLE_DATASET, document_id="7446670999999999999", caption="x"), 4200),
        (lambda d: d.images.update(dataset_id="1", document_id=sample_image_id(0), caption="x"), 4200),
        (lambda d: d.images.update(dataset_id=SAMPLE_DATASET, document_id="abc", caption="x"), 4000),
        (lambda d: d.documents.update(document_id="7386942999999999999", document_name="x"), 4200),
        (lambda d: d.documents.update(document_id="x", document_name="x"), 4000),
        (lambda d: list(d.images.list(dataset_id=SAMPLE_DATASET, page_size=300)), 4000),
        (lambda d: list(d.documents.list(dataset_id=SAMPLE_DATASET, page_size=101)), 4000),
        (lambda d: list(d.list(space_id=SAMPLE_SPACE, page_size=301)), 4000),
        (lambda d: list(d.images.list(dataset_id="7446329999999999999")), 4200),
    ],
)
def test_its_mistakes_are_refused(bench: Bench, call: Any, code: int) -> None:
    with coze_client(bench.base_url) as coze, pytest.raises(cozepy.CozeAPIError) as caught:
        call(coze.datasets)

    assert caught.value.code == code

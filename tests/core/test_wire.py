import pytest

from kbsync.core.items import Item
from kbsync.core.wire import Answer, Live, Operation, Page, ReadResult, Refused, Request, Response


@pytest.mark.parametrize(
    ("read_batch", "rate_per_s", "batch"),
    [(100, 10, 50), (100, 20, 100), (100, 1_000, 100), (100, 0.1, 1), (1, 1_000, 1), (10, 0.59, 2)],
)
def test_one_read_serves_what_can_be_written_within_five_seconds(
    read_batch: int, rate_per_s: float, batch: int
) -> None:
    assert Operation("o", "document", frozenset({"meta"}), read_batch=read_batch).batch_at(rate_per_s) == batch


def test_an_operation_reads_one_item_at_a_time_and_only_where_it_can_read() -> None:
    plain = Operation("o", "document", frozenset({"name"}))

    assert (plain.overlays, plain.readable, plain.batch_at(1_000)) == (False, True, 1)
    assert not Operation("o", "document", frozenset({"name"}), read_batch=0).readable


def test_neither_credentials_nor_content_stand_in_a_repr() -> None:
    item = Item("t", "c", "document", "1")
    values = (
        Request("POST", "/p", {"authorization": "s3cret"}, b"s3cret"),
        Response(200, {"set-cookie": "s3cret"}, b"s3cret"),
        ReadResult(Answer(), {}, live={item: "s3cret"}),
    )

    assert not any("s3cret" in repr(value) for value in values)


def test_a_request_may_be_sent_again_unless_it_says_otherwise() -> None:
    request = Request("GET", "/p", {})

    assert (request.idempotent, request.body) == (True, b"")


def test_what_a_list_leaves_untold_may_be_one_field_or_the_whole_family() -> None:
    live = Live({"name": "x"}, frozenset({"meta.a", "caption"}))

    assert [live.tells(field) for field in ("name", "other", "meta.b", "meta.a", "caption")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not Live({}, frozenset({"meta"})).tells("meta.b")
    assert not live.pending


def test_a_refusal_leaves_no_doubt_unless_it_says_so() -> None:
    assert not Refused("item", "invalid", Answer()).doubt


def test_of_an_answer_that_is_not_described_nothing_is_reported() -> None:
    assert Answer() == Answer(http_status=None, code=None, message="", log_id="")
    assert Page(Answer(), {}, None, 0, short=True).flaw == ""

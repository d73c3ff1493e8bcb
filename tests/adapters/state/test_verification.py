"""What is recorded of a verification, what becomes known by it, and what is told of changes made again and again."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.fields import MetaValue, Value
from kbsync.core.findings import Finding, FindingName
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange
from kbsync.core.report import Report
from kbsync.core.verification import Verification
from tests.adapters.state.formats import contents
from tests.adapters.state.plans import captioned, document, image, plan_of, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def found(word: FindingName, live: Mapping[str, Value | None] | None = None) -> Finding:
    return Finding(word, "told", live or {}, 1_000.5)


def described(number: int, **meta: str) -> Change:
    fields = tuple(FieldChange(f"meta.{name}", None, MetaValue("string", value)) for name, value in meta.items())
    return Change(document(number), "volcengine.document.meta", "new", fields, Source("a.yaml", 1, 5))


def ran(
    path: Path, changes: Sequence[Change], findings: Sequence[Finding] = (), earlier: Sequence[Finding] = ()
) -> Report:
    """Apply *changes*, read back the first of them, and what earlier runs left; return the report."""
    with StateStore(path) as store:
        store.lock("apply")
        left = store.left_open() if earlier else {}
        journal = store.begin_run(plan_of(changes, whole=False))
        anyio.run(update, journal, range(len(changes)))
        told = list(zip(left.values(), earlier, strict=True))
        verification = Verification("all", "seed", 60.0, len(changes), dict(enumerate(findings)), told)
        store.record_verification(journal, verification, left)
        store.finish_run(journal)
        return store.load_report()


def known(path: Path, item: Item) -> Mapping[str, Value]:
    with StateStore(path).known() as told:
        assert (told.digest(item) is None) == (not told.fields(item))
        return dict(told.fields(item))


CAPTIONS = [captioned(image(number), f"sent {number}") for number in range(4)]


def test_a_report_tells_the_verification_of_its_run(path: Path) -> None:
    findings = [found("verified"), found("differs", {"caption": "live"}), found("pending"), found("unread")]

    report = ran(path, CAPTIONS, findings)
    ran(path, [captioned(image(9), "other")])

    verification = StateStore(path).load_report(report.facts.run_id).facts.verification
    assert verification == Verification("all", "seed", 60.0, 4, dict(enumerate(findings)), ())
    assert [report.finding(row) for row in report] == findings


def test_what_differs_is_known_as_it_is_live(path: Path) -> None:
    ran(path, CAPTIONS, [found("verified"), found("differs", {"caption": "live"}), found("pending", {"caption": "x"})])

    assert [known(path, image(number)) for number in range(4)] == [
        {"caption": "sent 0"},
        {"caption": "live"},
        {"caption": "sent 2"},
        {"caption": "sent 3"},
    ]


def test_other_fields_stay_known(path: Path) -> None:
    ran(path, [described(1, a="1", b="2")], [found("differs", {"meta.a": MetaValue("string", "live")})])

    assert known(path, document(1)) == {"meta.a": MetaValue("string", "live"), "meta.b": MetaValue("string", "2")}


def test_a_field_that_is_not_set_is_not_known(path: Path) -> None:
    ran(path, [described(1, a="1", b="2")], [found("differs", {"meta.a": None})])

    assert known(path, document(1)) == {"meta.b": MetaValue("string", "2")}


def test_of_an_item_without_any_field_nothing_is_known(path: Path) -> None:
    ran(path, [described(1, a="1"), described(2, a="1")], [found("differs", {"meta.a": None})])

    assert known(path, document(1)) == {}
    with StateStore(path).known() as told:
        assert list(told.items()) == [document(2)]


def test_of_an_item_that_does_not_exist_nothing_is_known(path: Path) -> None:
    ran(path, CAPTIONS, [found("absent")])

    assert known(path, image(0)) == {}
    assert known(path, image(1)) == {"caption": "sent 1"}


# ----------------------------------------------------------------------------------------------------------- left open
def test_what_was_left_open_is_there_for_the_next_run(path: Path) -> None:
    ran(path, CAPTIONS, [found("verified"), found("pending"), found("unread"), found("differs", {"caption": "x"})])

    assert [change.item for change in StateStore(path).left_open().values()] == [image(1), image(2)]
    assert list(StateStore(path).left_open().values()) == CAPTIONS[1:3]


def test_what_a_later_run_reads_is_told_by_both_reports(path: Path) -> None:
    first = ran(path, CAPTIONS, [found("pending"), found("unread")])

    second = ran(path, [], [], [found("verified"), found("differs", {"caption": "live"})])

    store = StateStore(path)
    assert store.left_open() == {}
    assert second.facts.verification is not None
    assert second.facts.verification.earlier == (
        (CAPTIONS[0], found("verified")),
        (CAPTIONS[1], found("differs", {"caption": "live"})),
    )
    again = store.load_report(first.facts.run_id)
    assert [told and told.word for told in map(again.finding, again)] == ["verified", "differs", None, None]
    assert known(path, image(1)) == {"caption": "live"}


def test_what_was_sent_anew_or_forgotten_is_no_longer_left_open(path: Path) -> None:
    ran(path, CAPTIONS, [found("pending"), found("pending"), found("pending")])
    ran(path, [captioned(image(0), "newer")])
    with StateStore(path) as store:
        store.lock("forget")
        store.forget([image(1)])

    assert [change.item for change in StateStore(path).left_open().values()] == [image(2)]


# -------------------------------------------------------------------------------------------------------------- pruning
def prune(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        assert store.prune(1)


def test_pruning_keeps_what_is_still_to_be_read_back(path: Path) -> None:
    ran(path, CAPTIONS, [found("verified"), found("pending"), found("differs", {"caption": "x"})])
    ran(path, [captioned(image(9), "later")])

    prune(path)

    assert list(StateStore(path).left_open().values()) == [CAPTIONS[1]]
    assert contents(path)["findings"] != []


def test_pruning_keeps_what_the_reports_of_kept_runs_tell_of_earlier_ones(path: Path) -> None:
    ran(path, CAPTIONS, [found("verified"), found("pending")])
    told = ran(path, [captioned(image(9), "later")], [], [found("verified")])

    prune(path)

    assert told.facts.verification is not None
    assert told.facts.verification.earlier == ((CAPTIONS[1], found("verified")),)
    assert StateStore(path).load_report() == told


def test_pruning_leaves_nothing_of_what_was_read_back_long_ago(path: Path) -> None:
    ran(path, CAPTIONS, [found("verified"), found("pending")])
    ran(path, [captioned(image(9), "later")], [], [found("verified")])
    ran(path, [captioned(image(9), "last")])

    prune(path)

    kept = contents(path)
    assert (kept["findings"], [row[0] for row in kept["verifications"]], len(kept["changes"])) == ([], [3], 1)


# ---------------------------------------------------------------------------------------------------------------- flaps
def flapping(report: Report) -> list[tuple[Item, int]]:
    return [(report.rows[seq].change.item, flap.times) for seq, flap in report.facts.flapping.items()]


def test_a_change_that_three_runs_make_is_told(path: Path) -> None:
    again = [captioned(image(0), "mine", "theirs"), captioned(image(1), "mine", "theirs")]
    first, second = ran(path, again), ran(path, again[:1])

    third = ran(path, [again[0], captioned(image(2), "new")])

    assert (flapping(first), flapping(second), flapping(third)) == ([], [], [(image(0), 3)])
    assert third.facts.flapping[0].since_s == first.facts.started_at_s
    assert flapping(ran(path, again[:1])) == [(image(0), 4)]
    assert flapping(StateStore(path).load_report(second.facts.run_id)) == []


def test_another_value_in_between_is_no_flapping(path: Path) -> None:
    for text in ("a", "b", "a", "b", "b"):
        report = ran(path, [captioned(image(0), text)])
        assert flapping(report) == []


def test_long_ago_does_not_count(path: Path) -> None:
    ran(path, CAPTIONS[:1])
    ran(path, CAPTIONS[:1])
    for _ in range(9):
        ran(path, [])

    assert flapping(ran(path, CAPTIONS[:1])) == []

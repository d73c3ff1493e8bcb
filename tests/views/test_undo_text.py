"""What an undo manifest says of itself."""

import yaml

from kbsync.core.fields import Value
from kbsync.core.items import Item, Source
from kbsync.core.undo import LeftOut, RunWrites, Undo
from kbsync.views.undo_text import undo_comment, undo_left_out

HERE = Source("a.yaml", 1, 1)
RUN = RunWrites("20260101T000000Z-00aa11", 1767225600.0, has_ended=True, writes=())


def item(number: int) -> Item:
    return Item("coze-cn", "1", "image", str(number))


def undone(left: list[LeftOut], unsure: int = 0) -> Undo:
    items: dict[Item, tuple[dict[str, Value], Source]] = {item(1): ({"caption": "a"}, HERE)}
    return Undo(items, left, unsure)


def comment(undo: Undo, broken: tuple[str, ...] = (), *, run: RunWrites = RUN, most: int = 2) -> str:
    return b"".join(undo_comment(run, undo, broken, most=most)).decode()


def test_it_says_which_run_it_undoes_and_how_it_is_applied() -> None:
    text = comment(undone([]))

    assert text.startswith("# What the run 20260101T000000Z-00aa11 of 2026-01-01 00:00:00 UTC replaced.\n")
    assert "kbsync apply --refresh FILE" in text
    assert all(line.startswith("# ") for line in text.splitlines())


def test_it_says_what_is_unsure() -> None:
    killed = RunWrites(RUN.run_id, RUN.started_at_s, has_ended=False, writes=())

    text = comment(undone([], unsure=2), ("update-interval",), run=killed)

    assert "# The run has not ended" in text
    assert "# Of 2 items here nobody knows whether the run got through" in text
    assert "--allow update-interval --reason TEXT" in text


def test_what_is_left_out_is_named_by_reason_up_to_a_limit() -> None:
    left = [LeftOut(item(number), "caption", "never_known") for number in range(3)]
    left += [LeftOut(item(7), "caption", "written_since", "r7"), LeftOut(item(8), "caption", "restored")]

    assert list(undo_left_out(undone(left), most=2)) == [
        "3 fields left out, never known before the run, so there is nothing to put back:",
        "  coze-cn/1/image/0  caption",
        "  coze-cn/1/image/1  caption",
        "  and 1 more",
        "1 field left out, a later run wrote, or may have written, another value:",
        "  coze-cn/1/image/7  caption  (run r7)",
        "1 field left out, back at the earlier value already",
    ]


def test_no_name_ends_the_comment() -> None:
    breaks = "\n\r\x85\u2028\u2029\x0b\x0c"
    left = [LeftOut(Item("t", "c", "image", f"{sign}kbsync: 2"), f"meta.{sign}a: 1", "never_known") for sign in breaks]

    text = comment(undone(left), most=99)

    assert yaml.safe_load(f"{text}kbsync: 1\n") == {"kbsync": 1}
    assert len(text.splitlines()) == text.count("\n")

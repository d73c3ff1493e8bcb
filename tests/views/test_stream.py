import io
import os
import subprocess
import sys
from pathlib import Path

from kbsync.views.stream import Stream

PROGRAM = """
import sys
from kbsync.views.stream import Stream
stream = Stream(sys.{name})
for number in range(100_000):
    stream.lines([f"line {{number}}"])
raise SystemExit(5)
"""


def test_lines_end_and_are_flushed() -> None:
    file = io.StringIO()

    Stream(file).lines(["a", "b"])

    assert file.getvalue() == "a\nb\n"


def test_characters_that_the_encoding_lacks_become_escapes() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)

    Stream(file).write("猫 \ud800 …")

    assert raw.getvalue() == b"\\u732b \\ud800 \\u2026"


def test_pieces_are_utf_8() -> None:
    file = io.StringIO()

    Stream(file).pieces(["猫".encode(), b"\n"])

    assert file.getvalue() == "猫\n"


def test_a_stream_that_was_never_there_takes_everything() -> None:
    stream = Stream(None)

    stream.lines(["a"])

    assert stream.gone
    assert not stream.isatty()


def test_a_closed_file_silences_the_stream() -> None:
    file = io.StringIO()
    stream = Stream(file)
    file.close()

    assert not stream.isatty()
    stream.lines(["a"])
    stream.flush()

    assert stream.gone


def test_a_full_disk_silences_the_stream() -> None:
    if not Path("/dev/full").exists():
        return
    with open("/dev/full", "w", encoding="utf-8") as file:  # noqa: PTH123
        stream = Stream(file)
        stream.lines(["a"])

        assert stream.gone


def test_a_reader_that_goes_away_changes_neither_work_nor_exit_code() -> None:
    for name in ("stdout", "stderr"):
        reader, writer = os.pipe()
        os.close(reader)
        others = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, name: writer}
        process = subprocess.run([sys.executable, "-c", PROGRAM.format(name=name)], check=False, **others)  # type: ignore[call-overload]
        os.close(writer)

        assert process.returncode == 5
        assert not process.stdout
        assert not process.stderr


def test_who_does_not_wait_leaves_out_what_nobody_reads_and_says_how_much() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as ours, open(writer, "w", encoding="utf-8", newline="") as theirs:  # noqa: PTH123
        stream = Stream(theirs, waits=False)
        stream.lines("x" * 999 for _ in range(1_000))
        taken = ours.read(1_000_000).decode().splitlines()
        stream.lines(["and on"])

        assert 0 < len(taken) < 1_000
        assert ours.read(1_000).decode().splitlines() == [
            f"({1_000 - len(taken)} lines were left out, for nobody read them)",
            "and on",
        ]


def test_who_does_not_wait_is_not_held_up_by_one_long_text_either() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as ours, open(writer, "w", encoding="utf-8") as theirs:  # noqa: PTH123
        Stream(theirs, waits=False).write("猫" * 1_000_000)

        taken = ours.read(4_000_000).decode()
        assert taken
        assert set(taken) == {"猫"}


def test_who_does_not_wait_loses_nothing_on_the_way_to_a_file(tmp_path: Path) -> None:
    lines = [f"line {number} {'x' * 5_000}" for number in range(1_000)]
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        Stream(file, waits=False).lines(lines)

    assert (tmp_path / "log").read_text("utf-8").splitlines() == lines

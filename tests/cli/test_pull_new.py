"""`kbsync pull --out`: what is live becomes manifests that a plan finds nothing to do in, or it is named."""

import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsync.emulator import Behaviour, Latency, sample_world, served_in_thread
from tests.cli.desk import COLLECTION, DATASET, CountingEmulator, Desk
from tests.cli.live import DOCUMENT, IMAGE, behaving, changes, edit, live, lying

BOTH = ("--container", DATASET, "--container", f"default/{COLLECTION}")
FORMS = ("yaml", "json", "jsonl", "csv")


@pytest.fixture
def fresh(desk: Desk) -> Desk:
    """A desk without manifests and without a state."""
    for path in (*desk.folder.glob("manifests/*"), *desk.state.parent.glob("*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return desk


# ------------------------------------------------------------------------------------------------------------- written
@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("large")


@pytest.fixture(scope="module")
def large(large_folder: Path) -> Generator[Desk]:
    """A desk beside containers of thousands of items, of many pages each."""
    world = sample_world(1500, 700, 1200)
    for number, image in enumerate(world.datasets[DATASET].images.values()):
        image.caption = "" if number % 100 == 99 else image.caption
    with served_in_thread(CountingEmulator(world)) as running:
        yield Desk(large_folder, running)


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_of_what_was_pulled_is_empty(
    large: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    desk = Desk(tmp_path, large.running)
    monkeypatch.chdir(tmp_path)
    desk.configure(replace={'rate = "500/s"': 'rate = "2000/s"'})

    told = desk.run("pull", *BOTH, "--out", "manifests/", "--format", form)

    assert told.code == 0, told.err
    assert f"kbsync: 2,185 items written to manifests/coze-cn.{DATASET}.{form}" in told.err
    assert f"kbsync: 1,200 items written to manifests/volc-bj.default.{COLLECTION}.{form}" in told.err
    planned = desk.run("plan", "--format", "json").json()["summary"]
    assert (planned["items"], planned["in_sync"], planned["changes"]) == (3385, 3385, 0)
    applied = desk.run("apply", "--yes", "--format", "json")
    assert (applied.code, applied.json()["totals"]["planned"]) == (0, 0)


def test_a_file_may_hold_all_containers(fresh: Desk) -> None:
    (fresh.folder / "manifests").mkdir(exist_ok=True)

    told = fresh.run("pull", *BOTH, "--out", "manifests/all.jsonl")

    assert told.code == 0, told.err
    assert changes(fresh) == []
    lines = (fresh.folder / "manifests/all.jsonl").read_bytes().splitlines()
    assert len(lines) == 40 + 20 + 20
    assert orjson.loads(lines[-1])["meta"].keys() == {"行业", "是否公开", "year"}


def test_containers_that_the_manifests_name_are_read_without_being_named(desk: Desk) -> None:
    told = desk.run("pull", "--out", "live/", "--format", "jsonl")

    assert told.code == 0, told.err
    assert {path.name for path in (desk.folder / "live").iterdir()} == {
        f"coze-cn.{DATASET}.jsonl",
        f"volc-bj.default.{COLLECTION}.jsonl",
    }
    assert changes(desk, "live") == []


def test_only_what_is_named_is_read(desk: Desk) -> None:
    assert desk.run("pull", "--target", "coze-cn", "--out", "live.csv").code == 0

    assert {record.operation for record in desk.emulator.ledger.records} == {
        "coze.images.list",
        "coze.documents.list",
    }


def test_a_kind_may_be_left_alone(desk: Desk) -> None:
    assert desk.run("pull", "--container", DATASET, "--kind", "document", "--out", "live.csv").code == 0

    assert {record.operation for record in desk.emulator.ledger.records} == {"coze.documents.list"}


def test_two_pulls_of_the_same_are_the_same(fresh: Desk) -> None:
    assert fresh.run("pull", *BOTH, "--out", "a/").code == 0
    with behaving(fresh, Behaviour(recent_first=False)):
        assert fresh.run("pull", *BOTH, "--out", "b/").code == 0

    for path in (fresh.folder / "a").iterdir():
        assert path.read_bytes() == (fresh.folder / "b" / path.name).read_bytes()


def test_nothing_but_reads_is_sent(fresh: Desk) -> None:
    assert fresh.run("pull", *BOTH, "--out", "live/").code == 0

    assert {record.operation for record in fresh.emulator.ledger.records} == {
        "coze.images.list",
        "coze.documents.list",
        "volcengine.documents.list",
    }


def test_a_new_file_is_as_readable_as_the_configuration(fresh: Desk) -> None:
    (fresh.folder / "kbsync.toml").chmod(0o640)

    assert fresh.run("pull", *BOTH, "--out", "live.csv").code == 0
    assert (fresh.folder / "live.csv").stat().st_mode & 0o777 == 0o640


# -------------------------------------------------------------------------------------------------------- left and told
def test_images_without_a_caption_are_left_out_and_listed(fresh: Desk) -> None:
    edit(fresh, "image", IMAGE, caption="")

    told = fresh.run("pull", *BOTH, "--out", "manifests/", "--without-caption", "todo.csv")

    assert told.code == 0, told.err
    assert f"coze-cn/{DATASET}/image/{IMAGE}: has no caption" in told.err
    assert IMAGE not in (fresh.folder / f"manifests/coze-cn.{DATASET}.yaml").read_text()
    assert (fresh.folder / "todo.csv").read_text() == (
        f"target,dataset,kind,id,caption\ncoze-cn,{DATASET},image,{IMAGE},\n"
    )
    assert changes(fresh) == []


def test_the_list_of_images_is_a_manifest_once_it_is_filled_in(fresh: Desk) -> None:
    edit(fresh, "image", IMAGE, caption="")
    assert fresh.run("pull", *BOTH, "--out", "manifests/", "--without-caption", "todo.csv").code == 0
    todo = (fresh.folder / "todo.csv").read_text()
    fresh.write("manifests/todo.csv", todo.rstrip("\n") + "小猫\n")

    (change,) = changes(fresh)

    assert change["fields"] == [{"field": "caption", "desired": "小猫"}]


def test_a_document_without_a_name_is_written_as_that(fresh: Desk) -> None:
    edit(fresh, "document", DOCUMENT, name="")

    for form in FORMS:
        assert fresh.run("pull", *BOTH, "--out", f"{form}/", "--format", form).code == 0
        assert changes(fresh, form) == []


@pytest.mark.parametrize(
    ("kind", "id_", "values", "why"),
    [
        ("image", IMAGE, {"caption": "a\u0007b"}, "caption is left out: the text holds the control character U+0007"),
        ("image", IMAGE, {"caption": "pat_" + "a" * 24}, "caption is left out: this looks like a credential"),
        ("document", DOCUMENT, {"name": "a\rb"}, "name is left out: the text holds the control character U+000D"),
        (
            "document",
            DOCUMENT,
            {"update_type": 1, "update_interval_h": 1},
            "left out: update_interval is 1 hours",
        ),
        (
            "document",
            DOCUMENT,
            {"update_type": 2, "update_interval_h": 1},
            "update_rule is left out: this",
        ),
        ("doc", "doc_0000000", {"name": "n" * 257}, "name is left out: the name is 257 characters long"),
        ("doc", "doc_0000000", {"meta": {"x": "é" * 129}}, "meta.x is left out: the text is 258 bytes long"),
        ("doc", "doc_0000000", {"meta": {"x" * 129: "a"}}, "is left out: a meta field name has at most 128 characters"),
    ],
)
def test_what_no_manifest_can_say_is_left_out_and_named(
    fresh: Desk, kind: str, id_: str, values: dict[str, object], why: str
) -> None:
    live(fresh, kind, id_, **values)

    told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 3, told.err
    assert id_ in told.err
    assert why in told.err
    assert "pat_aaa" not in told.err
    assert changes(fresh) == []


def test_what_is_allowed_is_written(fresh: Desk) -> None:
    edit(fresh, "doc", "doc_0000000", name="n" * 257)

    told = fresh.run("pull", *BOTH, "--out", "manifests/", "--allow", "document-name-length")

    assert told.code == 0, told.err
    assert fresh.run("plan", "--allow", "document-name-length", "--detailed-exitcode").code == 0


def test_a_lint_that_is_an_error_leaves_out_what_it_finds(fresh: Desk) -> None:
    edit(fresh, "image", IMAGE, caption=" padded")
    fresh.configure(replace={"[targets.coze-cn]": '[lint]\nsurrounding-space = "error"\n[targets.coze-cn]'})

    told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 3
    assert "caption is left out: the caption begins with a space [surrounding-space]" in told.err
    assert changes(fresh) == []


def test_a_lint_of_all_items_that_is_an_error_is_told(fresh: Desk) -> None:
    for number in range(20):
        edit(fresh, "image", str(int(IMAGE) + number), caption="the same again")
    fresh.configure(replace={"[targets.coze-cn]": '[lint]\nduplicate-caption = "error"\n[targets.coze-cn]'})

    told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 3
    assert "[duplicate-caption]" in told.err


def test_what_csv_cannot_say_is_left_out_and_named(fresh: Desk) -> None:
    live(fresh, "doc", "doc_0000000", meta={"year": "of the dog"})
    live(fresh, "doc", "doc_0000001", meta={"行业": ""})

    told = fresh.run("pull", *BOTH, "--out", "manifests/", "--format", "csv")

    assert told.code == 3
    assert "document/doc_0000001: is left out: `meta.year` is int64 here" not in told.err
    assert "document/doc_0000001: is left out: `meta.行业` is an empty text" in told.err
    assert "and a column has one type" in told.err
    assert changes(fresh) == []


def test_fields_that_the_list_leaves_out_are_named(fresh: Desk) -> None:
    with behaving(fresh, Behaviour(list_meta=False)):
        told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 3
    assert "doc_0000000: the list does not tell meta" in told.err
    assert changes(fresh) == []


def test_many_lines_of_one_kind_are_counted(fresh: Desk) -> None:
    for number in range(30):
        edit(fresh, "image", str(int(IMAGE) + number), caption="")

    told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.err.count(f"/image/{IMAGE[:5]}") == 20
    assert "kbsync: and 10 more: has no caption" in told.err


def test_what_is_in_doubt_stays_so_and_is_named(desk: Desk) -> None:
    with lying(desk, {"kind": "disconnect_after", "operation": "coze.image.caption"}):
        desk.configure(replace={"[targets.coze-cn]": "[retry]\nattempts = 1\nbase_delay_s = 0.01\n[targets.coze-cn]"})
        assert desk.run("apply", "--yes").code == 3

    told = desk.run("pull", "--out", "live/")

    assert told.code == 3
    assert f"image/{IMAGE}: an update that nobody confirmed may still arrive" in told.err
    assert [(change["item"]["id"], change["reason"]) for change in changes(desk, "live")] == [(IMAGE, "in_doubt")]


_TEXTS = st.text(max_size=40).filter(
    lambda text: text.isprintable() or not any("\ud800" <= c <= "\udfff" for c in text)
)
_META = st.one_of(
    _TEXTS,
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(_TEXTS, max_size=3),
    st.lists(st.integers(-9, 9), max_size=3),
    st.none(),
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(_TEXTS, min_size=20, max_size=20),
    metas=st.lists(st.dictionaries(_TEXTS, _META, max_size=4), min_size=10, max_size=10),
    form=st.sampled_from(FORMS),
)
def test_whatever_is_live_a_plan_of_what_was_pulled_is_empty(
    fresh: Desk, texts: list[str], metas: list[dict[str, Any]], form: str
) -> None:
    for path in fresh.folder.glob("manifests/*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for number, text in enumerate(texts):
        if number % 2:
            edit(fresh, "image", str(int(IMAGE) + number), caption=text)
        else:
            edit(fresh, "document", str(int(DOCUMENT) + number), name=text)
    for number, meta in enumerate(metas):
        live(fresh, "doc", f"doc_{number:07d}", meta=meta)

    told = fresh.run("pull", *BOTH, "--out", "manifests/", "--format", form)

    assert told.code in {0, 3}, told.err
    assert "report this" not in told.err
    assert changes(fresh) == []


# ------------------------------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize("kind", ["total_more", "page_nameless_item", "refused_403"])
def test_nothing_is_written_unless_every_list_is_whole(fresh: Desk, kind: str) -> None:
    with lying(fresh, {"kind": kind, "operation": "volcengine.documents.list"}):
        fresh.configure(replace={"concurrency = 4": "concurrency = 4\n[retry]\nattempts = 2\nbase_delay_s = 0.01"})
        told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 1
    assert f"volc-bj/default/{COLLECTION}/document cannot be read whole" in told.err
    assert "kbsync: nothing was written" in told.err
    assert not list(fresh.folder.glob("manifests/*"))
    assert not fresh.state.exists()


def test_a_refused_credential_is_77(fresh: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_unknown")

    told = fresh.run("pull", *BOTH, "--out", "manifests/")

    assert told.code == 77
    assert "pat_unknown" not in told.err


def test_a_signal_leaves_everything_as_it_was(fresh: Desk) -> None:
    fresh.emulator.latency = Latency(0.5, 0.5)
    try:
        process = subprocess.Popen(
            fresh.command("pull", *BOTH, "--out", "manifests/"), cwd=fresh.folder, stderr=subprocess.PIPE, text=True
        )
        while not fresh.requests and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        fresh.emulator.latency = Latency()

    assert process.returncode == 130
    assert "nothing was written" in err
    assert not list(fresh.folder.glob("manifests/*"))


def test_another_run_is_not_disturbed(desk: Desk) -> None:
    from kbsync.adapters.state import StateStore

    with StateStore(desk.state) as store:
        store.lock("apply")
        told = desk.run("pull", "--out", "live/")

    assert told.code == 6
    assert desk.requests == 0


@pytest.mark.parametrize("name", ["live.csv", f"live/coze-cn.{DATASET}.yaml"])
def test_what_is_there_is_replaced_only_by_force(desk: Desk, name: str) -> None:
    path = desk.write(name, "mine")
    out = ("--target", "coze-cn", "--out", name.partition("/")[0])

    told = desk.run("pull", *out)

    assert (told.code, path.read_text()) == (64, "mine")
    assert "--force replaces it" in told.err
    assert desk.requests == 0
    assert desk.run("pull", *out, "--force").code == 0
    assert path.read_text() != "mine"


def test_items_that_other_manifests_declare_are_not_declared_twice(desk: Desk) -> None:
    told = desk.run("pull", "--out", "manifests/all.jsonl")

    assert told.code == 64
    assert "3 items" in told.err
    assert "would be declared twice; --in-place changes the manifests that are there" in told.err
    assert not (desk.folder / "manifests/all.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--out", "x/", "--container", "faq"), "--container faq: coze-cn, volc-bj has no container of such a name"),
        (("--out", "x/", "--container", "5", "--target", "volc-bj"), "--container 5: volc-bj has no container"),
        (
            ("--out", "x/", "--target", "coze-cm"),
            "--target coze-cm: the configuration has no such target",
        ),
        (("--out", "x.json"), "a JSON manifest has one container"),
        (("--out", "x.csv", "--format", "yaml"), "a file of this format ends in .yaml"),
        (("--out", "nowhere/x.csv"), "nowhere/x.csv"),
        (("--out", "x/", "--kind", "imgae"), "--kind imgae: nothing of that kind is read; there are document, image"),
        (("--out", "x/", "--without-caption", "manifests/x.csv"), "would refuse a list that is not filled in"),
        ((), "either --out FILE_OR_FOLDER/"),
        (("--out", "x/", "--in-place"), "either --out FILE_OR_FOLDER/"),
        (("--in-place", "--force"), "go with --out"),
    ],
)
def test_a_command_line_without_a_meaning_reads_nothing(desk: Desk, arguments: tuple[str, ...], why: str) -> None:
    told = desk.run("pull", *arguments)

    assert told.code == 64
    assert why in told.err
    assert desk.requests == 0


def test_a_container_of_two_targets_has_to_be_told_whose_it_is(desk: Desk) -> None:
    second = '\n[targets.coze-com]\nprovider = "coze"\nbase_url = "{url}"\ntoken = "env:COZE_API_TOKEN"\n'
    text = (desk.folder / "kbsync.toml").read_text()
    desk.write("kbsync.toml", text + second.replace("{url}", desk.running.base_url))

    told = desk.run("pull", "--container", DATASET, "--out", "x/")

    assert told.code == 64
    assert "say which target it is of: --target coze-cn or coze-com" in told.err
    assert desk.run("pull", "--container", DATASET, "--target", "coze-com", "--out", "x/").code == 0


# ----------------------------------------------------------------------------------------------------------- only shown
def test_diff_shows_what_would_be_written_and_writes_nothing(fresh: Desk) -> None:
    told = fresh.run("pull", "--container", DATASET, "--out", "live.yaml", "--diff")

    assert told.code == 0
    assert "+++ live.yaml (live)" in told.out
    assert f'+dataset: "{DATASET}"' in told.out
    assert not (fresh.folder / "live.yaml").exists()
    assert not fresh.state.exists()


def test_check_is_2_when_something_would_change(fresh: Desk) -> None:
    assert fresh.run("pull", "--container", DATASET, "--out", "live.csv", "--check").code == 2
    assert fresh.run("pull", "--container", DATASET, "--out", "live.csv").code == 0

    told = fresh.run("pull", "--container", DATASET, "--out", "live.csv", "--check", "--force")
    assert (told.code, told.out) == (0, "")

    edit(fresh, "image", IMAGE, caption="new")
    told = fresh.run("pull", "--container", DATASET, "--out", "live.csv", "--check", "--force")
    assert (told.code, told.out) == (2, "live.csv\n")
    assert ",new" not in (fresh.folder / "live.csv").read_text(encoding="utf-8-sig")

"""Texts that look like something else: they arrive as they stand in the manifest, and do nothing on the way."""

from typing import Any

import orjson
import pytest

from tests.cli.desk import DATASET, MANIFEST, Desk
from tests.cli.refusals import well_formed

IMAGE = "7446670805219090001"


def odd(name: str, text: str) -> Any:
    return pytest.param(text, id=name)


TEXTS = [
    odd("29-one-character", "x"),
    odd("29-2000-characters", "字" * 2000),
    odd("30-a-hundred-kilobytes", "字" * 34_000),
    odd("33-zwj", "👩‍👩‍👧‍👦🏳️‍🌈🇨🇳"),
    odd("33-combining", "e" + "\u0301" * 1000),
    odd("34-nfc", "caf\u00e9"),
    odd("34-nfd", "cafe\u0301"),
    odd("35-trailing-space", "x "),
    odd("35-trailing-nbsp", "x\u00a0"),
    odd("35-trailing-line", "x\n"),
    odd("36-bidi-and-zero-width", "a\u202eb\u200bc\u2066d"),
    odd("37-line-separators", "a\u2028b\u2029c"),
    odd("38-formula", "=cmd|'/C calc'!A0"),
    odd("38-tab-formula", "\t=1"),
    odd("39-script", "</script><script>alert(1)</script>"),
    odd("39-attribute", '" onmouseover="x'),
    odd("40-markup", "[red]x[/red] [link=http://x]y[/link]"),
    odd("40-templates", "{{7*7}} %s {0.__class__} ${HOME} $HOME `id`"),
    odd("41-annotations", "::add-mask::x\n::set-output name=a::b %0A"),
    odd("a-markdown-table", "a | b `c` @someone <!-- x --> ![](http://x)"),
    odd("a-backslash", "C:\\new\\table"),
    odd("quotation-marks", "'\"“”"),
    odd("an-inner-bom", "a\ufeffb"),
]
PLAIN = ["no", "on", "y", "True", "2024-01-01", "1:30", "0123", "0o17", "1_000", "1e3", ".nan", "=", "007", "12"]


@pytest.mark.parametrize("ending", ["yaml", "jsonl", "csv"])
@pytest.mark.parametrize("text", TEXTS)
def test_an_odd_text_arrives_as_it_is(desk: Desk, text: str, ending: str) -> None:
    desk.write("manifests/pets.yaml", "kbsync: 1\ntarget: coze-cn\ndataset: 1\n")
    desk.write(f"manifests/odd.{ending}", _written(text, ending))

    told = desk.run("apply", "--yes", "--allow", "shrink", "--reason", "it is a test", "--report", "r.json")

    assert told.code == 0, told.err
    assert desk.caption() == text
    well_formed(told)
    assert all(character.isprintable() or character in "\n\u00a0" for character in told.out), ascii(told.out)


@pytest.mark.parametrize("text", PLAIN)
def test_what_yaml_would_make_something_else_of_stays_text(desk: Desk, text: str) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption=text))

    told = desk.run("apply", "--yes")

    assert told.code == 0, told.err
    assert desk.caption() == text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="6-bom"),
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="9-crlf"),
        pytest.param(lambda text: text.replace(b"\n", b"\r"), id="9-cr-only"),
        pytest.param(lambda text: b"---\n" + text + b"...\n", id="5-document-marks"),
        pytest.param(lambda text: b"---\n---\n" + text + b"---\n", id="5-empty-documents-around"),
        pytest.param(lambda text: text.replace(b'"', b""), id="13-ids-unquoted"),
        pytest.param(lambda text: text.rstrip(b"\n"), id="no-last-line-end"),
    ],
)
def test_the_same_yaml_in_another_dress_is_the_same_manifest(desk: Desk, change: Any) -> None:
    before = desk.run("plan", "--format", "json").json()
    pets = desk.folder / "manifests" / "pets.yaml"

    desk.write("manifests/pets.yaml", change(pets.read_bytes()))
    told = desk.run("plan", "--format", "json")

    assert told.code == 0, told.err
    assert _wishes(told.json()) == _wishes(before)


@pytest.mark.parametrize("form", ["human", "markdown"])
def test_a_hostile_text_never_acts_in_a_plan(desk: Desk, form: str) -> None:
    hostile = "a\u202e\u2028[red]::set-output::\n::add-mask::"
    desk.write("manifests/odd.jsonl", _written(hostile, "jsonl").replace(IMAGE, "7446670805219090003"))

    told = desk.run("plan", "--format", form)

    assert told.code == 0
    assert "\u202e" not in told.out
    assert "\u2028" not in told.out
    assert "\n::add-mask" not in told.out


def _written(text: str, ending: str) -> str:
    quoted = orjson.dumps(text).decode()
    match ending:
        case "yaml":
            return f"kbsync: 1\ntarget: coze-cn\ndataset: {DATASET}\nimages: [{{id: {IMAGE}, caption: {quoted}}}]\n"
        case "jsonl":
            row = {"target": "coze-cn", "dataset": DATASET, "kind": "image", "id": IMAGE}
            return orjson.dumps(row).decode()[:-1] + f',"caption":{quoted}}}\n'
        case _:
            doubled = text.replace('"', '""')
            return f'target,dataset,kind,id,caption\ncoze-cn,{DATASET},image,{IMAGE},"{doubled}"\n'


def _wishes(plan: dict[str, Any]) -> list[tuple[Any, Any]]:
    return [(change["item"], change["fields"]) for change in plan["changes"]]

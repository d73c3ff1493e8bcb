"""Whatever stands in manifests, configurations, plans and on command lines, what is said of it acts nowhere."""

import json
from pathlib import Path

import pytest

from kbsync.core.plan_document import plan_to_json, seal
from kbsync.core.plan_shape import plan_of
from tests.cli.desk import ENVIRONMENT, Told
from tests.security.hostile import TEXTS
from tests.security.liars import CHUNKS, lied_to, spoken, violations, word_of


@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: names[0])
def test_a_hostile_text_acts_in_no_complaint(
    tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, secret in ENVIRONMENT.items():
        monkeypatch.setenv(variable, secret)
    with lied_to(tmp_path / "desk", names[:1]) as (desk, _):
        monkeypatch.chdir(desk.folder)
        saved = desk.run("plan", "--format", "json")
        said: dict[str, Told] = {}
        for name in names:
            text = TEXTS[name]
            word = word_of(text)
            quoted = json.dumps(text)
            image = '{{"target":"coze-cn","dataset":"1","kind":"image","id":"{id}","caption":{caption}}}'
            rows = [
                f'{{"target":"coze-cn","dataset":"1","kind":"image","id":"1","caption":{quoted}}}',
                f'{{"target":"coze-cn","dataset":"1","kind":"image","id":{quoted},"caption":"a"}}',
                f'{{"target":"coze-cn","dataset":{quoted},"kind":"image","id":"1","caption":"a"}}',
                f'{{"target":"coze-cn","dataset":"1","kind":{quoted},"id":"1","caption":"a"}}',
                f'{{"target":{quoted},"dataset":"1","kind":"image","id":"1","caption":"a"}}',
                f'{{"target":"coze-cn","dataset":"1","kind":"image","id":"1",{quoted}:"a"}}',
                f'{{"target":"volc-bj","collection":{quoted},"kind":"document","id":{quoted},"meta":{{{quoted}:{{"type":{quoted},"value":1}}}}}}',
            ]
            todo = json.dumps(f"TODO: {text}")
            rows.extend(image.format(id=number, caption=todo) for number in range(10, 20))
            rows.append(image.format(id=20, caption=json.dumps(f" {text} ")))
            meta = json.dumps({f"{text} ": "a "})
            rows.append(f'{{"target":"volc-bj","collection":"c","kind":"document","id":"d","meta":{meta}}}')
            desk.write("bad/all.jsonl", "\n".join(rows).encode("utf-8", "surrogatepass"))
            desk.write("bad/some.yaml", f"kbsync: 1\ntarget: coze-cn\ndataset: {quoted}\n{quoted}: [{quoted}]\n")
            desk.write("bad/raw.yaml", f"kbsync: 1\n{word}: {word}\n".encode("utf-8", "surrogateescape"))
            desk.write("bad/some.csv", f'target,dataset,kind,id,"{text}"\n"{text}",1,"{text}","{text}",x\n')
            toml = f"[targets.{quoted}]\nprovider = {quoted}\n[{quoted}]\n{quoted} = 1\n[guards]\n{quoted} = {quoted}\n"
            toml += f"[lint]\n{quoted} = {quoted}\n"
            desk.write("bad.toml", toml)
            desk.write("bad-plan.json", _hostile_plan(saved.out, text))
            commands: list[list[str]] = [
                ["validate", "bad"],
                ["validate", "--format", "json", "bad"],
                ["plan", "--config", "bad.toml"],
                ["apply", "--yes", "--plan", "bad-plan.json"],
                ["validate", f"{word}.yaml"],
                ["validate", "--config", word],
                ["validate", "--allow", word],
                ["validate", "--warn", word],
                ["validate", "bad", "--error", "placeholder-caption", "--warn", "non-ascii-field-name"],
                ["plan", "--format", word],
                ["plan", f"--{word}"],
                ["plan", "--out", f"nowhere/{word}"],
                ["plan", "--out", _path_word(word)],
                ["apply", "--yes", "--plan", word],
                ["apply", "--yes", "--report", word],
                ["--log-file", f"nowhere/{word}", "apply", "--yes"],
                ["report", word],
                ["state", "show", word],
                ["state", "show", f"{word}/{word}/{word}/{word}"],
                [word],
            ]
            for number, command in enumerate(commands):
                said[f"{name} {number}"] = desk.run(*command)

    assert not any(told.code == 0 for name, told in said.items() if name.endswith((" 0", " 1", " 2", " 3")))
    assert list(violations(spoken(said))) == []


def _hostile_plan(saved: str, text: str) -> bytes:
    """Put *text* wherever a saved plan has room for one, and seal it anew."""
    safe = text.encode("utf-8", "replace").decode()
    plan = json.loads(saved)
    for change in plan["changes"]:
        change["item"]["id"] = change["item"]["container"] = safe
        change["source"]["file"] = safe
    plan["base"]["targets"][safe] = safe
    plan["unmanaged"].append({"item": {**plan["changes"][0]["item"], "target": safe}, "fields": [safe]})
    plan["guards"].append({"guard": safe, "message": safe, "lifted": False})
    plan["plan_id"] = "0" * 64
    # With the digest of what stands there now, as whoever changes a plan would make it.
    return plan_to_json(seal(plan_of(plan)))


def _path_word(word: str) -> str:
    return word.replace("/", "")[:40].strip(".") or "x"

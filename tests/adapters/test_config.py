import os
from pathlib import Path
from types import MappingProxyType

import pytest

from kbsync.adapters.config import Config, find_config, read_config
from kbsync.core.policies import Policy
from kbsync.errors import InputError
from kbsync.providers import PROVIDERS

GOOD = """\
[targets.coze-cn]
provider = "coze"
base_url = "https://api.coze.cn"
token = "env:COZE_API_TOKEN"
rate = "300/min"
"""


def read(tmp_path: Path, text: str | bytes, allowed: tuple[str, ...] = ()) -> Config:
    file = tmp_path / "kbsync.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_config(file, PROVIDERS, allowed)


def mistakes(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    return [problem.replace(str(tmp_path) + "/", "") for problem in refused.value.problems]


def test_a_configuration_is_found_in_a_parent(tmp_path: Path) -> None:
    (tmp_path / "kbsync.toml").write_text(GOOD)
    (tmp_path / "a" / "b").mkdir(parents=True)

    assert find_config(tmp_path / "a" / "b") == tmp_path / "kbsync.toml"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_configuration_of_somebody_else_is_not_picked_up_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "kbsync.toml"
    file.write_text(GOOD)
    os.chown(file, 65534, 65534)

    with pytest.raises(InputError, match="another user"):
        find_config(tmp_path)


def test_no_configuration_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kbsync init"):
        find_config(tmp_path)


def test_a_rate_per_minute_is_a_rate_per_second(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).targets["coze-cn"].settings.rate == 5


def test_policies_are_those_of_the_target_but_where_a_field_has_its_own(tmp_path: Path) -> None:
    text = GOOD + 'drift = "keep"\npolicies = {name = {conflict = "ours"}}\n'
    settings = read(tmp_path, text).targets["coze-cn"].settings

    said, overruled = settings.policies_with(Policy()), settings.policies_with(Policy("report", "theirs"))

    assert [(said.of_drift(name), said.of_conflict(name)) for name in ("name", "caption")] == [
        ("keep", "ours"),
        ("keep", "fail"),
    ]
    assert [(overruled.of_drift(name), overruled.of_conflict(name)) for name in ("name", "caption")] == [
        ("report", "theirs"),
        ("report", "theirs"),
    ]


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)

    assert config.manifests.paths == ("manifests",)
    assert config.state_path == tmp_path / ".kbsync" / "state.db"
    assert config.guards.max_change_percent == 30
    assert config.targets["coze-cn"].settings.concurrency == 4


def test_lints_are_switched_by_their_ids(tmp_path: Path) -> None:
    table = '[lint]\nblank-text = "off"\n"long-name" = "error"\nempty-caption = "warn"\n'

    assert read(tmp_path, GOOD + table).lint.levels == {
        "blank-text": "off",
        "long-name": "error",
        "empty-caption": "warning",
    }
    assert read(tmp_path, GOOD).lint.levels == {}


def test_the_codec_gets_the_secret_that_its_reference_names(tmp_path: Path) -> None:
    target = read(tmp_path, GOOD).targets["coze-cn"]
    environ = MappingProxyType({"COZE_API_TOKEN": "pat_canary"})

    access = target.access(environ, tmp_path)

    assert "pat_canary" not in repr(access)
    assert "pat_canary" not in repr(target)


def test_targets_with_equal_secrets_have_one_credential(tmp_path: Path) -> None:
    target = read(tmp_path, GOOD).targets["coze-cn"]
    words = [target.access({"COZE_API_TOKEN": token}, tmp_path).credential for token in ("pat_a1", "pat_a1", "pat_b2")]

    assert words[0] == words[1] != words[2]
    assert "pat_a1" not in words[0]


def test_headroom_is_left_to_others(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD + "headroom_percent = 20\n").targets["coze-cn"].settings

    assert settings.rate_per_s == pytest.approx(0.8 * settings.rate)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "kbsync.toml:1:1: there is no target; write a [targets.NAME] table [config]"),
        ("x = \n", "kbsync.toml:1:5: Invalid value [syntax]"),
        (GOOD + 'rte = "5/s"', "kbsync.toml:6:1: unknown key 'rte'; did you mean 'rate'? [config]"),
        (GOOD + "[guard]", "kbsync.toml:6:2: unknown table 'guard'; did you mean 'guards'? [config]"),
        (GOOD + "concurrency = 0", "kbsync.toml:6:1: concurrency: "),
        (GOOD + "concurrency = 1000000", "kbsync.toml:6:1: concurrency: "),
        (GOOD + "concurrency = true", "kbsync.toml:6:1: concurrency: "),
        (GOOD + 'concurrency = "4"', "kbsync.toml:6:1: concurrency: "),
        (GOOD + "total_timeout_s = -1", "kbsync.toml:6:1: total_timeout_s: "),
        (GOOD + "total_timeout_s = inf", "kbsync.toml:6:1: total_timeout_s: "),
        (GOOD.replace("300/min", "0/s"), "kbsync.toml:5:1: rate: write a rate as"),
        (GOOD.replace("300/min", "-1/s"), "kbsync.toml:5:1: rate: write a rate as"),
        (GOOD.replace("300/min", "nan/s"), "kbsync.toml:5:1: rate: write a rate as"),
        (GOOD.replace("300/min", "5"), "kbsync.toml:5:1: rate: write a rate as"),
        (GOOD.replace('"300/min"', "5"), "kbsync.toml:5:1: rate: write a rate as"),
        (GOOD.replace("env:COZE_API_TOKEN", "pat_secret"), "kbsync.toml:4:1: a secret does not stand in"),
        (GOOD.replace("COZE_API_TOKEN", "pat_" + "a" * 64), "kbsync.toml:4:1: a secret does not stand in"),
        (GOOD.replace("https://api.coze.cn", "http://api.coze.cn"), "kbsync.toml:3:1: credentials travel over https"),
        (GOOD.replace("api.coze.cn", "api.coze.cn.evil.com"), "kbsync.toml:3:1: api.coze.cn.evil.com is not one of"),
        (GOOD.replace('"coze"', '"cose"'), "kbsync.toml:2:1: a target names its provider; did you mean 'coze'?"),
        (GOOD.replace('provider = "coze"\n', ""), "kbsync.toml:1:2: a target names its provider"),
        (GOOD.replace("coze-cn", '"a b"'), "kbsync.toml:1:2: a target's name is letters"),
        ("targets = 3", "kbsync.toml:1:1: there is no target"),
        (GOOD + '[state]\nurl = "mysql:x"', "kbsync.toml:7:1: url: "),
        (GOOD + "[manifests]\npaths = [1]", "kbsync.toml:7:1: paths.0: "),
        (
            GOOD + '[lint]\nduplicate-captoin = "warn"',
            "kbsync.toml:7:1: 'duplicate-captoin': that is not the id of a lint; did you mean duplicate-caption?",
        ),
        (
            GOOD + '[lint]\n"zzz" = "warn"',
            "kbsync.toml:7:1: 'zzz': that is not the id of a lint; `kbsync validate --rules` lists them",
        ),
        (
            GOOD + '[lint]\nbad-id = "off"',
            "kbsync.toml:7:1: 'bad-id': that rule is no lint, and stays an error [config]",
        ),
        (
            GOOD + '[lint]\nshrink = "off"',
            "kbsync.toml:7:1: 'shrink': that rule is no lint, and stays an error; `--allow` lifts it once",
        ),
        (
            GOOD + '[lint]\nblank-text = "warning"',
            "kbsync.toml:7:1: blank-text: Input should be 'off', 'warn' or 'error'",
        ),
        (GOOD + "[lint]\nblank-text = true", "kbsync.toml:7:1: blank-text: "),
        (GOOD.replace("[targets", "lint = 3\n[targets"), "kbsync.toml:1:1: "),
        (GOOD + 'drift = "ignore"', "kbsync.toml:6:1: drift: Input should be 'revert', 'keep' or 'report'"),
        (GOOD + 'conflict = "mine"', "kbsync.toml:6:1: conflict: Input should be 'fail', 'ours' or 'theirs'"),
        (
            GOOD + '[targets.coze-cn.policies.captoin]\ndrift = "keep"',
            "kbsync.toml:6:2: unknown field 'captoin'; did you mean 'caption'?",
        ),
        (
            GOOD + '[targets.coze-cn.policies."meta.*"]\ndrift = "keep"',
            "kbsync.toml:6:2: unknown field 'meta.*'; there are caption, name, update_rule",
        ),
        (
            GOOD + '[targets.coze-cn.policies.name]\ndrft = "keep"',
            "kbsync.toml:7:1: unknown key 'policies.name.drft'",
        ),
        (GOOD + "[guards]\nmax_change_percent = 101", "kbsync.toml:7:1: max_change_percent: "),
        (b"\xff\xfe" + GOOD.encode(), "kbsync.toml:1:1: this is not UTF-8 text [not-utf8]"),
        ("a = [" + "[" * 20_000, "kbsync.toml:1:1: "),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (found, *_) = mistakes(tmp_path, text)

    assert found.startswith(problem)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("300/min", "0/s") + "concurrency = 0\n[guards]\nmax_changes = -1\n"

    assert [problem.split(": ")[0] for problem in mistakes(tmp_path, text)] == [
        "kbsync.toml:5:1",
        "kbsync.toml:6:1",
        "kbsync.toml:8:1",
    ]


def test_an_inline_secret_is_never_echoed(tmp_path: Path) -> None:
    assert "canary" not in "\n".join(mistakes(tmp_path, GOOD.replace("env:COZE_API_TOKEN", "pat_canary")))


def test_a_foreign_endpoint_can_be_allowed(tmp_path: Path) -> None:
    text = GOOD.replace("api.coze.cn", "kb.example.com")

    assert read(tmp_path, text, ("foreign-endpoint",)).targets["coze-cn"].origin == "https://kb.example.com"

"""Configurations and credentials that are wrong: told before anything is sent, and no secret is echoed."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import CONFIG, Desk
from tests.cli.refusals import problems, refused, well_formed

URL = 'base_url = "{url}"'
TOKEN = 'token = "env:COZE_API_TOKEN"'
RATE = 'rate = "500/s"'
CANARY = "S3cretS3cretS3cret"


def setting(name: str, old: str, new: str, *expected: str) -> Any:
    return pytest.param(old, new, expected, id=name)


def url(name: str, address: str, rule: str = "config") -> Any:
    return setting(name, URL, f"base_url = '{address}'", f"6:1 {rule}")


SETTINGS = [
    url("69-http", "http://api.coze.cn", "insecure-url"),
    url("69-userinfo-that-looks-right", "https://api.coze.cn@evil.com"),
    url("69-userinfo", f"https://user:{CANARY}@api.coze.cn"),
    url("69-another-host-that-looks-right", "https://api.coze.cn.evil.com", "foreign-endpoint"),
    url("69-without-a-scheme", "//evil.com"),
    url("69-a-file", "file:///etc/passwd"),
    url("69-short-loopback", "https://127.1", "foreign-endpoint"),
    url("69-hexadecimal-loopback", "http://0x7f000001", "insecure-url"),
    url("69-link-local", "https://169.254.169.254", "foreign-endpoint"),
    url("69-http-link-local", "http://169.254.169.254", "insecure-url"),
    url("69-port-0", "https://api.coze.cn:0"),
    url("69-port-65536", "https://api.coze.cn:65536"),
    url("69-a-path", "https://api.coze.cn/v1/../"),
    url("69-a-query", "https://api.coze.cn?x=1"),
    url("69-a-fragment", "https://api.coze.cn#x"),
    url("69-fullwidth-dot", "https://api。coze.cn"),
    url("69-backslash", "https://evil.com\\@api.coze.cn"),
    url("69-white-space", " https://api.coze.cn"),
    url("69-a-line-end", "https://api.coze.cn\\n"),
    url("69-empty", ""),
    url("69-the-other-provider", "https://api-knowledgebase.mlp.cn-beijing.volces.com", "foreign-endpoint"),
    setting(
        "69-a-bucket-at-the-vendor",
        'volcengine"\nbase_url = "{url}"',
        'volcengine"\nbase_url = "https://bucket.tos-cn-beijing.volces.com"',
        "13:1 foreign-endpoint",
    ),
    setting("69-not-a-text", URL, "base_url = 1", "6:1 config"),
    setting("69-missing", URL + "\n", "", "4:2 config"),
    setting("70-rate-0", RATE, 'rate = "0/s"', "8:1 config"),
    setting("70-rate-negative", RATE, 'rate = "-1/s"', "8:1 config"),
    setting("70-rate-nan", RATE, 'rate = "nan/s"', "8:1 config"),
    setting("70-rate-inf", RATE, "rate = inf", "8:1 config"),
    setting("70-rate-number", RATE, "rate = 10", "8:1 config"),
    setting("70-rate-without-a-unit", RATE, 'rate = "10"', "8:1 config"),
    setting("70-rate-per-day", RATE, 'rate = "10/d"', "8:1 config"),
    setting("70-rate-1e9", RATE, 'rate = "1e9/s"', "8:1 config"),
    setting("71-concurrency-0", "concurrency = 4", "concurrency = 0", "9:1 config"),
    setting("71-concurrency-a-million", "concurrency = 4", "concurrency = 1_000_000", "9:1 config"),
    setting("71-concurrency-half", "concurrency = 4", "concurrency = 0.5", "9:1 config"),
    setting("71-burst-0", "concurrency = 4", "burst = 0", "9:1 config"),
    setting("72-timeout-0", "concurrency = 4", "total_timeout_s = 0", "9:1 config"),
    setting("72-timeout-negative", "concurrency = 4", "read_timeout_s = -1", "9:1 config"),
    setting("72-timeout-inf", "concurrency = 4", "connect_timeout_s = inf", "9:1 config"),
    setting("72-attempts-0", "[manifests]", "[retry]\nattempts = 0\n[manifests]", "2:1 config"),
    setting("an-inline-token", TOKEN, f'token = "{CANARY}"', "7:1 inline-secret"),
    setting("an-inline-token-that-is-no-text", TOKEN, "token = 5", "7:1 inline-secret"),
    setting("an-empty-reference", TOKEN, 'token = "env:"', "7:1 inline-secret"),
    setting("a-command-as-reference", TOKEN, f'token = "cmd:echo {CANARY}"', "7:1 inline-secret"),
    setting("an-unknown-key", "concurrency", "concurency", "9:1 config"),
    setting("an-unknown-table", "[manifests]", "[manifest]", "1:2 config"),
    setting("an-unknown-provider", 'provider = "coze"', 'provider = "cose"', "5:1 config"),
    setting("no-provider", 'provider = "coze"\n', "", "4:2 config"),
    setting("half-a-key-pair", 'access_key_id = "env:VOLC_ACCESSKEY"\n', "", "11:2 config"),
    setting("two-ways-to-sign", "region =", 'api_key = "env:X"\nregion =', "11:2 config"),
    setting("a-bad-region", 'region = "cn-beijing"', 'region = "../x"', "14:1 config"),
    setting("a-target-twice", "[targets.volc-bj]", "[targets.coze-cn]", "11:17 syntax"),
    setting("a-key-twice", RATE, f"{RATE}\n{RATE}", "9:15 syntax"),
    setting("a-name-with-a-space", "[targets.coze-cn]", '[targets."coze cn"]', "4:2 config"),
    setting("no-toml", "[manifests]", "manifests:", "1:10 syntax"),
    setting("an-open-text", TOKEN, f'token = "{CANARY}', "7:28 syntax"),
    setting("a-nul", "[manifests]", "# \0\n[manifests]", "1:3 syntax"),
    setting("paths-that-are-no-list", 'paths = ["manifests"]', 'paths = "manifests"', "2:1 config"),
    setting("paths-that-are-numbers", 'paths = ["manifests"]', "paths = [1]", "2:1 config"),
    setting("a-state-at-an-unknown-place", "[manifests]", '[state]\nurl = "mysql://x"\n[manifests]', "2:1 config"),
    setting("a-state-without-a-path", "[manifests]", '[state]\nurl = "sqlite:"\n[manifests]', "2:1 config"),
    setting("a-state-with-nul", "[manifests]", '[state]\nurl = "sqlite:a\\u0000b"\n[manifests]', "2:1 config"),
    setting("a-secret-path-with-nul", TOKEN, 'token = "file:a\\u0000b"', "7:1 inline-secret"),
    setting("a-guard-over-100", "[manifests]", "[guards]\nmax_change_percent = 101\n[manifests]", "2:1 config"),
    setting("a-guard-that-is-nan", "[manifests]", "[guards]\nmax_empty_percent = nan\n[manifests]", "2:1 config"),
    setting("a-word-for-on-error", "[manifests]", '[apply]\non_error = "stop"\n[manifests]', "2:1 config"),
]


@pytest.mark.parametrize(("old", "new", "expected"), SETTINGS)
def test_a_bad_setting_is_refused_by_place_and_rule(desk: Desk, old: str, new: str, expected: tuple[str, ...]) -> None:
    desk.configure(replace={old: new})

    told = refused(desk, 65, "apply", "--yes", secrets=[CANARY])

    assert {f"{place} {rule}" for file, place, rule in problems(told) if file == "kbsync.toml"} >= set(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "1:1 config", id="empty"),
        pytest.param(b"targets = 3\n", "1:1 config", id="targets-that-are-a-number"),
        pytest.param(b"[targets]\n", "1:2 config", id="no-target"),
        pytest.param(CONFIG.encode("utf-16"), "1:1 not-utf8", id="utf-16"),
        pytest.param(b"\xef\xbb\xbf" + CONFIG.encode(), "1:1 syntax", id="byte-order-mark"),
        pytest.param(CONFIG.encode() + b"# \xe9\n", "18:3 not-utf8", id="latin-1"),
        pytest.param(b"a = " + b"[" * 100_000, "1:1 syntax", id="deep"),
        pytest.param(b"#" * 1_100_000, "1:1 config", id="over-a-mebibyte"),
    ],
)
@pytest.mark.parametrize("command", [["validate"], ["plan"], ["apply", "--yes"], ["runs"], ["state", "list"]])
def test_a_file_that_is_no_configuration_is_refused(
    desk: Desk, content: bytes, expected: str, command: list[str]
) -> None:
    desk.write("kbsync.toml", content)

    told = refused(desk, 65, *command)

    assert [f"{place} {rule}" for _, place, rule in problems(told)] == [expected]


@pytest.mark.parametrize("command", [["validate"], ["apply", "--yes"], ["report"], ["state", "lock"]])
def test_a_missing_configuration_says_how_to_make_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir("/")

    told = refused(desk, 65, *command)

    assert problems(told) == [("kbsync.toml", "1:1", "config")]
    assert "kbsync init" in told.err


@pytest.mark.parametrize("name", ["nowhere.toml", "manifests", "pipe", "/dev/zero", "loop"])
def test_a_configuration_that_cannot_be_read_is_refused_without_waiting(desk: Desk, name: str) -> None:
    os.mkfifo(desk.folder / "pipe")
    (desk.folder / "loop").symlink_to("loop")

    told = refused(desk, 65, "apply", "--yes", "--config", name)

    ((_, place, rule),) = problems(told)
    assert (place, rule) == ("1:1", "config")


# ------------------------------------------------------------------------------------------------------- credentials
def _piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(f"{CANARY}\n", id="66-line-end"),
        pytest.param(f"{CANARY}\r\n", id="66-crlf"),
        pytest.param(f" {CANARY}", id="66-space-before"),
        pytest.param(f"{CANARY} ", id="66-space-behind"),
        pytest.param(f"a\t{CANARY}", id="66-tab"),
        pytest.param(f'"{CANARY}"', id="66-quotes"),
        pytest.param(f"Bearer {CANARY}", id="66-bearer"),
        pytest.param(f"{CANARY}令牌", id="66-cjk"),
        pytest.param(f"{CANARY}\u200b", id="66-zero-width"),
        pytest.param(f"x\r\nX-Evil: {CANARY}", id="66-header"),
        pytest.param("", id="66-empty"),
        pytest.param(CANARY * 5000, id="66-90-kilobytes"),
        pytest.param(os.fsdecode(b"\xff" + CANARY.encode()), id="66-no-text"),
    ],
)
@pytest.mark.parametrize("variable", ["COZE_API_TOKEN", "VOLC_ACCESSKEY", "VOLC_SECRETKEY"])
def test_a_malformed_secret_is_refused_unsent_and_unseen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, token: str, variable: str
) -> None:
    monkeypatch.setenv(variable, token)

    told = refused(desk, 77, "apply", "--yes", secrets=[CANARY])

    assert told.err.startswith("kbsync: ")


def test_a_secret_with_nul_is_refused(desk: Desk) -> None:
    _secret(desk, f"{CANARY}\0".encode())

    refused(desk, 77, "apply", "--yes", secrets=[CANARY])


def test_an_unset_variable_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COZE_API_TOKEN")

    told = refused(desk, 77, "apply", "--yes")

    assert "COZE_API_TOKEN is not set" in told.err


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.chmod(0o644), id="68-0644"),
        pytest.param(lambda path: path.chmod(0o640), id="68-0640"),
        pytest.param(lambda path: path.unlink(), id="68-missing"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="68-a-folder"),
        pytest.param(_piped, id="68-a-pipe"),
        pytest.param(lambda path: (path.unlink(), path.symlink_to(path.name)), id="68-a-loop"),
        pytest.param(lambda path: path.write_bytes(CANARY.encode() * 10_000), id="66-over-64-kib"),
        pytest.param(lambda path: path.write_bytes(b"\xff" + CANARY.encode()), id="66-no-utf8"),
        pytest.param(lambda path: path.write_bytes(CANARY.encode() + b"\n\n"), id="66-two-line-ends"),
        pytest.param(lambda path: path.write_bytes(b"\xef\xbb\xbf" + CANARY.encode()), id="66-byte-order-mark"),
        pytest.param(lambda path: path.write_bytes(b""), id="66-empty"),
        pytest.param(lambda path: path.write_bytes(b"\n"), id="66-only-a-line-end"),
    ],
)
def test_a_bad_secret_file_is_refused_without_waiting(desk: Desk, spoil: Callable[[Path], Any]) -> None:
    spoil(_secret(desk, CANARY.encode()))

    told = refused(desk, 77, "apply", "--yes", secrets=[CANARY])

    assert "targets.coze-cn.token" in told.err or told.err.startswith("kbsync: token ")


def test_swapped_keys_are_told_before_anything_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = os.environ["VOLC_ACCESSKEY"], os.environ["VOLC_SECRETKEY"]
    monkeypatch.setenv("VOLC_ACCESSKEY", secret)
    monkeypatch.setenv("VOLC_SECRETKEY", key)

    told = refused(desk, 77, "apply", "--yes")

    assert "swapped" in told.err


def test_plan_and_validate_need_no_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COZE_API_TOKEN", "VOLC_ACCESSKEY", "VOLC_SECRETKEY"):
        monkeypatch.delenv(name)

    assert desk.run("validate").code == 0
    assert desk.run("plan").code == 0


# ------------------------------------------------------------------------------------------------------------- state
def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.symlink_to("elsewhere.db")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="a-folder"),
        pytest.param(lambda path: path.write_bytes(b""), id="104-empty"),
        pytest.param(lambda path: path.write_bytes(b"garbage" * 1000), id="104-garbage"),
        pytest.param(lambda path: os.truncate(path, 100), id="104-header-only"),
        pytest.param(lambda path: os.truncate(path, 5000), id="104-truncated"),
        pytest.param(_newer, id="105-newer"),
        pytest.param(_foreign, id="105-foreign"),
        pytest.param(_linked, id="a-link"),
        pytest.param(_piped, id="a-pipe"),
    ],
)
@pytest.mark.parametrize(
    "command", [["plan"], ["apply", "--yes"], ["runs"], ["report"], ["state", "list"], ["state", "forget", "*", "-y"]]
)
def test_a_bad_state_ends_every_command_and_is_left_alone(
    desk: Desk, spoil: Callable[[Path], Any], command: list[str]
) -> None:
    spoil(desk.state)

    told = refused(desk, 1, *command)

    assert "state.db" in told.err


def test_a_folder_of_the_state_that_is_a_file_ends_the_run(desk: Desk) -> None:
    shutil.rmtree(desk.state.parent)
    desk.write(".kbsync", "")

    told = desk.run("apply", "--yes")

    assert told.code == 1
    well_formed(told)
    assert desk.requests == 0


def _secret(desk: Desk, content: bytes) -> Path:
    desk.configure(replace={TOKEN: 'token = "file:secret"'})
    path = desk.write("secret", content)
    path.chmod(0o600)
    return path

"""The emulator as a process of its own."""

import io
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kbsync.emulator import OPTIONS, Options, built_emulator, launched, run, sample_config
from kbsync.emulator.__main__ import parsed
from kbsync.emulator.archive import load_world
from kbsync.emulator.sample import SAMPLE_SECRET_ACCESS_KEY, SAMPLE_TOKEN, sample_image_id
from kbsync.errors import InputError, KbsyncError, UsageError
from tests.emulator.bench import COZE


def test_it_listens_on_a_free_port_of_loopback_and_says_so_first() -> None:
    with launched("--images", "3") as emulator:
        stats: Any = emulator.control("GET", "stats")

        assert urlsplit(emulator.base_url).hostname == "127.0.0.1"
        assert emulator.port > 0
        assert stats["requests"] == {}


def test_what_it_prints_is_a_configuration_whose_secrets_are_in_files(tmp_path: Path) -> None:
    with launched("--config-folder", str(tmp_path), "--rate", "7/s") as emulator:
        assert emulator.process.stdout is not None
        text = (tmp_path / "kbsync.toml").read_text(encoding="utf-8")
        config = tomllib.loads(text)

    coze, volcengine = config["targets"]["coze-cn"], config["targets"]["volc-bj"]
    assert text.startswith(f"# kbsync emulator at {emulator.base_url}\n")
    assert coze["base_url"] == volcengine["base_url"] == emulator.base_url
    assert coze["rate"] == "7/s"
    assert Path(coze["token"].removeprefix("file:")).read_text(encoding="utf-8") == SAMPLE_TOKEN
    secret = Path(volcengine["secret_access_key"].removeprefix("file:"))
    assert secret.read_text(encoding="utf-8") == SAMPLE_SECRET_ACCESS_KEY
    assert secret.stat().st_mode & 0o777 == 0o600
    assert SAMPLE_TOKEN not in text


def test_a_configuration_can_be_made_for_any_address(tmp_path: Path) -> None:
    config = tomllib.loads(sample_config("http://127.0.0.1:1", tmp_path / "new", rate="5/s"))

    assert {target["rate"] for target in config["targets"].values()} == {"5/s"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_saves_its_content_when_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "world.json"

    with launched("--data", str(path), "--images", "3") as emulator:
        edit = {"provider": "coze", "kind": "image", "id": sample_image_id(1), "set": {"caption": "留下"}}
        emulator.control("POST", "items", edit)
        emulator.process.send_signal(number)
        assert emulator.process.wait(10) == 0
    with launched("--data", str(path)) as emulator:
        world: Any = emulator.control("GET", "world")

    images = world["datasets"][0]["images"]
    assert [image["caption"] for image in images if image["id"] == sample_image_id(1)] == ["留下"]
    assert len(images) == 3


def test_it_saves_its_content_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "world.json"

    with launched("--data", str(path), "--images", "3") as emulator:
        emulator.control("POST", "save")
        assert len(load_world(path).image_homes) == 3


def test_every_option_is_in_the_table_and_nothing_else() -> None:
    assert [option.member for option in OPTIONS] == list(Options.__dataclass_fields__)
    assert parsed([]) == Options()


def test_the_command_line_makes_the_emulator_it_describes(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"kind": "refused_403", "page": 7}]', encoding="utf-8")

    emulator = built_emulator(
        parsed(
            [
                *("--rate", "5/s", "--rate", "coze=2/s", "--throttle", "code_throttled", "--latency", "20-80"),
                *("--fault", "0.2", "--faults", "http_500=2,disconnect_after", "--rules", str(rules), "--seed", "9"),
                *("--outage", "10-20", "--max-faults-in-row", "2", "--meta-mode", "merge", "--clock-offset", "60"),
                *("--behave", "page_base=0", "--behave", "ignored_fields=name,meta", "--behave", "normalise=trim"),
            ]
        )
    )

    assert {whose: rate.limit for whose, rate in emulator.limiter.rates.items()} == {"*": 5, "coze": 2}
    assert emulator.limiter.rates["*"].mix == {"code_throttled": 1.0}
    assert (emulator.latency.least_s, emulator.latency.most_s) == (0.02, 0.08)
    outage, page, mix = emulator.fates.rules
    assert (outage.from_s, outage.until_s, page.page, mix.share, mix.max_in_row) == (10, 20, 7, 0.2, 2)
    assert {chance.fault.kind: chance.weight for chance in mix.chances} == {"http_500": 2, "disconnect_after": 1}
    behaviour = emulator.site.behaviour
    assert (behaviour.meta_mode, behaviour.page_base, behaviour.normalise) == ("merge", 0, "trim")
    assert behaviour.ignored_fields == {"name", "meta"}
    assert (emulator.seed, emulator.site.clock_offset_s) == (9, 60)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rate", "fast"],
        ["--throttle", "nothing"],
        ["--latency", "soon"],
        ["--latency", "80-20"],
        ["--fault", "2"],
        ["--faults", "nothing"],
        ["--outage", "5"],
        ["--outage", "9-5"],
        ["--behave", "colour=red"],
        ["--behave", "page_base"],
        ["--oauth-app", "a,b"],
        ["--oauth-app", "a,b,/nowhere"],
        ["--rules", "/nowhere"],
    ],
)
def test_a_bad_option_is_told_by_its_name(arguments: list[str]) -> None:
    with pytest.raises((UsageError, InputError)) as caught:
        built_emulator(parsed(arguments))

    assert arguments[0] in str(caught.value) or arguments[1] in str(caught.value)


def test_mistakes_end_the_process_with_the_usage_code_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kbsync.emulator", "--rate", "fast"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 64
    assert done.stderr.startswith("--rate fast: ")
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_told() -> None:
    with launched() as emulator, pytest.raises(OSError, match="address already in use"):
        run(Options(port=emulator.port), io.StringIO())


def test_all_mistakes_are_errors_of_kbsync() -> None:
    assert issubclass(UsageError, KbsyncError)
    assert COZE["Agw-Js-Conv"] == "str"

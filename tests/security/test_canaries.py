"""Twelve secrets, and what is made of them for each request, come out nowhere: the secret canaries."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from kbsync.emulator.connection import Reply
from kbsync.emulator.messages import Request
from tests.cli.desk import Told
from tests.security.canaries import ENVIRONMENT, STATIC, artefacts, dressed, found
from tests.security.echoes import ECHOES, ENDING, quoted
from tests.security.impostor import http
from tests.security.vault import COZE, VOLCENGINE, Vault, number_of, open_vault
from tests.stories.stage import until

# Everything that makes Python or kbsync say more than it would.
LOUD = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1", "KBSYNC_TRACEBACK": "1"}
REPORTS = ("report.json", "report.jsonl", "report.md", "report.csv")
ECHO = tuple(ECHOES.values())


def echo(request: Request) -> Reply:
    """Quote the request in the way that belongs to the number of its item."""
    number = number_of(request)
    return ECHO[0 if number is None else number % len(ECHO)](quoted(request))


def signatures(vault: Vault) -> set[str]:
    """Return what was made from secrets for each request so far. Of an authorisation, that is what is secret."""
    values = {request.headers["authorization"] for request in vault.impostor.heard}
    return {value.rpartition("Signature=")[2] for value in values if "Signature=" in value}


def enter(vault: Vault, patch: pytest.MonkeyPatch) -> None:
    """Work in *vault* from now on, in this process."""
    patch.chdir(vault.folder)
    for variable, secret in ENVIRONMENT.items():
        patch.setenv(variable, secret)


def everything(vault: Vault, *told: Told) -> dict[str, bytes]:
    """Return all that anybody can read afterwards."""
    said = {f"{name} {number}": text.encode() for number, one in enumerate(told) for name, text in _streams(one)}
    return {**artefacts(vault.folder, without=vault.hidden()), **said}


def nothing_is_found(vault: Vault, texts: Mapping[str, bytes]) -> None:
    assert signatures(vault)
    assert found(texts, [*STATIC, *signatures(vault)]) == []


@pytest.mark.parametrize(("words", "count"), [("-q", 4), ("", 4), ("-v", 4), ("-vv", len(ECHO))])
def test_no_secret_that_a_server_quotes_comes_out_anywhere(tmp_path: Path, words: str, count: int) -> None:
    with open_vault(tmp_path / "vault", echo) as vault:
        vault.declare(count)
        reports = [word for name in REPORTS for word in ("--report", name)]
        verbosity = [*words.split(), "--log-file", "apply.log"]

        saved = vault.process("plan", "--out", "plan.json", environment=ENVIRONMENT)
        told = vault.process(*verbosity, "apply", "--yes", *reports, environment={**ENVIRONMENT, **LOUD})

        assert told.code == 3, told.err
        rows = orjson.loads((vault.folder / "report.json").read_bytes())["items"]
        assert sum("[redacted]" in f"{row['message']}{row['code']}{row['log_id']}" for row in rows) > len(rows) / 3
        nothing_is_found(vault, everything(vault, saved, told))


def test_no_secret_that_a_server_quoted_comes_out_of_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_vault(tmp_path / "vault", echo) as vault:
        vault.declare(8)
        enter(vault, monkeypatch)
        assert vault.run("-q", "apply", "--yes").code == 3
        forms = [["report", "--format", name[7:]] for name in REPORTS]
        items = [["state", "show", f"{target}/default/canaries/document/n-1"] for target in VOLCENGINE]

        told = [vault.run(*words) for words in (["runs"], ["state", "list"], ["report"], *forms, *items)]

        assert all(one.code == 0 and one.out for one in told[:1] + told[2:])
        nothing_is_found(vault, everything(vault, *told))


@pytest.mark.parametrize("name", ENDING)
def test_no_secret_comes_out_when_a_target_is_stopped_by_a_server_that_quotes(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_vault(tmp_path / "vault", lambda request: ENDING[name](quoted(request))) as vault:
        vault.declare(2)
        enter(vault, monkeypatch)

        told = vault.run("-vv", "--log-file", "apply.log", "apply", "--yes", "--report", "report.json")
        shown = vault.run("state", "show", "volc-env/default/canaries/document/n-0", "--format", "json")

        assert told.code in {7, 77}
        assert "is stopped" in told.err
        nothing_is_found(vault, everything(vault, told, shown))


@pytest.mark.fault("F35", seen="no secret goes there")
def test_no_secret_goes_where_a_redirect_points(tmp_path: Path) -> None:
    with open_vault(tmp_path / "elsewhere") as elsewhere, open_vault(tmp_path / "vault") as vault:
        codes = itertools.cycle((301, 302, 303, 307, 308))

        def redirect(request: Request) -> bytes:
            target = {"Location": f"{elsewhere.running.base_url}{request.path}?{request.headers['authorization']}"}
            return http(quoted(request).encode(), target, f"{next(codes)} Found")

        vault.impostor.speaker = redirect
        vault.declare(3)

        told = vault.process("-vv", "apply", "--yes", "--report", "report.json", environment=ENVIRONMENT)

        assert told.code == 77, told.err
        assert set(orjson.loads((vault.folder / "report.json").read_bytes())["stopped"].values()) == {"redirected"}
        assert elsewhere.impostor.heard == []
        nothing_is_found(vault, everything(vault, told))


def test_a_killed_run_leaves_no_secret_in_its_files(tmp_path: Path) -> None:
    with open_vault(tmp_path / "vault", echo) as vault:
        vault.declare(len(ECHO))
        words = vault.command("-vv", "--log-file", "apply.log", "apply", "--yes")
        process = subprocess.Popen(
            words, cwd=vault.folder, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        until(lambda: len(vault.impostor.heard) > 200)
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()

        texts = {**artefacts(vault.folder, without=vault.hidden()), "said": said}
        assert ".kbsync/state.db-wal" in texts
        nothing_is_found(vault, texts)


# ---------------------------------------------------------------------------------------------------- our own mistakes
DEFECT = """\
import sys
sys.path.insert(0, {root!r})
from kbsync.core.answers import make_answer
from kbsync.providers.coze.wire import CozeCodec
from kbsync.providers.volcengine.wire import VolcengineCodec
import kbsync.adapters.http, kbsync.views.log
from kbsync.__main__ import main

{plant}
sys.argv = ["kbsync", "-vv", "--log-file", "apply.log", "apply", "--yes", "--report", "report.json"]
main()
"""
DEFECTS = {
    "when a request is authorised": """
def broken(self, request, now_s, real=CozeCodec.authorise):
    raise RuntimeError(f"cannot send {real(self, request, now_s).headers}")
def broken_too(self, request, now_s, real=VolcengineCodec.authorise):
    raise ValueError(f"cannot send {real(self, request, now_s).headers} with {self._access.secret}"
        if hasattr(self._access, "secret") else f"cannot use {self._access.key}")
CozeCodec.authorise, VolcengineCodec.authorise = broken, broken_too
""",
    "when an answer is read, with its cause": """
def broken(self, response):
    try:
        raise KeyError(repr(response.body))
    except KeyError as error:
        raise RuntimeError(f"cannot read {response.headers} {response.body!r}") from error
CozeCodec.decode = VolcengineCodec.decode = broken
""",
    "when a log line is written": """
def broken(self, event):
    raise RuntimeError(" ".join(SECRETS))
import os, pathlib
SECRETS = [*(value for name, value in os.environ.items() if name.startswith("CANARY")),
    *(path.read_text() for path in pathlib.Path("secrets").iterdir())]
kbsync.views.log.Log.observe = broken
""",
    "of a kind that nobody expects": """
class Odd(BaseException): pass
def broken(self, request, now_s, real=CozeCodec.authorise):
    raise Odd(f"cannot send {real(self, request, now_s).headers}")
CozeCodec.authorise = broken
""",
}


@pytest.mark.fault("F45", seen="no secret in what is said of it")
@pytest.mark.parametrize("plant", DEFECTS.values(), ids=DEFECTS)
@pytest.mark.parametrize("loud", [False, True], ids=["quiet", "loud"])
def test_a_defect_of_ours_tells_no_secret(tmp_path: Path, plant: str, loud: bool) -> None:  # noqa: FBT001
    with open_vault(tmp_path / "vault", echo) as vault:
        vault.declare(3)
        script = vault.write("defect.py", DEFECT.format(root=str(Path(__file__).parents[2]), plant=plant))
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=vault.folder,
            env={**os.environ, **ENVIRONMENT, **(LOUD if loud else {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        told = Told(done.returncode, done.stdout.decode(), done.stderr.decode())

        assert told.code == 1, told
        assert "internal error" in told.err
        assert ("Traceback" in told.err) is loud
        script.unlink()
        assert found(everything(vault, told), [*STATIC, *signatures(vault)]) == []


@pytest.mark.parametrize("room", [10**9, 0], ids=["a file", "stderr"])
def test_what_could_not_be_recorded_is_left_without_a_secret(tmp_path: Path, room: int) -> None:
    with open_vault(tmp_path / "vault", echo) as vault:
        vault.declare(10)
        done = subprocess.run(
            [sys.executable, "-m", "tests.security.full_disk", str(room), "-vv", "apply", "--yes"],
            cwd=vault.folder,
            env={**os.environ, **ENVIRONMENT, **LOUD, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=False,
        )

        assert done.returncode == 8, done.stderr.decode()
        texts = {**artefacts(vault.folder, without=vault.hidden()), "out": done.stdout, "err": done.stderr}
        left = [text for name, text in texts.items() if "kbsync-recovery" in name] or [texts["err"]]
        assert b"[redacted]" in left[0]
        nothing_is_found(vault, texts)


# ----------------------------------------------------------------------------------------------------- the process
def test_a_run_shows_no_secret_to_the_system(tmp_path: Path) -> None:
    with open_vault(tmp_path / "vault") as vault:
        vault.declare(1)
        script = (
            "import os, resource, sys\n"
            f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
            "from kbsync.__main__ import main\n"
            "try:\n    main()\n"
            "finally:\n    print('cores', resource.getrlimit(resource.RLIMIT_CORE), flush=True)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "apply", "--yes"],
            cwd=vault.folder,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert b"cores (0, 0)" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_no_secret_stands_on_a_command_line(tmp_path: Path) -> None:
    lines: list[bytes] = []
    with open_vault(tmp_path / "vault") as vault:
        vault.declare(1)
        process = subprocess.Popen(
            vault.command("apply", "--yes"),
            cwd=vault.folder,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def look(request: Request) -> None:
            del request
            lines.extend(path.read_bytes() for path in Path(f"/proc/{process.pid}/task").glob("*/cmdline"))

        vault.impostor.speaker = look
        assert process.wait() == 0

    assert lines
    assert found({"command lines": b"\n".join(lines)}, STATIC) == []


# ---------------------------------------------------------------------------------------------------- the detector
@pytest.mark.parametrize("secret", STATIC)
@pytest.mark.parametrize("form", dressed(""))
def test_the_detector_finds_every_secret_in_every_form(secret: str, form: str) -> None:
    text = dressed(f"Authorization: Bearer {secret}\nX: y")[form]

    assert found({"a file": b"\x00\xff" + text.encode() + b"\x01"}, [secret])


@pytest.mark.parametrize("secret", STATIC)
def test_the_detector_finds_a_part_of_a_secret(secret: str) -> None:
    assert found({"a file": f"x{secret[5:20]}…".encode()}, [secret])


def test_the_detector_finds_what_was_planted_in_each_artefact(tmp_path: Path) -> None:
    with open_vault(tmp_path / "vault") as vault:
        vault.declare(1, targets=("coze-env",), word=f"a caption with {ENVIRONMENT['CANARY_SECRET']} in it")
        reports = [word for name in REPORTS for word in ("--report", name)]
        told = vault.process(
            "-vv", "--log-file", "a.log", "apply", "--yes", *reports, "--format", "human", environment=ENVIRONMENT
        )
        vault.process("plan", "--out", "plan.json", environment=ENVIRONMENT)

        assert told.code == 0, told.err
        texts = everything(vault, told)
        hits = found(texts, [ENVIRONMENT["CANARY_SECRET"]])
        assert {hit.split(" in ")[1].partition(":")[0] for hit in hits} == {
            "manifests/all.jsonl",
            "out 0",
            ".kbsync/state.db",
        }


def test_every_reference_is_used() -> None:
    text = " ".join((*COZE.values(), *VOLCENGINE.values()))

    assert (text.count("env:"), text.count("file:"), text.count("keyring:")) == (5, 5, 2)
    assert len(STATIC) == 12


def _streams(told: Told) -> tuple[tuple[str, str], ...]:
    return ("out", told.out), ("err", told.err)

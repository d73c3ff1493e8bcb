"""What kbsync's code never does, read from its syntax trees: run data as code, start a shell, switch checks off."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import kbsync

ROOT: Final = Path(kbsync.__file__).parent
# Each reads code out of data, or whatever else the sender wants.
MODULES: Final = {
    *(
        "pickle",
        "_pickle",
        "marshal",
        "shelve",
        "dbm",
        "dill",
        "joblib",
        "jsonpickle",
        "ctypes",
        "code",
        "codeop",
        "imp",
    ),
    *("xmlrpc", "xml.etree", "xml.sax", "xml.dom", "telnetlib", "ftplib", "yaml.constructor", "yaml.loader"),
}
# Words that are names of such modules and nothing else in this code.
WORDS: Final = MODULES - {"code"}
CALLS: Final = {
    *("eval", "exec", "compile", "__import__", "input", "breakpoint"),
    *("os.system", "os.popen", "os.forkpty", "os.startfile", "os.chmod", "os.umask"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
    *("tempfile.mktemp", "os.tempnam", "os.tmpnam"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"),
    *("yaml.safe_load", "yaml.safe_load_all", "yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader", "yaml.CLoader"),
    *("ssl._create_unverified_context", "ssl._create_default_https_context", "ssl.wrap_socket"),
    *("hashlib.md5", "hashlib.sha1", "random.seed", "logging.config.listen", "faulthandler.enable"),
    *("traceback.print_exc", "traceback.print_exception"),
}
STARTS: Final = ("os.exec", "os.spawn", "os.posix_spawn", "pickle.", "marshal.", "shelve.")
# Switches that turn a check off, wherever they are given. None stands for any value.
SWITCHES: Final[dict[str, object]] = {
    "shell": True,
    "verify": False,
    "verify_ssl": False,
    "ssl": False,
    "check_hostname": False,
    "trust_env": True,
    "allow_redirects": True,
    "auto_decompress": True,
    "fingerprint": None,
    "ssl_context": None,
}
VERIFY_NONE: Final = frozenset({"CERT_NONE", "CERT_OPTIONAL"})
# Where another program is started: our own emulator, git, and on macOS those of the system that know mounts and
# processes.
STARTING: Final = {
    "adapters/git.py",
    "adapters/state/mounts.py",
    "adapters/state/processes.py",
    "emulator/process.py",
}
# Where this program goes on as two, which see the same and share nothing that they write.
FORKING: Final = "adapters/manifests/parallel.py"
# Chance is for waiting times and for names in tests, never for anything that has to be secret.
CHANCE: Final = frozenset({"engine", "emulator", "simulator"})


def offences(source: str, place: str = "engine/x.py") -> Iterator[str]:
    """Yield what *source* does that it must not, with its lines; *place* is where it stands beneath kbsync/."""
    tree = ast.parse(source)
    names = _imported(tree)
    for node in ast.walk(tree):
        for what in _wrong(node, names, place):
            yield f"{place}:{getattr(node, 'lineno', 0)}: {what}"


def _wrong(node: ast.AST, names: dict[str, str], place: str) -> Iterator[str]:
    match node:
        case ast.Import(aliases) | ast.ImportFrom(names=aliases):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            for alias in aliases:
                yield from _wrong_import(alias.name if module is None else f"{module}.{alias.name}", place)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in VERIFY_NONE:
            yield name
        case ast.Attribute() | ast.Name():
            full = _full_name(node, names)
            if full in CALLS or full.startswith(STARTS) or (full == "os.fork" and place != FORKING):
                yield full
        case ast.Call():
            yield from _wrong_call(node, names)
        case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
            yield from _wrong_switch(name, value)
        case ast.Constant(value=str(text)) if text in WORDS:
            yield f"the name of {text}, as for import_module"
        case _:
            pass


def _wrong_import(full: str, place: str) -> Iterator[str]:
    module = full.partition(".")[0]
    if any(full == name or full.startswith(f"{name}.") for name in MODULES) or full in CALLS:
        yield f"import of {full}"
    if module == "random" and place.partition("/")[0] not in CHANCE:
        yield "import of random, which is for waiting times"
    if module in {"subprocess", "multiprocessing"} and place not in STARTING:
        yield f"import of {full}"


def _wrong_call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    for keyword in node.keywords:
        yield from _wrong_switch(keyword.arg, keyword.value)
    if _full_name(node.func, names).startswith("subprocess.") and node.args:
        yield from _wrong_program(node.args[0])


def _wrong_switch(name: str | None, value: ast.expr) -> Iterator[str]:
    if name in SWITCHES:
        wanted = SWITCHES[name]
        if wanted is None or (isinstance(value, ast.Constant) and value.value is wanted):
            yield f"{name}={ast.unparse(value)}"


def _wrong_program(words: ast.expr) -> Iterator[str]:
    """Yield a program that whoever sets PATH chooses."""
    match words:
        case ast.List(elts=[ast.Constant(value=str(program)), *_]) | ast.Constant(value=str(program)):
            if not program.startswith("/"):
                yield f"start of {program}, wherever it is"
        case _:
            pass


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what the names of *tree*'s imports stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            return f"{_full_name(value, names)}.{attribute}"
        case _:
            return "?"


FILES: Final = sorted(ROOT.rglob("*.py"))


def test_the_code_does_nothing_of_the_kind() -> None:
    assert len(FILES) > 150
    found = [
        offence for file in FILES for offence in offences(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import xml.etree.ElementTree",
        "from xml import etree",
        "import marshal, os",
        "import shelve",
        "import ctypes",
        "def f():\n    import dill",
        "import_module('pickle')",
        "eval('1')",
        "import os\nos.fork()",
        "f = eval",
        "exec(text)",
        "compile(text, 'x', 'exec')",
        "__import__(name)",
        "import yaml\nyaml.load(text)",
        "import yaml as y\ny.load(text, Loader=y.FullLoader)",
        "from yaml import load\nload(text)",
        "from yaml import safe_load as read\nread(text)",
        "import yaml\nyaml.load(text, Loader=yaml.UnsafeLoader)",
        "import os\nos.system('ls')",
        "from os import system as run\nrun('ls')",
        "import os\nos.popen('ls')",
        "import os as o\no.execvp('ls', [])",
        "import os\nos.posix_spawn('ls', [], {})",
        "import subprocess",
        "from subprocess import run",
        "run('ls', shell=True)",
        "import asyncio\nasyncio.create_subprocess_shell('ls')",
        "import tempfile\ntempfile.mktemp()",
        "subprocess.run(['ps', '-p', '1'])",
        "session.get(url, verify=False)",
        "session.get(url, ssl=False)",
        "TCPConnector(verify_ssl=False)",
        "TCPConnector(ssl_context=context)",
        "context.check_hostname = False",
        "context.verify_mode = ssl.CERT_NONE",
        "import ssl\nssl._create_unverified_context()",
        "ClientSession(trust_env=True)",
        "session.request('GET', url, allow_redirects=True)",
        "import hashlib\nhashlib.md5(data)",
        "import traceback\ntraceback.print_exc()",
    ],
)
def test_an_example_of_it_is_found(planted: str) -> None:
    assert list(offences(f"x = 1\n{planted}\n"))


@pytest.mark.parametrize("place", ["core/x.py", "adapters/http/transport.py", "providers/coze/wire.py", "cli/main.py"])
def test_chance_has_no_place_where_secrets_are(place: str) -> None:
    assert list(offences("import random", place))
    assert list(offences("from random import choice", place))
    assert not list(offences("import secrets\nimport uuid", place))


@pytest.mark.parametrize(
    "harmless",
    [
        "import re\nre.compile('x')",
        "search.compile('x')",
        "import yaml\nyaml.parse(text, Loader=yaml.CSafeLoader)",
        "session.request('GET', url, allow_redirects=False, ssl=context)",
        "ClientSession(trust_env=False, auto_decompress=False)",
        "import random\nrandom.random()",
        "'a sentence about pickle'",
        "subprocess.run(['/bin/ps', '-p', '1'])",
    ],
)
def test_what_only_looks_like_it_is_not(harmless: str) -> None:
    assert not list(offences(harmless))

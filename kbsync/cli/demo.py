"""`kbsync demo`: the whole job on both providers, against the emulator, with the commands a user would type."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path

import click
import orjson

from kbsync.cli.examples import copy_examples
from kbsync.cli.main import run
from kbsync.cli.options import Console, console_of
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.core.manifest import Desired
from kbsync.emulator import Emulator, World, sample_config, sample_world, served_in_thread
from kbsync.emulator.world import Collection, Dataset, Doc, Document, Image

__all__ = ("demo",)

# What each document has live beside what the manifest declares: kbsync has to leave it as it is.
_UNDECLARED = {"field_name": "密级", "field_type": "string", "field_value": "内部"}
_RATE = "20/s"
_STEPS = (
    ("validate",),
    ("plan",),
    ("apply", "--yes", "--report", "report.json"),
    ("plan", "--detailed-exitcode"),
)


@click.command()
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Leave the files there."
)
@click.pass_context
def demo(context: click.Context, *, keep: Path | None) -> int:
    """Show the whole job on both providers, without an account.

    Starts the emulator with a small knowledge base of each, and runs validate, plan, apply and a second, empty plan
    against it.
    """
    console = console_of(context)
    with _folder(keep) as folder, served_in_thread(Emulator(sample_world(0, 0, 0))) as running:
        config = sample_config(running.base_url, folder / "secrets", rate=_RATE)
        (folder / "kbsync.toml").write_text(config, encoding="utf-8")
        examples = list(copy_examples(folder / "manifests"))
        with contextlib.chdir(folder):
            _fill(running.emulator.world, open_workspace(None).read(()))
            console.out.lines(
                [
                    f"An emulator of both APIs listens at {running.base_url}.",
                    f"kbsync.toml and {len(examples)} example manifests are in {folder}.",
                ]
            )
            code = _steps(console)
    if code == Exit.OK:
        console.out.lines(["", "The second plan is empty: both providers hold what the manifests say."])
    return code


@contextlib.contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="kbsync-demo-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _steps(console: Console) -> int:
    for step in _STEPS:
        console.out.lines(["", f"$ kbsync {' '.join(step)}"])
        code = run(step)
        sys.stdout.flush()
        if code != Exit.OK:
            return code
    return Exit.OK


def _fill(world: World, manifest: Iterable[Desired]) -> None:
    """Give *world* every item of *manifest*, with values that the manifest does not want."""
    datasets: dict[str, Dataset] = {}
    collections: dict[str, Collection] = {}
    for desired in manifest:
        _, container, kind, id_ = desired.item
        if container.isdecimal():
            dataset = datasets.setdefault(container, Dataset(container, "demo"))
            if kind == "image":
                dataset.images[id_] = Image(id_, f"{id_}.jpg")
            else:
                dataset.documents[id_] = Document(id_, "untitled")
        else:
            collection = collections.get(container) or collections.setdefault(container, _collection(container))
            collection.add(Doc(id_, "untitled", orjson.dumps([_UNDECLARED]).decode()))

    for dataset in datasets.values():
        world.add_dataset(dataset)
    for collection in collections.values():
        world.add_collection(collection)


def _collection(container: str) -> Collection:
    project, slash, name = container.rpartition("/")
    return Collection(name, project) if slash else Collection("demo", resource_id=container)

"""`kbsync match`: the items of one container paired with those of another, for a migration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click

from kbsync.adapters.files import mode_of, write_whole
from kbsync.adapters.id_maps import read_id_map
from kbsync.adapters.manifests import ManifestFile, Spool, Writer, format_of
from kbsync.cli.counterparts import Kinds, Lists, Origin, parse_container, read_lists
from kbsync.cli.handing_over import hand_over
from kbsync.cli.options import Console, allow_option, check_writable, config_option, console_of, paths_argument
from kbsync.cli.outputs import Output, write_output
from kbsync.cli.reading import Place
from kbsync.cli.sources import find_sources, reader_of
from kbsync.cli.workspace import Workspace, open_workspace, refuse
from kbsync.core.entries import nearest
from kbsync.core.exits import Exit
from kbsync.core.handover import Handover
from kbsync.core.matching import STRATEGIES, Candidate, Matching, Strategy, by_told
from kbsync.core.matching import match as pair_up
from kbsync.core.rules import Problem
from kbsync.errors import UsageError
from kbsync.views.id_map_csv import id_map_csv
from kbsync.views.match_json import match_json
from kbsync.views.match_text import match_text
from kbsync.views.paint import Paint
from kbsync.views.wording import count

__all__ = ("match",)

_CSV: Final = "csv:"
_NEAR_BY: Final = "normalised-name"
_BY_NAMES: Final = frozenset({"name", _NEAR_BY})
_OWNER_ONLY: Final = 0o600


def _as_words(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> Sequence[str]:
    """Return *value*, all of it words for strategies; by name when there are none."""
    for word in value:
        if word not in STRATEGIES and not (word.startswith(_CSV) and word != _CSV):
            known = [*STRATEGIES, f"{_CSV}FILE"]
            hint = nearest(word, STRATEGIES) or f"; these can: {', '.join(known)}"
            raise click.BadParameter(f"nothing is paired by {word!r}{hint}", context, parameter)
    return value or ("name",)


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("--from", "origin", metavar="TARGET/CONTAINER", required=True, help="Whose items have a counterpart.")
@click.option("--to", "destination", metavar="TARGET/CONTAINER", required=True, help="Where the counterparts are.")
@click.option(
    "--by",
    "words",
    multiple=True,
    metavar="WAY",
    callback=_as_words,
    help="name (without any), normalised-name, size-and-type or csv:FILE; several are tried in their order.",
)
@click.option("--kind", "wanted", multiple=True, metavar="KIND", help="Only items of this kind, as image or document.")
@click.option("--live", is_flag=True, help="Take the values that are live, and not those that manifests declare.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The manifest; the ending says how."
)
@click.option("--map", "map_file", type=click.Path(path_type=Path), metavar="FILE.csv", help="Write the ids here, too.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def match(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    origin: str,
    destination: str,
    words: Sequence[str],
    wanted: Sequence[str],
    live: bool,
    out: Path,
    map_file: Path | None,
    form: str,
) -> int:
    """Pair the items of two containers, and write the manifest of the second with what is declared for the first.

    Nothing is paired by a guess: what is ambiguous, missing or left over is told, and so is whatever has no place at
    the destination. Nothing is sent but reads. Exit 3 when an item has no counterpart.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    here = parse_container("--from", origin, workspace)
    there = parse_container("--to", destination, workspace)
    if here == there:
        raise UsageError(f"--from and --to are both {here}")
    kinds = Kinds.between(here, there, wanted, workspace)
    files, problems = _sources(workspace, paths, live=live)
    told, wrong = _told(words, workspace)
    _check_outputs(out, map_file, words, kinds, workspace)

    with Spool() as declared, Spool() as carried:
        side = Origin(kinds, declared)
        refuse([*problems, *wrong, *side.read(files, workspace)])
        if not live and not side.ids:
            raise UsageError(f"the manifests declare no item of {here}; --live takes what is live there")
        lists = read_lists(_places(side, words, told, live=live), workspace, console)
        if live:
            side.take(lists.lists, workspace)

        matching, near = _paired(side, lists, _strategies(words, told), declared=not live)
        handover = hand_over(side, matching, carried, workspace, near=near, near_by=_NEAR_BY)
        _say_what_maps_name_in_vain(told, matching, console)
        writer = Writer(workspace.dialects(), carried)
        containers = list(carried.containers.values())
        form_out = format_of(str(out)) or ""
        refuse(list(writer.problems(form_out, containers)))
        mode = _mode(out, files)
        if containers:
            write_output(Output(out, containers), form_out, writer, reader_of(workspace), mode)
        if map_file is not None:
            write_whole(map_file, id_map_csv(handover), mode=mode)

    _show(handover, form, console)
    if containers:
        console.say(
            f"kbsync: {count(handover.entries, 'item')} written to {out}; `kbsync plan {out}` shows what differs"
        )
    else:
        console.say(f"kbsync: {out} is not written, for it would declare no item")
    if map_file is not None:
        console.say(f"kbsync: the ids are in {map_file}")
    return Exit.OK if handover.whole else Exit.PARTIAL


def _show(handover: Handover, form: str, console: Console) -> None:
    if form == "json":
        console.out.pieces(match_json(handover))
    else:
        console.out.lines(match_text(handover, paint=Paint(colour=console.colour), width=console.width))


# --------------------------------------------------------------------------------------------------------- what is read
class _Told(NamedTuple):
    """What the map *file* says: the id there by kind and id here."""

    file: str
    pairs: Mapping[tuple[str, str], str]


def _sources(workspace: Workspace, paths: Sequence[str], *, live: bool) -> tuple[list[ManifestFile], list[Problem]]:
    """Return the manifests to read; none for live values. Raises UsageError."""
    if not live:
        return find_sources(workspace, paths)
    if paths:
        raise UsageError("--live reads no manifest; leave the PATH out")
    return [], []


def _told(words: Sequence[str], workspace: Workspace) -> tuple[dict[str, _Told], list[Problem]]:
    """Return what each of *words* that names an id map says, and what is wrong with them."""
    told: dict[str, _Told] = {}
    problems: list[Problem] = []
    for word in words:
        if word.startswith(_CSV):
            file = word.removeprefix(_CSV)
            pairs, wrong = read_id_map(Path(file), workspace.rules, workspace.allowed)
            told[word] = _Told(file, pairs)
            problems.extend(wrong)
    return told, problems


def _check_outputs(out: Path, map_file: Path | None, words: Sequence[str], kinds: Kinds, workspace: Workspace) -> None:
    """Raise UsageError when a file cannot be written, or what it would replace says something else."""
    if format_of(str(out)) is None:
        raise UsageError(f"--out {out}: a manifest ends in .yaml, .json, .jsonl or .csv")
    check_writable("--out", out)
    if out.is_file() and out.stat().st_size:
        reader = reader_of(workspace)
        others = any(
            declared.item[:2] != kinds.destination
            for declared in reader.read(ManifestFile(out, str(out), format_of(str(out)) or ""))
        )
        if others or any(problem.severity == "error" for problem in reader.problems):
            raise UsageError(f"--out {out}: what is there is no manifest of {kinds.destination} alone: it stays")
    if map_file is None:
        return
    if map_file.suffix.lower() != ".csv":
        raise UsageError(f"--map {map_file}: an id map ends in .csv")
    check_writable("--map", map_file)
    for other in (out, *(Path(word.removeprefix(_CSV)) for word in words if word.startswith(_CSV))):
        if _is_same(other, map_file):
            raise UsageError(f"--map {map_file}: this file stands for something else in this command")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.absolute() == other.absolute() or one.samefile(other)
    except OSError:  # one of them is not there, or never could be
        return False


def _places(side: Origin, words: Sequence[str], told: Mapping[str, _Told], *, live: bool) -> dict[Place, list[str]]:
    """Return the lists to read: those there, and those here for live values, or what manifests do not say.

    What an id map names there has to be there.
    """
    kinds = side.kinds
    used = list(kinds.there) if live else list(dict.fromkeys(kind for _, _, kind in side.ids))
    places: dict[Place, list[str]] = {}
    for kind in used:
        named = (id_ for one in told.values() for (of, _), id_ in one.pairs.items() if of in {kind, ""})
        places.setdefault(kinds.destination.place(kinds.there[kind]), []).extend(named)
    if live or "size-and-type" in words or (side.is_nameless and not _BY_NAMES.isdisjoint(words)):
        places |= {kinds.origin.place(kind): side.ids.get(kinds.origin.place(kind), []) for kind in used}
    return places


# ----------------------------------------------------------------------------------------------------- what comes of it
def _strategies(words: Sequence[str], told: Mapping[str, _Told]) -> list[Strategy]:
    return [
        strategy
        for word in words
        for strategy in ((by_told(word, told[word].pairs),) if word in told else STRATEGIES[word])
    ]


def _paired(side: Origin, lists: Lists, strategies: Sequence[Strategy], *, declared: bool) -> tuple[Matching, int]:
    """Return what is paired, and how many more would be by normalised names, were they asked for."""
    there = list(lists.candidates(side.kinds))
    matching = pair_up(side.candidates(lists.lists, declared=declared), there, strategies)
    if any(strategy.name == _NEAR_BY for strategy in strategies):
        return matching, 0
    missing = [one for one, why in matching.missing if why == "absent"]
    return matching, len(pair_up(missing, matching.left_over, STRATEGIES[_NEAR_BY]).pairs)


def _say_what_maps_name_in_vain(told: Mapping[str, _Told], matching: Matching, console: Console) -> None:
    """Say how many rows of each id map are about items that are not here."""
    groups: list[Sequence[Candidate]] = [group.here for group in matching.ambiguous]
    groups += [[pair.here for pair in matching.pairs], [one for one, _ in matching.missing]]
    items = {(one.item.kind, one.item.id) for group in groups for one in group}
    known = items | {("", id_) for _, id_ in items}
    for file, pairs in told.values():
        vain = sum(key not in known for key in pairs)
        if vain:
            console.say(f"kbsync: {count(vain, 'row')} of {file} about items that are not among these: left alone")


def _mode(out: Path, files: Sequence[ManifestFile]) -> int:
    """Return the permissions of what is written: those of what was there, or of what it comes from."""
    if out.exists():
        return mode_of(out)
    return mode_of(files[0].path) if files else _OWNER_ONLY

"""`kbsync schema`: the JSON Schemas of every file format that kbsync reads or writes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import orjson

from kbsync.adapters.manifests import manifest_schema, row_schema
from kbsync.cli.options import config_option, console_of
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.core.manifest import Dialect
from kbsync.errors import UsageError
from kbsync.providers import PROVIDERS
from kbsync.views.schemas import DRIFT_SCHEMA, MATCH_SCHEMA, PLAN_SCHEMA, REPORT_LINE_SCHEMA, REPORT_SCHEMA

__all__ = ("manifest_schema_text", "schema")


def _dialects() -> dict[str, Dialect]:
    """Return the words of each provider, as a target without settings of its own has them."""
    return {name: provider.dialect(provider.settings.model_construct()) for name, provider in PROVIDERS.items()}


_OF_MANIFESTS: Final[Mapping[str, Callable[..., Mapping[str, Any]]]] = {"manifest": manifest_schema, "row": row_schema}
_OF_RESULTS: Final = {
    "plan": PLAN_SCHEMA,
    "report": REPORT_SCHEMA,
    "report-line": REPORT_LINE_SCHEMA,
    "match": MATCH_SCHEMA,
    "drift": DRIFT_SCHEMA,
}


@click.command()
@click.argument("form", type=click.Choice([*_OF_MANIFESTS, *_OF_RESULTS]), default="manifest")
@click.option("--targets", is_flag=True, help="For the targets of kbsync.toml, by name, and not for any target.")
@config_option
@click.pass_context
def schema(context: click.Context, *, form: str, targets: bool, config_file: Path | None) -> int:
    """Print the JSON Schema of a file format.

    `manifest` is for YAML and JSON manifests, `row` for a line of JSON Lines, `plan` and `report` for what plan and
    apply write, `report-line` for a line of a `.jsonl` report, `match` and `drift` for what these commands write with
    `--format json`.
    """
    if (targets or config_file is not None) and form in _OF_RESULTS:
        raise UsageError(f"--targets is for manifests; the schema of a {form} is the same for all targets")
    if form in _OF_RESULTS:
        found: Mapping[str, Any] = _OF_RESULTS[form]
    elif targets or config_file is not None:
        found = _OF_MANIFESTS[form](open_workspace(config_file).dialects())
    else:
        found = _OF_MANIFESTS[form](_dialects(), any_target=True)
    console_of(context).out.lines([_text(found)])
    return Exit.OK


def manifest_schema_text() -> str:
    """Return the schema of YAML and JSON manifests as the text of a file."""
    return _text(manifest_schema(_dialects(), any_target=True)) + "\n"


def _text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

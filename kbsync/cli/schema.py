"""`kbsync schema`: the JSON Schemas of every file format that kbsync reads or writes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import click
import orjson

from kbsync.adapters.manifests import manifest_schema, row_schema
from kbsync.cli.options import console_of
from kbsync.core.exits import Exit
from kbsync.core.manifest import Dialect
from kbsync.providers import PROVIDERS
from kbsync.views.schemas import PLAN_SCHEMA, REPORT_LINE_SCHEMA, REPORT_SCHEMA

__all__ = ("manifest_schema_text", "schema")


def _dialects() -> dict[str, Dialect]:
    """Return the words of each provider, as a target without settings of its own has them."""
    return {name: provider.dialect(provider.settings.model_construct()) for name, provider in PROVIDERS.items()}


_SCHEMAS: Final[Mapping[str, Callable[[], Mapping[str, Any]]]] = {
    "manifest": lambda: manifest_schema(_dialects(), any_target=True),
    "row": lambda: row_schema(_dialects(), any_target=True),
    "plan": lambda: PLAN_SCHEMA,
    "report": lambda: REPORT_SCHEMA,
    "report-line": lambda: REPORT_LINE_SCHEMA,
}


@click.command()
@click.argument("form", type=click.Choice(list(_SCHEMAS)), default="manifest")
@click.pass_context
def schema(context: click.Context, *, form: str) -> int:
    """Print the JSON Schema of a file format.

    `manifest` is for YAML and JSON manifests, `row` for a line of JSON Lines, `plan` and `report` for what plan and
    apply write, `report-line` for a line of a `.jsonl` report.
    """
    console_of(context).out.lines([_text(_SCHEMAS[form]())])
    return Exit.OK


def manifest_schema_text() -> str:
    """Return the schema of YAML and JSON manifests as the text of a file."""
    return _text(_SCHEMAS["manifest"]()) + "\n"


def _text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

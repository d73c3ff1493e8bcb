"""`kbsync init`: the files to begin with."""

from collections.abc import Iterator
from pathlib import Path

import click

from kbsync.adapters.config import CONFIG_NAME
from kbsync.cli.examples import copy_examples
from kbsync.cli.options import console_of
from kbsync.cli.schema import manifest_schema_text
from kbsync.core.exits import Exit
from kbsync.errors import UsageError

__all__ = ("init",)

_SCHEMA_NAME = "kbsync.schema.json"
_EXAMPLES = {"coze": "coze/pets.yaml", "volcengine": "volcengine/reports.yaml"}
_HEAD = """\
# What kbsync manages, where, and how fast. Relative paths are relative to this file.

[manifests]
paths = ["manifests"]                  # files, folders and globs

[state]
url = "sqlite:.kbsync/state.db"        # what was last confirmed, and the journal; keep it, and keep it out of git
keep_runs = 100                        # of so many runs that had changes everything is kept, of older ones a line

[guards]                               # an apply over these limits is refused before its first request
max_change_percent = 30                # of the known items of a container, or of all
max_empty_percent = 10

[lint]                                 # `kbsync validate --rules` lists the lints; each is "off", "warn" or "error"
placeholder-caption = "warn"
duplicate-caption = "warn"
"""
_TARGETS = {
    "coze": """
[targets.coze-cn]
provider = "coze"
base_url = "https://api.coze.cn"       # or https://api.coze.com
token = "env:COZE_API_TOKEN"           # a reference: env:NAME, file:PATH or keyring:SERVICE/USER
rate = "5/s"                           # of the credential, reads and retries included
concurrency = 4
""",
    "volcengine": """
[targets.volc-bj]
provider = "volcengine"
base_url = "https://api-knowledgebase.mlp.cn-beijing.volces.com"
region = "cn-beijing"
access_key_id = "env:VOLC_ACCESSKEY"   # or api_key = "env:…" alone
secret_access_key = "env:VOLC_SECRETKEY"
rate = "10/s"
concurrency = 4
""",
}
_WORKFLOW = """\
# A pull request shows the plan as a comment; the merge applies it.
name: kbsync
on:
  pull_request:
  push:
    branches: [main]
permissions: {}
concurrency: kbsync
jobs:
  plan:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: write}
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      - uses: actions/cache/restore@v4
        with: {path: .kbsync, key: kbsync-state, restore-keys: kbsync-state}
      - run: pip install kbsync
      - run: kbsync plan --format markdown --link-base "$FILES" > plan.md || test $? -eq 4
        env: {FILES: "${{ github.server_url }}/${{ github.repository }}/blob/${{ github.sha }}"}
      - run: gh pr comment "$NUMBER" --body-file plan.md --edit-last --create-if-none
        env: {GH_TOKEN: "${{ github.token }}", NUMBER: "${{ github.event.number }}"}
  apply:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      - uses: actions/cache/restore@v4
        with: {path: .kbsync, key: kbsync-state, restore-keys: kbsync-state}
      - run: pip install kbsync
      - run: kbsync apply --yes --report report.json --report report.md
        env:
          COZE_API_TOKEN: "${{ secrets.COZE_API_TOKEN }}"
          VOLC_ACCESSKEY: "${{ secrets.VOLC_ACCESSKEY }}"
          VOLC_SECRETKEY: "${{ secrets.VOLC_SECRETKEY }}"
      - if: always()
        run: test ! -f report.md || cat report.md >> "$GITHUB_STEP_SUMMARY"
      - if: always()
        uses: actions/cache/save@v4
        with: {path: .kbsync, key: "kbsync-state-${{ github.run_id }}"}
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--provider", "providers", multiple=True, type=click.Choice(list(_TARGETS)), help="Only for this one.")
@click.option(
    "--ci", type=click.Choice(["github"]), help="Also write a workflow: plan on pull requests, apply on merge."
)
@click.pass_context
def init(context: click.Context, *, folder: Path, providers: tuple[str, ...], ci: str | None) -> int:
    """Write kbsync.toml, example manifests and the JSON Schema into FOLDER.

    Files that are there already are left alone.
    """
    console = console_of(context)
    chosen = providers or tuple(_TARGETS)
    try:
        written = list(_write(folder, chosen, ci))
    except OSError as error:
        raise UsageError(f"{error.filename or folder} cannot be written: {error.strerror}") from None

    for path in written:
        console.tell(f"wrote {path}")
    if not written:
        console.out.lines(["everything is there already"])
    console.say("kbsync: edit the manifests and the addresses, then run: kbsync validate && kbsync plan")
    return Exit.OK


def _write(folder: Path, providers: tuple[str, ...], ci: str | None) -> Iterator[Path]:
    texts = {
        folder / CONFIG_NAME: _HEAD + "".join(_TARGETS[name] for name in providers),
        folder / ".gitignore": ".kbsync/\n",
        folder / "manifests" / _SCHEMA_NAME: manifest_schema_text(),
    }
    if ci == "github":
        texts[folder / ".github" / "workflows" / "kbsync.yml"] = _WORKFLOW
    for path, text in texts.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            yield path

    yield from copy_examples(folder / "manifests", *(_EXAMPLES[name] for name in providers))

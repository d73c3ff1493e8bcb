"""Bad manifests: what is in the file, and everything that is said of it. Each is run through the real commands."""

from tests.cli.bad_manifests.case import FAKE_KEY, FAKE_PAT, HEAD, Case, with_caption, with_id, with_rule
from tests.cli.bad_manifests.csv_cases import CELLS, COLUMNS, CSV
from tests.cli.bad_manifests.json_cases import JSON
from tests.cli.bad_manifests.json_lines_cases import JSON_LINES, row
from tests.cli.bad_manifests.yaml_cases import YAML

__all__ = (
    "CELLS",
    "COLUMNS",
    "CORPUS",
    "FAKE_KEY",
    "FAKE_PAT",
    "HEAD",
    "Case",
    "row",
    "with_caption",
    "with_id",
    "with_rule",
)

CORPUS: tuple[Case, ...] = (*YAML, *JSON, *JSON_LINES, *CSV)

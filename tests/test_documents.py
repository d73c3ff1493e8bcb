"""What the documents point to is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))


def links(document: Path) -> Iterator[Path]:
    """Yield the files and folders that *document* links to."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            yield (document.parent / target).resolve()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    assert [path for path in links(document) if not path.exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_test_and_module_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"`((?:tests|kbsync|benchmarks)/[^` ]*)`", document.read_text(encoding="utf-8")))

    assert [name for name in sorted(named) if not (ROOT / name.partition("::")[0]).exists()] == []


def test_the_threat_model_shows_a_test_for_every_threat() -> None:
    rows = re.findall(r"^\| .* \|$", (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8"), re.MULTILINE)
    threats = [row for row in rows if not row.startswith(("| threat ", "| --- "))]

    assert len(threats) > 20
    assert [row for row in threats if "`tests/" not in row.split(" | ")[-1] and "the same" not in row] == []


def test_the_readme_leads_to_the_security_policy_and_the_threat_model() -> None:
    assert {ROOT / "SECURITY.md", ROOT / "docs" / "threat-model.md"} <= set(links(ROOT / "README.md"))

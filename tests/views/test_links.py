import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kbsync.core.items import Source
from kbsync.views.links import linked
from tests.security.hostile import TEXTS
from tests.views.worlds import nasty

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})


@pytest.mark.parametrize(
    ("source", "markdown"),
    [
        (Source("manifests/a.yaml", 9, 5), "[`manifests/a.yaml:9`](manifests/a.yaml#L9)"),
        (Source("a b/图(1).csv", 3, 1), "[`a b/图(1).csv:3`](a%20b/%E5%9B%BE%281%29.csv?plain=1#L3)"),
        (Source("/etc/a.yaml", 9, 5), "`/etc/a.yaml:9`"),
        (Source("//evil.example/a.yaml", 9, 5), "`//evil.example/a.yaml:9`"),
        (Source("../a.yaml", 9, 5), "`../a.yaml:9`"),
        (Source("a/../../a.yaml", 9, 5), "`a/../../a.yaml:9`"),
        (Source("javascript:alert(1)", 1, 1), "[`javascript:alert(1):1`](javascript%3Aalert%281%29#L1)"),
        (Source("\ud800", 1, 1), "`\\ud800:1`"),
    ],
)
def test_a_file_below_the_working_directory_is_linked_to_its_line(source: Source, markdown: str) -> None:
    assert linked(source, "") == markdown


def test_a_link_begins_with_the_base() -> None:
    base = "https://git.example/o/r/blob/0a1b/"

    assert linked(Source("a.yaml", 9, 5), base) == f"[`a.yaml:9`]({base}a.yaml#L9)"


@given(st.one_of(nasty, st.sampled_from(sorted(TEXTS.values()))))
def test_whatever_a_file_is_called_there_is_one_link_to_it_or_none(name: str) -> None:
    markdown = linked(Source(name, 7, 1), "https://git.example/")
    inline = [token for block in MARKDOWN.parse(f"x {markdown} y") for token in block.children or ()]
    kinds = [token.type for token in inline]

    assert kinds in (
        ["text", "link_open", "code_inline", "link_close", "text"],
        ["text", "code_inline", "text"],
    )
    if "link_open" in kinds:
        href = str(inline[1].attrs["href"])
        assert re.fullmatch(r"https://git\.example/[A-Za-z0-9._~%/-]+(\?plain=1)?#L7", href)
        assert unquote(href, errors="surrogateescape").startswith(f"https://git.example/{name}")

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.answers import make_answer
from kbsync.core.redaction import redactor
from kbsync.core.wire import Response

SECRET = 'pat_aB/+9=~x"y'
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=10, max_size=60)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("ab", "aB"),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_taken_out_in_every_usual_form(form: str) -> None:
    assert redactor([SECRET])(f"a {form} b {form}") == "a [redacted] b [redacted]"


@given(secret=PRINTABLE, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_inside_base64_leaves_no_more_than_its_ends(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    assert len(redactor([secret])(encoded).replace("[redacted]", "")) <= len(encoded) - len(secret) * 8 // 6 + 3


def test_short_and_empty_secrets_are_left() -> None:
    assert redactor(["", "abcde"])("abcde, and an empty one") == "abcde, and an empty one"


@given(secret=PRINTABLE, position=st.integers(0, 600), count=st.integers(1, 20))
def test_no_secret_is_cut_in_two_where_a_message_ends(secret: str, position: int, count: int) -> None:
    text = "\u56fe" * position + secret * count
    response = Response(400, {"content-type": "text/plain"}, text.encode())

    for answer in (
        make_answer(response, redact=redactor([secret])),
        make_answer(response, 1, text, redact=redactor([secret])),
        make_answer(response, text, redact=redactor([secret])),
    ):
        shown = f"{answer.message} {answer.code}".replace("[redacted]", "").replace("\u56fe", "")
        assert set(shown) <= set("[redacted] 1None")

import base64
import html
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.answers import make_answer
from kbsync.core.redaction import hexadecimal, redactor
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
        json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
        json.dumps(SECRET)[1:-1].replace("+", "\\u002b").replace("=", "\\u003D"),
        repr(SECRET.encode())[2:-1],
        quote(quote(SECRET, safe=""), safe=""),
        html.escape(SECRET),
        html.escape(html.escape(SECRET)),
        SECRET.replace('"', "&#34;").replace("=", "&#x3D;"),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        quote(base64.b64encode(SECRET.encode()).decode().rstrip("="), safe=""),
        base64.encodebytes(SECRET.encode()).decode().strip().rstrip("="),
    ],
)
def test_a_secret_is_taken_out_in_every_usual_form(form: str) -> None:
    assert redactor([SECRET])(f"a {form} b {form}") == "a [redacted] b [redacted]"


ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


@pytest.mark.parametrize("character", string.punctuation)
def test_every_character_is_found_however_it_is_written(character: str) -> None:
    secret = f"pat{character}token{character}{character}end"
    code = ord(character)
    in_json = json.dumps(secret)[1:-1]
    forms = [secret, quote(secret, safe=""), quote(quote(secret, safe=""), safe=""), html.escape(secret), in_json]
    forms += [json.dumps(in_json)[1:-1], json.dumps(json.dumps(in_json)[1:-1])[1:-1], html.escape(html.escape(secret))]
    ways = [f"&#{code};", f"&#x{code:x};", f"&#0{code};", f"\\u00{code:02x}", f"\\x{code:02X}", f"%{code:02x}"]
    if character in ENTITIES:
        ways.append(f"&{ENTITIES[character]};")
    if character not in "_-.":  # no encoding touches these
        forms += [secret.replace(character, way) for way in ways]

    for form in forms:
        assert redactor([secret])(f"a {form} b") == "a [redacted] b", form


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize("secret", ["~~~>>>???~~~", "~>?~>?", "\\~?>\\~?>"])
def test_a_secret_is_taken_out_of_either_alphabet_of_base64(secret: str, before: str) -> None:
    plain = base64.b64encode((before + secret).encode()).decode()
    safe = base64.urlsafe_b64encode((before + secret).encode()).decode()

    assert set(plain) & set("+/")
    for encoded in (plain, safe, quote(plain, safe="")):
        left = redactor([secret])(f" {encoded} ").replace("[redacted]", "")
        assert len(left.strip(" =").replace("%3D", "")) <= len(before) * 8 // 6 + 2, encoded


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\n ", "\\n", "\\r\\n", "\\\\n"])
def test_a_secret_is_taken_out_of_base64_in_lines(break_: str) -> None:
    lines = base64.encodebytes(b"x" * 50 + SECRET.encode() + b"y" * 10).decode().split()

    assert len(lines) > 1
    assert redactor([SECRET])(break_.join(lines)).count("[redacted]") == 1


@given(value=st.binary(min_size=32, max_size=32), before=st.binary(max_size=5), upper=st.booleans())
def test_hexadecimal_digits_are_taken_out_as_they_are_and_in_base64(
    value: bytes, before: bytes, *, upper: bool
) -> None:
    digits = value.hex().upper() if upper else value.hex()
    redact = redactor([], hexadecimal(64))

    assert redact(f"Signature={digits}, {digits}0") == f"Signature=[redacted], {digits}0"
    encoded = base64.b64encode(before + b" " + digits.encode() + b" ").decode()
    assert len(redact(encoded).replace("[redacted]", "")) <= len(encoded) - 80


@pytest.mark.parametrize("hostile", ["\\" * 200_000, "%25" * 100_000, "&amp;" * 50_000, "\\n" * 100_000, "M" * 300_000])
def test_no_text_makes_the_search_long(hostile: str) -> None:
    secret = '\\\\"&+/=%' * 20

    assert redactor([secret], hexadecimal(64))(hostile) == hostile


@given(secret=PRINTABLE, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_inside_base64_leaves_no_more_than_its_ends(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    assert len(redactor([secret])(encoded).replace("[redacted]", "")) <= len(encoded) - len(secret) * 8 // 6 + 3


def test_short_and_empty_secrets_are_left() -> None:
    assert redactor(["", "abcde"])("abcde, and an empty one") == "abcde, and an empty one"
    assert redactor(["abcdef"])("abcdef, which is long enough") == "[redacted], which is long enough"


def test_fewer_hexadecimal_digits_are_left_in_base64_too() -> None:
    encoded = base64.b64encode(b"log id " + b"3f" * 25).decode()

    assert redactor([], hexadecimal(64))(encoded) == encoded


def test_no_part_of_a_long_secret_is_left_where_a_text_is_read_no_further() -> None:
    secret = "0123456789" * 500

    answer = make_answer(Response(400, {}, b""), 1, secret * 30, redact=redactor([secret]))

    assert not set(answer.message) & set("0123456789")


@given(secret=PRINTABLE, position=st.integers(0, 600), count=st.integers(1, 20))
def test_no_secret_is_cut_in_two_where_a_message_ends(secret: str, position: int, count: int) -> None:
    # Long enough that not all of it is looked at.
    text = "\u56fe" * position + secret * (count if position % 2 else 140_000 // len(secret))
    response = Response(400, {"content-type": "text/plain"}, text.encode())

    for answer in (
        make_answer(response, redact=redactor([secret])),
        make_answer(response, 1, text, redact=redactor([secret])),
        make_answer(response, text, redact=redactor([secret])),
    ):
        shown = f"{answer.message} {answer.code}".replace("[redacted]", "").replace("\u56fe", "")
        assert set(shown) <= set("[redacted] 1None")

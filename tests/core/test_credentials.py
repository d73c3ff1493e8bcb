import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.credentials import check_secret
from kbsync.errors import CredentialsError


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\"'`"), min_size=1))
def test_printable_ascii_is_taken_as_it_is(secret: str) -> None:
    assert check_secret("token", secret) == secret


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ("", "is empty"),
        ("s3cret\n", "has a trailing newline (from a file?)"),
        ("s3cret\r\n", "has a trailing newline (from a file?)"),
        ("s3cret\r", "has a trailing newline (from a file?)"),
        (" s3cret", "begins or ends with white space"),
        ("s3cret\u3000", "begins or ends with white space"),
        ("Bearer s3cret", "begins with the word Bearer: give the token alone"),
        ("bearer s3cret", "begins with the word Bearer: give the token alone"),
        ('"s3cret"', "stands in quotation marks: give it without them"),
        ("'s3cret", "stands in quotation marks: give it without them"),
        ("s3cret`", "stands in quotation marks: give it without them"),
        ("s3 cret", "holds white space, a control character or a non-ASCII character"),
        ("s3\tcret", "holds white space, a control character or a non-ASCII character"),
        ("s3\0cret", "holds white space, a control character or a non-ASCII character"),
        ("s3cr\u2019et", "holds white space, a control character or a non-ASCII character"),
        ("s3密cret", "holds white space, a control character or a non-ASCII character"),
        ("s" * (16 * 1024 + 1), "is over 16384 characters long, which no credential is"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_by_name_of_the_setting(secret: str, fault: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        check_secret("token", secret)

    assert str(raised.value) == f"token {fault}"


def test_a_credential_may_have_16384_characters() -> None:
    assert check_secret("token", "s" * 16 * 1024)

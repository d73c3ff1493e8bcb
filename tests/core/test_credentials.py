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
        ("", "empty"),
        ("s3cret\n", "trailing newline"),
        ("s3cret\r\n", "trailing newline"),
        (" s3cret", "white space"),
        ("s3cret\u3000", "white space"),
        ("Bearer s3cret", "Bearer"),
        ("bearer s3cret", "Bearer"),
        ('"s3cret"', "quotation marks"),
        ("'s3cret'", "quotation marks"),
        ("s3 cret", "white space"),
        ("s3\tcret", "white space"),
        ("s3\0cret", "control character"),
        ("s3cr\u2019et", "non-ASCII"),
        ("s3密cret", "non-ASCII"),
        ("s3cret" * 10_000, "characters long"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_by_name_of_the_setting(secret: str, fault: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        check_secret("token", secret)

    assert str(raised.value).startswith("token ")
    assert fault in str(raised.value)
    assert "s3" not in str(raised.value)

"""Keeping secrets out of what servers say: some echo the request that they refuse, headers and all."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias
from urllib.parse import quote

__all__ = ("Redact", "redactor")

Redact: TypeAlias = Callable[[str], str]

_REDACTED: Final = "[redacted]"
# What is shorter stands in too many texts by chance, and is no credential.
_SHORTEST: Final = 6


def redactor(secrets: Iterable[str], *patterns: str) -> Redact:
    """Return what takes *secrets* out of a text: as they are, percent-encoded, in JSON, and in base64.

    *patterns* are regular expressions for what is secret and computed anew for each request.
    """
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
    # Of forms that begin alike, the longest is taken out.
    alternatives = [*map(re.escape, sorted(forms, key=lambda form: (-len(form), form))), *patterns]
    if not alternatives:
        return str
    search = re.compile("|".join(alternatives))
    return lambda text: search.sub(_REDACTED, text)


def _forms(secret: str) -> Iterator[str]:
    in_json = json.dumps(secret)[1:-1]
    yield from (secret, in_json, in_json.replace("/", "\\/"))
    for safe in ("", "/", "-_.~", ":/?#[]@!$&'()*+,;="):
        encoded = quote(secret, safe=safe)
        yield encoded
        yield re.sub("%..", lambda match: match[0].lower(), encoded)

    data = secret.encode()
    for encode in (b64encode, urlsafe_b64encode):
        # Where the secret stands behind others, as the password does, its characters depend on how many those are. The
        # first and the last one mix with what stands beside it, and are left.
        for before in range(3):
            text = encode(bytes(before) + data).decode().rstrip("=")
            middle = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(middle) >= _SHORTEST:
                yield middle
        yield encode(data).decode().rstrip("=")

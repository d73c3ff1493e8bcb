"""Twelve secrets that nobody else has, every form in which one could come out, and who looks for them."""

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

__all__ = ("ENVIRONMENT", "FILES", "KEYRING", "STATIC", "artefacts", "dressed", "encodings", "found", "shreds")

# What a window of a secret has to have to be found: fewer characters stand in other texts by chance.
_WINDOW: Final = 11

# Each is for one reference. Their characters change in every usual encoding, and no two share a window.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "CANARY_TOKEN": 'pat_q8Zr/kV+2w"X&n<Lc>%7~hJsUeTbYgMo',
    "CANARY_KEY_ID": "AKLTzJ3vQm9WcR5tYb1NxHd6PfKgSu",
    "CANARY_SECRET": "Tm9kc/V4bGxh+R3JpZGQ&Yml0dGVy'bGVtb24==",
    "CANARY_SESSION": "STS2eyJMVEFj+Y2Vzc1\\0b2tlbi/Zm9yT25l=",
    "CANARY_API_KEY": "a1d7c0de-93f4-4b8e-b6a2-5f0e8c417d29",
}
FILES: Final[Mapping[str, str]] = {
    "token": "czu_Wd5uFxo+GpN/8ryaIEtB3iVjSkCzHlQe",
    "key_id": "AKTP0hGwLqEo7XiUa2CyDvMrBnZsTk",
    "secret": "cXVpZXQ/c3Rvcm0+bGFudGVybg%3D<glhc3M=",
    "session": "STSbW9vbmxpZ2h0/b24+d2F0ZXI-and_sand~",
    "api_key": "vk.Rj4Xe8Tc1Yo6Nb-Lw9Kd3Hs7Gq2Fz5Mv0Pa",
}
KEYRING: Final[Mapping[str, str]] = {
    "kept_token": "sat_Bk7/mXe+2Jq>9Rw&Ty<4Uc'Zs6Vp%Lf3H",
    "kept_api_key": "kr~Nw8/Dg5+Qx2=Jt7&Ym4>Cb9<Fs6%Ha3Pe",
}
STATIC: Final = (*ENVIRONMENT.values(), *FILES.values(), *KEYRING.values())


def dressed(text: str) -> dict[str, str]:
    """Give *text* as servers and gateways may quote it."""
    data = text.encode("utf-8", "surrogateescape")
    quoted = json.dumps(text)[1:-1]
    return {
        "plain": text,
        "percent": quote(data, safe=""),
        "percent-lower": _lower_escapes(quote(data, safe="/")),
        "json": quoted,
        "json-in-json": json.dumps(quoted)[1:-1],
        "json-slashes": quoted.replace("/", "\\/"),
        "json-of-go": quoted.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
        "html": html.escape(text),
        "html-numbers": html.escape(text).replace("/", "&#x2F;").replace("=", "&#x3D;").replace("+", "&#43;"),
        "base64": base64.b64encode(data).decode(),
        "base64-url": base64.urlsafe_b64encode(data).decode().rstrip("="),
        "base64-lines": base64.encodebytes(data).decode(),
        "repr": repr(data),
    }


def encodings(secret: str) -> Iterator[str]:
    """Yield *secret* whole in every form; in base64, what stands of it whatever comes before and after."""
    for name, text in dressed(secret).items():
        if not name.startswith("base64"):
            yield text
    data = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(bytes(before) + data).decode().rstrip("=")
            yield text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def shreds(secret: str) -> frozenset[str]:
    """Return every window of *secret* in every form: a part that comes out is a leak too."""
    return frozenset(
        text[start : start + _WINDOW]
        for text in encodings(secret)
        for start in range(max(1, len(text) - _WINDOW + 1))
        if len(text) >= _WINDOW
    )


def found(texts: Mapping[str, bytes], secrets: Iterable[str]) -> list[str]:
    """Say where a window of one of *secrets* stands in *texts*, in capitals or not."""
    wanted = {shred.lower(): secret for secret in secrets for shred in shreds(secret)}
    hits: list[str] = []
    for name, data in texts.items():
        text = data.decode("latin-1").lower()
        windows = {text[start : start + _WINDOW] for start in range(len(text) - _WINDOW + 1)}
        seen = {wanted[shred]: shred for shred in sorted(windows & wanted.keys())}
        for secret, shred in seen.items():
            at = text.index(shred)
            hits.append(f"{secret[:4]}… in {name}: {text[max(0, at - 60) : at + 60]!r}")
    return hits


def artefacts(folder: Path, *, without: Iterable[Path] = ()) -> dict[str, bytes]:
    """Read every file beneath *folder*, but those in *without*."""
    left_out = set(without)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in left_out
    }


def _lower_escapes(text: str) -> str:
    pieces = text.split("%")
    return pieces[0] + "".join(f"%{piece[:2].lower()}{piece[2:]}" for piece in pieces[1:])

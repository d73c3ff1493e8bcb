"""Who may call, and with which secrets."""

from dataclasses import dataclass, field

__all__ = ("AccessKey", "ApiKey", "Credentials", "OAuthApp", "RsaPublicKey", "Token")


@dataclass(frozen=True, slots=True)
class Token:
    """A Coze access token. *scopes* None means all of them; *expires_at_s* None means never."""

    name: str
    token: str = field(repr=False)
    scopes: frozenset[str] | None = None
    expires_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A Volcengine key pair, temporary when it has a session token.

    *operations* None means all of them.
    """

    name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    operations: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A Volcengine API key: a bearer token instead of signatures. *operations* None means all of them."""

    name: str
    api_key: str = field(repr=False)
    operations: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """Modulus and exponent of an RSA key."""

    modulus: int
    exponent: int


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """A Coze service application, which turns JWTs into access tokens with these *scopes*."""

    name: str
    client_id: str
    key_id: str
    public_key: RsaPublicKey
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everyone who may call."""

    tokens: tuple[Token, ...] = ()
    access_keys: tuple[AccessKey, ...] = ()
    api_keys: tuple[ApiKey, ...] = ()
    apps: tuple[OAuthApp, ...] = ()

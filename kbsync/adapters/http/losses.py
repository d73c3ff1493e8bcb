"""How a request was lost: aiohttp's errors, told without their texts, which hold headers and addresses."""

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionTimeoutError,
    InvalidURL,
    ServerFingerprintMismatch,
)

from kbsync.core.wire import Lost

__all__ = ("BrokenError", "HeldBackError", "lost", "named")


class BrokenError(ClientError):
    """Stands for a connection that broke while a request was on it: aiohttp repeats requests only for its own kinds."""


class HeldBackError(Exception):
    """Raised when there is a connection, and the request may not leave."""


def lost(error: Exception, *, sent: bool) -> Lost:
    """Say what *error* means, from its kind and number alone: its text may hold headers or the address."""
    detail = named(error)
    match error:
        case HeldBackError():
            return Lost("unsent", "it was held back", sent=False)
        case ClientConnectorCertificateError() | ClientConnectorSSLError() | ServerFingerprintMismatch():
            return Lost("tls", detail, sent, fatal=True)
        case ClientConnectorDNSError():
            return Lost("dns", detail, sent)
        case ClientConnectorError() | ConnectionTimeoutError():
            return Lost("connect", detail, sent)
        case InvalidURL():
            return Lost("malformed", detail, sent, fatal=True)
        case TimeoutError():
            return Lost("timeout", detail, sent)
        case ClientPayloadError():
            return Lost("truncated", detail, sent)
        case ClientResponseError():  # aiohttp's parser gives up with a made-up status of 400
            return Lost("malformed", detail, sent)
        case BrokenError() | ClientError() | OSError():
            return Lost("disconnected", detail, sent)
        case _:
            return Lost("malformed", detail, sent)


def named(error: Exception) -> str:
    """Return the name of *error*, with its number if it has one: all of it that holds nothing secret."""
    if isinstance(error, BrokenError):
        return str(error)
    number = error.errno if isinstance(error, OSError) else None
    return type(error).__name__ + (f" [Errno {number}]" if number is not None else "")

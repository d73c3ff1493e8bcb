"""Base URLs: the only addresses that credentials are ever sent to."""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

__all__ = ("Endpoint", "EndpointError", "parse_endpoint")

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)


class EndpointError(ValueError):
    """A base URL that must not be used; *rule* is the id of the rule it breaks."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Endpoint(NamedTuple):
    """Scheme, host (lower-case) and port of a target; its text is the origin, without a trailing slash."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port is not None else "")


def parse_endpoint(url: str, hosts: Sequence[str], *, any_host: bool = False) -> Endpoint:
    """Return the endpoint of *url*.

    Raises EndpointError unless it is plain `https://HOST[:PORT]`, with HOST one of *hosts* (a `*` between dots stands
    for any one name there) or, with *any_host*, any name. A loopback host may be http, and is always allowed. User
    info, paths, queries, fragments and other ways of writing an address are refused: what stands there is what is
    contacted.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise EndpointError("config", "write a base URL as https://HOST or https://HOST:PORT, in ASCII, and no more")

    scheme, host, port = match["scheme"], match["host"].lower(), match["port"]
    if port is not None and not 1 <= int(port) <= 65_535:
        raise EndpointError("config", "the port of a base URL is between 1 and 65535")
    if not _is_loopback(host):
        if scheme != "https":
            raise EndpointError("insecure-url", "credentials travel over https only; http is for a loopback host")
        if not any_host and not any(_is_one_of(known, host) for known in hosts):
            raise EndpointError(
                "foreign-endpoint", f"{host} is not one of the provider's hosts ({', '.join(hosts)}); is it meant?"
            )

    return Endpoint(scheme, host, int(port) if port is not None else None)


def _is_one_of(pattern: str, host: str) -> bool:
    wanted, names = pattern.split("."), host.split(".")
    return len(wanted) == len(names) and all(want in ("*", name) for want, name in zip(wanted, names, strict=True))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return IPv6Address(host[1:-1]).is_loopback if host.startswith("[") else IPv4Address(host).is_loopback
    except AddressValueError:
        return False

"""HTTP by aiohttp: one call of `send` puts at most one request on the wire, and always says what came of it.

aiohttp is kept from what it does unasked: sending PUT and DELETE again after a broken connection, following redirects,
reading and keeping cookies, reading proxies and credentials from the environment, decompressing without a bound. None
of its exceptions and log records leaves this package, because their texts hold headers and addresses.
"""

import logging

from kbsync.adapters.http.transport import HttpTransport

__all__ = ("HttpTransport",)

# Without a handler, what libraries log goes to stderr: texts of servers, and in asyncio's debug mode whatever is sent.
for _name in ("aiohttp", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

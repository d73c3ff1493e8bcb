"""A client of the emulator that sends what codecs encode, one request after the other, over real sockets."""

import http.client
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.listing import Listed, Listing
from kbsync.core.wire import Accepted, Codec, Page, ReadResult, Request, Response, Verdict
from kbsync.emulator import Behaviour, Emulator, World, served_in_thread
from kbsync.emulator.sample import SAMPLE_ACCESS_KEY_ID, SAMPLE_SECRET_ACCESS_KEY, SAMPLE_TOKEN
from kbsync.providers import PROVIDERS

_SETTINGS: dict[str, dict[str, str]] = {
    "coze": {"token": SAMPLE_TOKEN},
    "volcengine": {"access_key_id": SAMPLE_ACCESS_KEY_ID, "secret_access_key": SAMPLE_SECRET_ACCESS_KEY},
}


class Reader:
    """Reads and writes in the *emulator* with the provider's own codec."""

    def __init__(self, emulator: Emulator, port: int, provider: str) -> None:
        self.emulator = emulator
        self._host = f"127.0.0.1:{port}"
        self.provider = PROVIDERS[provider]
        secrets = _SETTINGS[provider]
        table = {"provider": provider, "base_url": f"http://{self._host}", **dict.fromkeys(secrets, "env:X")}
        self.settings = self.provider.settings.model_validate(table)
        self.codec: Codec = self.provider.codec(self.settings, secrets)
        self.requests = 0

    def send(self, request: Request) -> Response:
        self.requests += 1
        signed = self.codec.authorise(request, time.time())
        connection = http.client.HTTPConnection(self._host, timeout=10)
        try:
            connection.request(signed.method, signed.path, signed.body or None, dict(signed.headers))
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, headers, answer.read())
        finally:
            connection.close()

    def page(self, kind: str, container: str, cursor: str) -> Page | Verdict:
        return self.codec.decode_list(kind, cursor, self.send(self.codec.encode_list(kind, container, cursor)))

    def listed(
        self,
        kind: str,
        container: str,
        wanted: Collection[str] = (),
        between: Callable[[int], None] = lambda _: None,
    ) -> Listed | Verdict:
        """Read a whole list; *between* is called after each page with how many there were."""
        listing, pages = Listing(wanted), 0
        while (cursor := listing.cursor) is not None:
            page = self.page(kind, container, cursor)
            if not isinstance(page, Page):
                return page
            listing.add(page)
            pages += 1
            between(pages)
        assert listing.listed is not None
        return listing.listed

    def write(self, operation: str, item: Item, desired: Fields) -> None:
        live = None
        if self.codec.operations[operation].overlays:
            read = self.codec.decode_read(operation, [item], self.send(self.codec.encode_read(operation, [item])))
            assert isinstance(read, ReadResult)
            live = read.live[item]
        verdict = self.codec.decode(self.send(self.codec.encode(operation, item, desired, live)))
        assert isinstance(verdict, Accepted), verdict


@contextmanager
def reading(provider: str, world: World, **behaviour: object) -> Iterator[Reader]:
    """Serve *world* for as long as the context lasts."""
    with served_in_thread(Emulator(world, Behaviour(**behaviour))) as running:  # type: ignore[arg-type]
        yield Reader(running.emulator, running.port, provider)

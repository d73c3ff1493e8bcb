"""The emulator keeps up. The bounds are far below what it does, so that a busy machine passes."""

import time

import orjson

from kbsync.emulator import Emulator, sample_world
from kbsync.emulator.messages import Request
from kbsync.emulator.sample import SAMPLE_DATASET, sample_image_id
from tests.emulator.bench import COZE

HEADERS = {name.lower(): value for name, value in COZE.items()}
IMAGES = f"/v1/datasets/{SAMPLE_DATASET}/images"


def test_a_world_of_a_hundred_thousand_items_is_written_and_listed_quickly() -> None:
    emulator = Emulator(sample_world(images=100_000, documents=0, docs=0))
    body = orjson.dumps({"caption": "小猫"})

    start_s = time.process_time()
    for number in range(20_000):
        emulator.receive(Request("PUT", f"{IMAGES}/{sample_image_id(number)}", "", HEADERS, body))
    written_s = time.process_time() - start_s

    start_s = time.process_time()
    pages = [
        emulator.receive(Request("GET", IMAGES, f"page_num={page}&page_size=299", HEADERS, b""))
        for page in range(1, 336)
    ]
    listed_s = time.process_time() - start_s

    assert emulator.ledger.applied == {"coze.image.caption": 20_000}
    assert sum(page.count(b'"document_id"') for page in pages if isinstance(page, bytes)) == 100_000
    assert written_s < 5.0, f"{20_000 / written_s:.0f} writes a second"
    assert listed_s < 5.0, f"{335 / listed_s:.0f} pages a second"

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.items import Source
from kbsync.core.lint import Repeated, captions_of_many


@given(st.lists(st.lists(st.integers(0, 3), max_size=30), max_size=3))
def test_captions_of_ten_images_or_more_are_counted_over_all_lists(keys: list[list[int]]) -> None:
    counts = Counter(key for some in keys for key in some if key)

    assert captions_of_many(keys) == {key: images for key, images in counts.items() if images >= 10}


def test_a_repeated_caption_is_told_with_how_many_images_have_it() -> None:
    told = str(Repeated(Source("m.jsonl", 2, 1), 1_200, "a cat" * 100))

    assert told.startswith('1,200 images of the container have the caption "a cat')
    assert len(told) < 150

from kbsync.core.why import lines_of_entry

YAML = b"""\
images:
  - id: "1"
    caption: |
      one

      more

  # of the next one
  - id: "2"
    caption: two
documents:
- id: "3"
  name: three
""".split(b"\n")
JSON = b"""\
{"images": [
    {
      "id": "1",
      "caption": "one"
    },
    {"id": "2"}
]}""".split(b"\n")


def test_an_entry_is_its_first_line_and_what_is_indented_more() -> None:
    assert lines_of_entry(YAML, 2) == YAML[1:6]
    assert lines_of_entry(YAML, 9) == YAML[8:10]
    assert lines_of_entry(YAML, 12) == YAML[11:13]
    assert lines_of_entry(JSON, 2) == JSON[1:4]
    assert lines_of_entry(JSON, 6) == JSON[5:6]


def test_an_entry_in_one_line_is_that_line() -> None:
    assert lines_of_entry([b'{"id":"1"}', b'{"id":"2"}', b""], 2) == [b'{"id":"2"}']


def test_a_line_that_is_not_there_has_no_entry() -> None:
    assert lines_of_entry(YAML, 99) == []

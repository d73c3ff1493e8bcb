import pytest

pytest.register_assert_rewrite("tests.cli.refusals", "tests.cli.three_way")

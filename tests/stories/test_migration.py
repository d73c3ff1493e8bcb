from pathlib import Path

from tests.stories.figures import Figures
from tests.stories.migration import migrate


def test_a_migration_that_is_killed_in_the_middle_ends_with_both_accounts_equal(
    tmp_path: Path, figures: Figures
) -> None:
    figures(migrate(tmp_path, size=300, rate="300/s", kill_after=100))

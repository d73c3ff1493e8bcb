"""The journal of a state, read with nothing but sqlite3."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ("Journal", "mean_rate", "most_in_a_second")

_PER_CHANGE = 1000


class Journal:
    """Opened anew for each question, so that it never stands in the way of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def writes(self) -> Counter[tuple[str, str]]:
        """Count the attempts that went on the wire, by operation and id of the item."""
        return Counter(
            {
                (operation, id_): count
                for operation, id_, count in self._rows(
                    f"""
                    SELECT o.name, h.id, count(*) FROM attempts AS a JOIN changes AS h ON h.change = a.attempt /
                    {_PER_CHANGE} JOIN operations AS o USING (operation) WHERE a.sent_s IS NOT NULL GROUP BY 1, 2
                    """
                )
            }
        )

    def reads(self) -> int:
        """Count the reads that went on the wire."""
        return int(self._rows("SELECT count(*) FROM reads WHERE sent_s IS NOT NULL")[0][0])

    def open_intents(self) -> int:
        """Count the attempts of which nobody knows how they ended."""
        return int(self._rows("SELECT count(*) FROM intents")[0][0])

    def outcomes(self) -> Counter[str]:
        """Count the outcomes of all runs."""
        return Counter(dict(self._rows("SELECT outcome, count(*) FROM outcomes GROUP BY 1")))

    def send_times(self, target: str) -> list[float]:
        """Give when each request of *target* left, reads included, in order."""
        return [
            row[0]
            for row in self._rows(
                f"""
                SELECT a.sent_s FROM attempts AS a JOIN changes AS h ON h.change = a.attempt / {_PER_CHANGE}
                JOIN containers USING (container) JOIN targets AS t USING (target)
                WHERE t.name = :target AND a.sent_s IS NOT NULL
                UNION ALL SELECT r.sent_s FROM reads AS r JOIN targets AS t USING (target)
                WHERE t.name = :target AND r.sent_s IS NOT NULL ORDER BY 1
                """,
                target=target,
            )
        ]

    def verdicts(self, target: str) -> list[tuple[float, str]]:
        """Give when each write of *target* left and what its answer meant, in order."""
        return [
            (row[0], row[1])
            for row in self._rows(
                f"""
                SELECT a.sent_s, a.verdict FROM attempts AS a JOIN changes AS h ON h.change = a.attempt / {_PER_CHANGE}
                JOIN containers USING (container) JOIN targets AS t USING (target)
                WHERE t.name = :target AND a.sent_s IS NOT NULL ORDER BY 1
                """,
                target=target,
            )
        ]

    def is_sound(self) -> bool:
        """Have SQLite check every page and index, and every reference."""
        return self._rows("PRAGMA integrity_check") == [("ok",)] and not self._rows("PRAGMA foreign_key_check")

    def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        # At rest the database is one plain file; after a kill its WAL is still beside it, and is read too.
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()


def most_in_a_second(times_s: Sequence[float]) -> int:
    """Give the most of *times_s*, which are in order, that lie within any half-open second."""
    most, first = 0, 0
    for last, time_s in enumerate(times_s):
        while times_s[first] + 1.0 <= time_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def mean_rate(times_s: Sequence[float]) -> float:
    """Give how many a second there were between the first and the last."""
    return (len(times_s) - 1) / (times_s[-1] - times_s[0])

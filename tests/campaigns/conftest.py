import pytest

from tests.stories.figures import figures

__all__ = ("figures", "pytest_terminal_summary")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures of the campaigns that passed; those that failed show everything anyway."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")

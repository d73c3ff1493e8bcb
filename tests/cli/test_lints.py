"""Switching lints, and what they do to a command."""

import re
from collections.abc import Sequence

import pytest

from tests.cli.desk import CONFIG, DATASET, Desk

PLACEHOLDER = f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\nimages: [{{id: "5", caption: TODO}}]\n'


def switch(desk: Desk, table: str) -> None:
    desk.configure(f"{CONFIG}\n[lint]\n{table}\n")


@pytest.mark.parametrize("command", [("validate",), ("plan",), ("apply", "--yes")])
def test_a_warning_is_told_on_stderr_and_changes_no_exit_code(desk: Desk, command: Sequence[str]) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER.replace('"5"', "7446670805219090002"))

    told = desk.run(*command)

    warning = 'manifests/todo.yaml:4:45: warning: the caption "TODO" says nothing about the image [placeholder-caption]'
    assert warning in told.err.splitlines()
    assert "[placeholder-caption]" not in told.out
    assert told.code == 0


@pytest.mark.parametrize("command", [("validate",), ("plan",), ("apply", "--yes")])
def test_an_error_refuses_and_nothing_is_sent(desk: Desk, command: Sequence[str]) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER)

    told = desk.run(*command, "--error", "placeholder-caption")

    assert told.code == 65
    assert re.fullmatch(r"manifests/todo.yaml:4:29: the caption .* \[placeholder-caption\]\n", told.err)
    assert desk.requests == 0


def test_a_lint_that_is_off_says_nothing(desk: Desk) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER)

    told = desk.run("validate", "--off", "placeholder-caption")

    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("all right\n")


def test_the_configuration_switches_lints_and_the_command_line_stands_over_it(desk: Desk) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER)
    switch(desk, 'placeholder-caption = "error"')

    assert desk.run("plan").code == 65
    assert desk.run("plan", "--warn", "placeholder-caption").code == 0
    assert desk.run("plan", "--off", "placeholder-caption").err == ""


def test_warnings_are_counted_beside_the_result(desk: Desk) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER)

    assert desk.run("validate").out == "4 items in 3 files: no errors, 1 warning\n"


def test_findings_are_listed_with_their_severities_as_json(desk: Desk) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER)

    warned = desk.run("validate", "--format", "json")
    refused = desk.run("validate", "--format", "json", "--error", "placeholder-caption")

    for told, code, severity in ((warned, 0, "warning"), (refused, 65, "error")):
        assert told.code == code
        (problem,) = told.json()["problems"]
        assert (problem["rule"], problem["severity"]) == ("placeholder-caption", severity)


def test_a_provider_own_lint_is_switched_like_the_others(desk: Desk) -> None:
    desk.write("manifests/todo.yaml", PLACEHOLDER.replace("TODO", "x" * 2_001))

    assert desk.run("validate", "--error", "long-caption").code == 65


# ---------------------------------------------------------------------------------------------------------- shrinking
def shrink(desk: Desk) -> None:
    """Let a caption of 400 characters be known, and three of them be declared."""
    text = PLACEHOLDER.replace('"5"', '"7446670805219090001"')
    desk.write("manifests/pets.yaml", text.replace("TODO", "x" * 400))
    assert desk.run("apply", "--yes").code == 0
    desk.write("manifests/pets.yaml", text.replace("TODO", "abc"))


def test_a_caption_that_shrinks_is_told_by_plan_where_the_item_stands(desk: Desk) -> None:
    shrink(desk)

    told = desk.run("plan")

    said = 'manifests/pets.yaml:4:10: warning: the caption shrinks from 400 to 3 characters, "abc" [shrinking-caption]'
    assert (told.code, told.err) == (0, said + "\n")
    assert desk.run("validate").err == ""


def test_a_caption_that_shrinks_can_refuse_an_apply(desk: Desk) -> None:
    shrink(desk)
    before = desk.requests

    told = desk.run("apply", "--yes", "--error", "shrinking-caption")

    assert (told.code, desk.requests) == (65, before)
    assert len(desk.caption()) == 400


# ------------------------------------------------------------------------------------------------------------ mistakes
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--warn", "placeholder-captoin"), "--warn 'placeholder-captoin': that is not the id of a lint; did you mean"),
        (("--error", "bad-id"), "--error 'bad-id': that rule is no lint, and stays an error"),
        (("--off", "update-interval"), "--off 'update-interval': that rule is no lint, and stays an error; `--allow`"),
        (("--off", "blank-text", "--warn", "blank-text"), "'blank-text' is switched twice: to warning and to off"),
        (("--allow", "blank-text"), "--allow 'blank-text': it is a lint; --off switches it off"),
    ],
)
@pytest.mark.parametrize("command", [("validate",), ("plan",), ("apply", "--yes", "--reason", "x")])
def test_what_cannot_be_switched_is_a_usage_error(
    desk: Desk, command: Sequence[str], words: Sequence[str], said: str
) -> None:
    told = desk.run(*command, *words)

    assert told.code == 64
    assert said in told.err


def test_an_unknown_lint_in_the_configuration_is_told_with_its_place(desk: Desk) -> None:
    switch(desk, 'duplicate-captions = "error"')

    told = desk.run("validate")

    assert told.code == 65
    assert re.search(r"^kbsync\.toml:\d+:1: .*did you mean duplicate-caption\? \[config\]$", told.err, re.MULTILINE)


def test_a_saved_plan_is_not_linted_again(desk: Desk) -> None:
    assert desk.run("plan", "--out", "plan.json").code == 0

    told = desk.run("apply", "--yes", "--plan", "plan.json", "--off", "blank-text")

    assert told.code == 64
    assert desk.requests == 0


def test_rebuilding_the_state_is_not_stopped_by_a_lint(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", PLACEHOLDER.replace('"5"', '"7446670805219090001"'))
    switch(desk, 'placeholder-caption = "error"')

    assert desk.run("validate").code == 65
    assert desk.run("state", "rebuild", "--yes").code == 0


def test_a_written_configuration_shows_the_table(desk: Desk) -> None:
    assert desk.run("init", "new").code == 0

    assert "\n[lint] " in (desk.folder / "new" / "kbsync.toml").read_text()
    assert desk.run("validate", "--config", "new/kbsync.toml").code == 0

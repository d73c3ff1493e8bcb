"""What a configuration may say, as values; where a mistake stands is the matter of the adapter that reads it."""

from typing import Any

import pytest
from pydantic import ValidationError

from kbsync.core.settings import (
    ApplySettings,
    GuardSettings,
    ManifestSettings,
    RatePerSecond,
    RetrySettings,
    SecretReference,
    Settings,
    StateSettings,
    TargetSettings,
    parse_duration,
)

PLAIN: dict[str, Any] = {"provider": "p", "base_url": "https://localhost", "rate": "5/s"}
A_SECRET = "a secret does not stand in the configuration: write env:NAME, file:PATH or keyring:SERVICE/USER"


class Keyed(TargetSettings):
    token: SecretReference
    secret_key: SecretReference | None = None
    limit: RatePerSecond | None = None


def target(**more: Any) -> TargetSettings:
    return TargetSettings(**{**PLAIN, **more})


def keyed(**more: Any) -> Keyed:
    return Keyed(**{**PLAIN, "token": "env:TOKEN", **more})


def said(refused: pytest.ExceptionInfo[ValidationError]) -> list[tuple[str, str]]:
    return [(error["type"], error["msg"]) for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("written", "per_s"),
    [
        ("5/s", 5),
        ("300/min", 5),
        ("900/h", 0.25),
        ("0.5/s", 0.5),
        ("0.000001/s", 0.000001),
        ("123456789.123456/min", 123456789.123456 / 60),
    ],
)
def test_a_rate_is_a_number_of_requests_in_a_second_a_minute_or_an_hour(written: str, per_s: float) -> None:
    assert target(rate=written).rate == per_s
    assert keyed(limit=written).limit == per_s
    assert target(rates={"coze.image.caption": written}).rates == {"coze.image.caption": per_s}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "5",
        "5/",
        "/s",
        "5/d",
        "5 /s",
        "5/s ",
        "x5/s",
        "-5/s",
        "+5/s",
        ".5/s",
        "5./s",
        "5e3/s",
        "５/s",
        "0/s",
        "0.0/h",
        "1234567890/s",
        "0.1234567/s",
        "5/S",
        "5/s\n",
        5,
        5.0,
        None,
        True,
        ["5/s"],
    ],
)
def test_nothing_else_is_a_rate(written: object) -> None:
    with pytest.raises(ValidationError) as refused:
        target(rate=written)

    assert said(refused) == [("config", 'write a rate as "5/s", "300/min" or "1000/h"')]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), ("1.5min", 90), ("2h", 7200), ("0", 0), ("0.125s", 0.125), ("999999999s", 999999999)],
)
def test_a_duration_is_a_number_of_seconds_minutes_or_hours(written: str, seconds: float) -> None:
    assert parse_duration(written) == seconds
    assert ApplySettings(max_duration=written).max_duration == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written",
    ["", "s", "90 s", "90d", "-1s", "1e3s", ".5s", "1.s", "0.1234s", "1234567890s", "90S", "x90s", "90s\n", "９s"],
)
def test_nothing_else_is_a_duration(written: str) -> None:
    assert parse_duration(written) is None
    with pytest.raises(ValidationError) as refused:
        ApplySettings(max_duration=written)  # type: ignore[arg-type]

    assert said(refused) == [("config", 'write a duration as "90s", "10min" or "2h"')]


def test_a_number_without_a_unit_is_no_duration() -> None:
    with pytest.raises(ValidationError):
        ApplySettings(max_duration=90)


@pytest.mark.parametrize(
    "written",
    [
        "env:T",
        "env:_token_2",
        "env:pat_",
        "env:pat_short",
        "env:MY_pat_" + "a" * 32,
        "file:/run/secrets/token",
        "file:t",
        "keyring:kbsync/me",
        "keyring:kbsync/a/b",
    ],
)
def test_a_secret_is_named_by_where_it_is(written: str) -> None:
    assert keyed(token=written, secret_key=written).secret_key == written


@pytest.mark.parametrize(
    "written",
    ["", "T", "env:", "env:2T", "env:A-B", "env:A B", "env:A\n", "file:", "file:a\0b", "keyring:kbsync", "keyring:/me"]
    + ["keyring:kbsync/", "vault:x", "ENV:T", "xenv:T", 7, None, b"env:T", "pat_" + "a" * 64]
    + [
        f"env:{prefix}{'a1_Z' * 4}{rest}"
        for prefix in ("pat_", "sat_", "czu_", "AKLT", "AKTP")
        for rest in ("", "b" * 40)
    ],
)
def test_a_secret_itself_or_what_looks_like_one_is_refused(written: object) -> None:
    with pytest.raises(ValidationError) as refused:
        keyed(token=written)

    assert said(refused) == [("inline-secret", A_SECRET)]


def test_the_settings_that_are_secret_references_are_known_optional_ones_too() -> None:
    assert Keyed.secret_keys() == {"token", "secret_key"}
    assert TargetSettings.secret_keys() == set()


def test_headroom_is_taken_off_the_rate() -> None:
    assert target(rate="300/min").rate_per_s == 5
    assert target(rate="300/min", headroom_percent=20.0).rate_per_s == 4
    assert target(rate="10/s", headroom_percent=95.0).rate_per_s == 0.5


@pytest.mark.parametrize(
    ("table", "written"),
    [
        (GuardSettings, {"max_change": 3}),
        (RetrySettings, {"attempts": "5"}),
        (RetrySettings, {"attempts": True}),
        (RetrySettings, {"attempts": 5.0}),
        (RetrySettings, {"max_delay_s": float("inf")}),
        (GuardSettings, {"max_change_percent": float("nan")}),
        (ApplySettings, {"on_error": "ignore"}),
        (ManifestSettings, {"paths": "manifests"}),
        (StateSettings, {"url": "sqlite:"}),
        (StateSettings, {"url": "file:state.db"}),
        (StateSettings, {"url": "sqlite:a\0b"}),
    ],
)
def test_a_table_takes_no_unknown_key_and_guesses_no_value(table: type[Settings], written: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        table(**written)

    assert len(said(refused)) == 1


def test_a_table_is_never_changed() -> None:
    with pytest.raises(ValidationError):
        GuardSettings().max_changes = 3


def test_a_refusal_does_not_echo_what_was_written() -> None:
    with pytest.raises(ValidationError) as refused:
        RetrySettings(attempts="canary")  # type: ignore[arg-type]

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "bounds"),
    [
        (TargetSettings, {"headroom_percent": (0, 95), "burst": (1, 10_000), "concurrency": (1, 1_000)}),
        (GuardSettings, {"max_change_percent": (0, 100), "max_empty_percent": (0, 100)}),
        (RetrySettings, {"attempts": (1, 100), "throttled_attempts": (1, 800), "quota": (1, 100_000)}),
        (RetrySettings, {"quarantine_s": (0, 3600)}),
    ],
)
def test_a_bound_may_be_written_and_nothing_beyond_it(
    table: type[Settings], bounds: dict[str, tuple[int, int]]
) -> None:
    base = PLAIN if table is TargetSettings else {}
    for name, (least, most) in bounds.items():
        assert getattr(table(**base, **{name: least}), name) == least
        assert getattr(table(**base, **{name: most}), name) == most
        for beyond in (least - 1, most + 1):
            with pytest.raises(ValidationError):
                table(**base, **{name: beyond})


@pytest.mark.parametrize(
    ("table", "most"),
    [
        (TargetSettings, {"connect_timeout_s": 600, "read_timeout_s": 600, "total_timeout_s": 3600}),
        (RetrySettings, {"base_delay_s": 60, "throttle_delay_s": 60, "max_delay_s": 300, "deadline_s": 3600}),
    ],
)
def test_a_time_that_is_waited_for_is_not_nothing_and_has_an_end(table: type[Settings], most: dict[str, float]) -> None:
    base = PLAIN if table is TargetSettings else {}
    for name, longest in most.items():
        assert getattr(table(**base, **{name: longest}), name) == longest
        for beyond in (0, longest + 0.001):
            with pytest.raises(ValidationError):
                table(**base, **{name: beyond})


def test_where_nothing_is_written_a_target_sends_one_request_at_a_time_from_four_workers_without_headroom() -> None:
    assert target().model_dump(exclude={*PLAIN}) == {
        "rates": {},
        "headroom_percent": 0,
        "burst": 1,
        "drift": "revert",
        "conflict": "fail",
        "policies": {},
        "concurrency": 4,
        "connect_timeout_s": 5,
        "read_timeout_s": 30,
        "total_timeout_s": 45,
    }


def test_where_nothing_is_written_the_guards_are_on_and_the_attempts_are_bounded() -> None:
    assert GuardSettings().model_dump() == {
        "max_change_percent": 30,
        "max_empty_percent": 10,
        "min_known_items": 10,
        "max_changes": None,
    }
    assert RetrySettings().model_dump() == {
        "attempts": 5,
        "throttled_attempts": 20,
        "base_delay_s": 0.25,
        "throttle_delay_s": 1,
        "max_delay_s": 30,
        "deadline_s": 180,
        "quota": 35,
        "quarantine_s": 60,
    }


def test_where_nothing_is_written_a_run_goes_on_after_errors_and_gives_a_dead_target_up_after_ten_minutes() -> None:
    assert ApplySettings().model_dump() == {
        "on_error": "continue",
        "max_errors": None,
        "max_error_rate": None,
        "max_duration": None,
        "max_outage": 600,
        "verify": "none",
        "verify_wait": 60,
    }
    assert ManifestSettings().paths == ("manifests",)
    assert StateSettings().url == "sqlite:.kbsync/state.db"

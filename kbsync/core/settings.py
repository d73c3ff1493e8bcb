"""The configuration as values: what `kbsync.toml` may say, apart from what belongs to one provider.

Nothing here reads a file or resolves a secret.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from kbsync.core.policies import ConflictPolicy, DriftPolicy, Policies, Policy
from kbsync.core.rules import Level
from kbsync.core.verification import VerifyMode

__all__ = (
    "ApplySettings",
    "DurationSeconds",
    "FieldPolicy",
    "GuardSettings",
    "LintSettings",
    "ManifestSettings",
    "RatePerSecond",
    "RetrySettings",
    "SecretReference",
    "Settings",
    "StateSettings",
    "TargetSettings",
    "parse_duration",
)

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|min|h)?", re.ASCII)
_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)/(s|min|h)", re.ASCII)
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600}
_PASTED: Final = re.compile(r"env:(?:pat_|sat_|czu_|AKLT|AKTP)[A-Za-z0-9_]{16}")
_REFERENCE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0]+|keyring:[^/]+/.+")


def _rate(value: object) -> float:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not float(match[1]):
        raise PydanticCustomError("config", 'write a rate as "5/s", "300/min" or "1000/h"')
    return float(match[1]) / _SECONDS[match[2]]


def parse_duration(text: str) -> float | None:
    """Return the seconds in "90", "90s", "1.5min" or "2h"; None for anything else."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _SECONDS[match[2] or "s"] if match is not None else None


def _duration(value: object) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else None
    if seconds is None:
        raise PydanticCustomError("config", 'write a duration as "90s", "10min" or "2h"')
    return seconds


def _reference(value: object) -> str:
    # A pasted token makes a fine name of a variable, and would be shown as one.
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value) or _PASTED.match(value):
        raise PydanticCustomError(
            "inline-secret",
            "a secret does not stand in the configuration: write env:NAME, file:PATH or keyring:SERVICE/USER",
        )
    return value


def _level(word: str) -> str:
    return "warning" if word == "warn" else word


def _is_reference(annotation: object, metadata: list[Any]) -> bool:
    validators = (*metadata, *(mark for arm in get_args(annotation) for mark in getattr(arm, "__metadata__", ())))
    return any(isinstance(mark, BeforeValidator) and mark.func is _reference for mark in validators)


DurationSeconds: TypeAlias = Annotated[float, BeforeValidator(_duration)]
RatePerSecond: TypeAlias = Annotated[float, BeforeValidator(_rate)]
SecretReference: TypeAlias = Annotated[str, BeforeValidator(_reference)]


class Settings(BaseModel):
    """Base of every table: unknown keys are errors, values are frozen, and errors never echo what was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class FieldPolicy(Settings):
    """What becomes of a field that somebody else changed, where that is not what the target says."""

    drift: DriftPolicy | None = None
    conflict: ConflictPolicy | None = None


class TargetSettings(Settings):
    """What every target has. Subclassed by each provider, with its credentials as secret references.

    *rate* is of the credential: all endpoints, retries and reads together, in every one-second window. So much of it as
    *headroom_percent* says is left to others who use the credential. *rates* has lower ones for single write requests,
    by operation. *burst* lets that many go at once. Timeouts are seconds for one attempt.

    *drift* and *conflict* say what becomes of values that somebody else changed, *policies* says it of single fields.
    """

    provider: str
    base_url: str
    rate: RatePerSecond
    rates: Mapping[str, RatePerSecond] = {}
    headroom_percent: Annotated[float, Field(ge=0, le=95, allow_inf_nan=False)] = 0
    burst: Annotated[int, Field(ge=1, le=10_000)] = 1
    drift: DriftPolicy = "revert"
    conflict: ConflictPolicy = "fail"
    policies: Mapping[str, FieldPolicy] = {}
    concurrency: Annotated[int, Field(ge=1, le=1_000)] = 4
    connect_timeout_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 5
    read_timeout_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 30
    total_timeout_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 45

    @property
    def rate_per_s(self) -> float:
        """How fast kbsync sends, at most: the rate without its headroom."""
        return self.rate * (100 - self.headroom_percent) / 100

    def policies_with(self, policy: Policy) -> Policies:
        """Return what becomes of values that somebody else changed. What *policy* says stands over everything else."""
        by_field = {
            name: Policy(policy.drift or said.drift, policy.conflict or said.conflict)
            for name, said in self.policies.items()
        }
        return Policies(policy.drift or self.drift, policy.conflict or self.conflict, by_field)

    @classmethod
    def secret_keys(cls) -> frozenset[str]:
        """Return the names of the settings that are secret references."""
        return frozenset(
            name for name, info in cls.model_fields.items() if _is_reference(info.annotation, info.metadata)
        )


class ManifestSettings(Settings):
    """`[manifests]`: *paths* are files, folders and globs, relative to the configuration's folder."""

    paths: Annotated[tuple[str, ...], Field(strict=False)] = ("manifests",)


class StateSettings(Settings):
    """`[state]`: *url* is `sqlite:PATH`, relative to the configuration's folder.

    *keep_runs* is of how many runs that had changes all is kept; of older ones a line is.
    """

    url: Annotated[str, Field(pattern=r"^sqlite:[^\x00]+$")] = "sqlite:.kbsync/state.db"
    keep_runs: Annotated[int, Field(ge=1, le=1_000_000)] = 100


class GuardSettings(Settings):
    """`[guards]`: percentages of known items; a container counts from *min_known_items* on."""

    max_change_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 30
    max_empty_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 10
    min_known_items: Annotated[int, Field(ge=1)] = 10
    max_changes: Annotated[int, Field(ge=0)] | None = None


class LintSettings(Settings):
    """`[lint]`: the severities of lints by their ids, where they shall have others than their own."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[  # pyright: ignore[reportIncompatibleVariableOverride]  # as pydantic wants it
        str, Annotated[Literal["off", "warn", "error"], AfterValidator(_level)]
    ]

    @property
    def levels(self) -> Mapping[str, Level]:
        """The severity of each lint that is named."""
        return cast("Mapping[str, Level]", self.__pydantic_extra__)


class RetrySettings(Settings):
    """`[retry]`: bounds of one item's attempts. Delays are full jitter below base * 2**n, up to the cap (seconds).

    *deadline_s* counts an item's own time; pauses that the whole target takes do not count. *quota* is how many more
    failures than clear answers a credential may see before everything but probes stops. *quarantine_s* is how long an
    attempt without an answer may still be applied: so long no other value is sent for the same fields.
    """

    attempts: Annotated[int, Field(ge=1, le=100)] = 5
    throttled_attempts: Annotated[int, Field(ge=1, le=800)] = 20
    base_delay_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 0.25
    throttle_delay_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 1
    max_delay_s: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)] = 30
    deadline_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 180
    quota: Annotated[int, Field(ge=1, le=100_000)] = 35
    quarantine_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 60


class ApplySettings(Settings):
    """`[apply]`: defaults of the command line. *max_error_rate* is a percentage of settled changes, from 20 on.

    A run ends after *max_duration*, and gives a target up that has been down for *max_outage*. It reads back what it
    updated as *verify* says, and gives a provider *verify_wait* to show it.
    """

    on_error: Literal["continue", "drain", "abort"] = "continue"
    max_errors: Annotated[int, Field(ge=1)] | None = None
    max_error_rate: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    max_duration: DurationSeconds | None = None
    max_outage: DurationSeconds = 600.0
    verify: VerifyMode = "none"
    verify_wait: DurationSeconds = 60.0

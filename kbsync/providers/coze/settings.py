"""What `kbsync.toml` may say of a Coze target."""

from typing import Final, Literal

from kbsync.core.settings import RatePerSecond, SecretReference, TargetSettings

__all__ = ("HOSTS", "OTHER_REGION", "CozeSettings")

HOSTS: Final = ("api.coze.cn", "api.coze.com")
OTHER_REGION: Final = {"api.coze.cn": "api.coze.com", "api.coze.com": "api.coze.cn"}


class CozeSettings(TargetSettings):
    """A `[targets.NAME]` table with `provider = "coze"`. *token* is a personal or service access token."""

    provider: Literal["coze"]  # pyright: ignore[reportIncompatibleVariableOverride]  # settings are frozen
    token: SecretReference
    # Coze publishes no limit for its knowledge endpoints; the lowest that it publishes for others is this.
    rate: RatePerSecond = 5

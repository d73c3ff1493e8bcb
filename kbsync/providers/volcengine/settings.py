"""What `kbsync.toml` may say of a Volcengine target."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kbsync.core.settings import RatePerSecond, SecretReference, TargetSettings

__all__ = ("HOSTS", "VolcengineSettings")

# Not whatever stands beneath these domains: the names of storage buckets do, and those are anybody's.
HOSTS: Final = ("api-knowledgebase.mlp.*.volces.com", "api-knowledgebase.mlp.*.bytepluses.com")


class VolcengineSettings(TargetSettings):
    """A `[targets.NAME]` table with `provider = "volcengine"`.

    Requests are signed with *access_key_id* and *secret_access_key*, and *session_token* for temporary ones, or carry
    *api_key*. *meta_write* says what a meta update sends: the whole live list with the declared fields laid over it,
    or the declared fields alone, which loses the others if the service should replace the list. With
    *strict_field_names*, meta field names have to be ASCII identifiers.
    """

    provider: Literal["volcengine"]  # pyright: ignore[reportIncompatibleVariableOverride]  # settings are frozen
    region: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "cn-beijing"
    access_key_id: SecretReference | None = None
    secret_access_key: SecretReference | None = None
    session_token: SecretReference | None = None
    api_key: SecretReference | None = None
    meta_write: Literal["overlay", "declared"] = "overlay"
    strict_field_names: bool = False
    # The service publishes no limit for its updates; a sister service allows its updates this.
    rate: RatePerSecond = 10

    @model_validator(mode="after")
    def _one_way_to_authenticate(self) -> Self:
        keys = (self.access_key_id, self.secret_access_key)
        if self.api_key is not None and any((*keys, self.session_token)):
            raise PydanticCustomError("config", "give api_key, or access_key_id and secret_access_key, not both")
        if self.api_key is None and not all(keys):
            raise PydanticCustomError("config", "give access_key_id and secret_access_key, or api_key")
        return self

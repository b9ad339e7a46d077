"""Settings: the environment (``HUB_…``, nested with ``__``) over ``hub.toml`` over defaults. Unknown keys are
errors. Channel sections (``HUB_ZALO__…``) are declared by the connectors and joined in by the wiring."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import Field, SecretStr, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hub.errors import SettingsError
from hub.ports import ChannelSettings

PREFIX = "HUB_"
FILE = "hub.toml"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", toml_file=FILE, extra="forbid", frozen=True
    )

    data: Path = Field(Path("var"), description="where the store, the spool and the secret key live")
    store_url: str = Field("", description="sqlite:///path or mongodb://…; empty: hub.db in the data folder")
    host: str = "127.0.0.1"
    port: int = Field(8022, ge=0, le=65535)
    public_url: str = Field("", description="how citizens reach the hub; empty: http://127.0.0.1:<port>")
    secret_key: SecretStr = Field(
        SecretStr(""), description="signs sessions; empty: made once, in the data folder"
    )
    rasa_url: str = Field("", description="a Rasa that runs elsewhere; empty: the hub starts its own")
    rasa_secret: SecretStr = Field(SecretStr(""), description="shared with a Rasa that runs elsewhere")
    actions_port: int = Field(
        0, ge=0, le=65535, description="loopback port for Rasa's actions; 0: any free one"
    )
    chat_origins: tuple[str, ...] = Field((), description="other sites that may embed the live chat")
    reply_pause_ms: int = Field(
        600, ge=0, description="quiet time after which quick messages are one question"
    )
    bot_budget_s: float = Field(5.0, gt=0, description="a bot slower than this is silent")
    media_private_hosts: tuple[str, ...] = Field(
        (), description="hosts on private addresses from which attachments may be fetched (normally none)"
    )
    webhook_private_hosts: tuple[str, ...] = Field(
        (), description="hosts on private addresses that webhooks may be sent to (normally none)"
    )
    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def channel(self, name: str) -> ChannelSettings | None:
        """The section of a channel, or None when the channel is off."""
        return cast("ChannelSettings | None", getattr(self, name, None))

    @property
    def base_url(self) -> str:
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"


def load_settings(channels: Mapping[str, type[ChannelSettings]] = {}, **overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: names every key that is missing, unknown or wrong (never its value).
    """
    sections: dict[str, Any] = {name: (section | None, None) for name, section in channels.items()}
    model = create_model("HubSettings", __base__=Settings, **sections)
    unknown = [
        key
        for key in os.environ
        if key.startswith(PREFIX) and key[len(PREFIX) :].split("__")[0].lower() not in model.model_fields
    ]
    if unknown:
        raise SettingsError(
            f"unknown settings in the environment: {', '.join(sorted(unknown))}; see docs/settings.md"
        )
    try:
        return cast("Settings", model(**overrides))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise SettingsError(f"settings (environment {PREFIX}… or {FILE}): {problems}") from None
    except ValueError as error:  # a hub.toml that is no TOML
        raise SettingsError(f"{FILE}: {error}") from None


def with_secret_key(settings: Settings) -> Settings:
    """The settings with a secret key: the given one, or one made once and kept (mode 0600) in the data folder,
    so that sessions and chat tokens outlive a restart."""
    if settings.secret_key.get_secret_value():
        return settings
    path = settings.data / "secret.key"
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass
        return settings.model_copy(update={"secret_key": SecretStr(path.read_text().strip())})
    except OSError as error:
        raise SettingsError(
            f"cannot keep the secret key in {path}: {error.strerror}; set HUB_SECRET_KEY"
        ) from None

"""Settings of the Zalo OA channel (``HUB_ZALO__…``). What is not confirmed on a live account is a setting here."""

from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from hub.model import EventKind
from hub.ports import ChannelSettings

CHANNEL = "zalo"

Id = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+", strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]*$")]
Secret = Annotated[SecretStr, Field(min_length=1)]


class ZaloSettings(ChannelSettings):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    app_id: Id
    app_secret: Secret = Field(description="of the app: signs OAuth calls, never webhooks")
    oa_id: Id
    oa_secret_key: Secret = Field(description="of the Webhook page: signs deliveries")
    access_token: SecretStr = Field(SecretStr(""), description="the first one; later ones are kept sealed")
    refresh_token: SecretStr = Field(SecretStr(""), description="the first one; empty: use `hub zalo login`")
    api_base: Address = "https://openapi.zalo.me"
    oauth_base: Address = "https://oauth.zaloapp.com"
    verifier_code: Code = Field("", description="served as /zalo_verifier<code>.html")
    site_verification: Code = Field("", description="content of the domain verification meta tag")

    timeout_s: float = Field(10.0, gt=0, le=25, description="per call; a send may take two")
    appsecret_proof: bool = Field(True, description="prove with every call that we know the app secret")
    buttons: bool = Field(True, description="send choices as buttons; off: as a numbered list")
    contact_image_url: str = Field("", description="picture of the request for contact details, if needed")
    image_max_bytes: int = Field(2**20, gt=0)
    file_max_bytes: int = Field(5 * 2**20, gt=0)
    refresh_token_days: int = Field(90, gt=0, description="how long a refresh token lives")
    refresh_before_s: int = Field(
        7200, gt=0, description="an access token is renewed this long before its end"
    )
    consent_warning_days: int = Field(14, ge=0, description="warn this long before a refresh token's end")
    interactions: frozenset[EventKind] = Field(
        frozenset({"referral"}), description="kinds of events, besides messages, that keep the 7 days open"
    )

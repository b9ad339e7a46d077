"""Settings of the Facebook Page channel (``HUB_FACEBOOK__…``). What is not confirmed on a live account is a setting here."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from hub.model import EventKind
from hub.ports import ChannelSettings

CHANNEL = "facebook"

Id = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+", strip_whitespace=True)]
Version = Annotated[str, StringConstraints(pattern=r"^v[0-9]+\.[0-9]+$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
Secret = Annotated[SecretStr, Field(min_length=1)]

#: What the Page must deliver; without these somebody is not heard, or the books do not know what arrived.
FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_reactions",
    "message_edits",
    "messaging_referrals",
    "messaging_handovers",
    "standby",
    "feed",
)


class FacebookSettings(ChannelSettings):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    page_id: Id
    app_id: Id
    app_secret: Secret = Field(description="signs deliveries, and proves our calls")
    verify_token: Secret = Field(description="a word of our own: Meta repeats it when the webhook is set up")
    page_token: Secret = Field(description="access token of the Page")
    api_base: Address = "https://graph.facebook.com"
    api_version: Version = "v26.0"

    timeout_s: float = Field(10.0, gt=0, le=25, description="per call")
    appsecret_proof: bool = Field(True, description="prove with every call that we know the app secret")
    human_agent: bool = Field(
        True, description="what a person wrote may be sent up to 7 days after the citizen's last word"
    )
    buttons: Literal["quick_replies", "template", "list"] = Field(
        "quick_replies", description="how choices are shown; what does not fit falls to the next of the three"
    )
    file_max_bytes: int = Field(25 * 2**20, gt=0)
    subscribed_fields: tuple[FieldName, ...] = Field(FIELDS, description="what the Page delivers to us")
    watch_every_s: float = Field(900.0, gt=0, description="how often the subscription is looked at")
    interactions: frozenset[EventKind] = Field(
        frozenset({"referral", "reaction"}),
        description="kinds of events, besides messages, that keep the 24 hours open",
    )

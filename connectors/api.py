"""Reports of other systems, taken in by the API and Open311. A delivery is what ``hub.web.api`` made of the request:

    {"report": an id of its own, "text", "at": epoch ms, "asked": a digest of the request, "wish": as of the form}

Each report is a conversation. What is said in it reaches the citizen through the system that asked: it reads the answer
from the API, so for the hub it is delivered once it is stored.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.form import Wish
from connectors.house import HouseConnector
from hub.errors import AlienPayload
from hub.model import Attachment, Conversation, Event
from hub.ports import Capabilities, Reach

CHANNEL: Final = "api"
ACCOUNT: Final = "1022"
MAX_TEXT: Final = 4000
NOTICE: Final = "Phiếu do hệ thống khác gửi: hệ thống đó tự lấy câu trả lời để báo cho người dân."


class Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    report: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{8,64}$")]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    at: Annotated[int, Field(ge=0, lt=2**53)]
    asked: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    wish: Wish


class ApiConnector(HouseConnector):
    name = CHANNEL
    capabilities = Capabilities(max_text=MAX_TEXT, resend_safe=True, courtesies=False)
    door = "reports of other systems come in at /api/v1/tickets and /open311/v2/requests"

    def parse(self, body: bytes) -> list[Event]:
        try:
            report = Report.model_validate_json(body)
        except ValidationError as error:
            raise AlienPayload(f"not a report of the API: {error.error_count()} problems") from None
        wish = report.wish
        located = wish.lat is not None and wish.lon is not None
        place = (Attachment(type="location", name=wish.place, lat=wish.lat, lon=wish.lon),)
        event = Event(
            channel=CHANNEL,
            kind="message",
            external_id=report.report,
            account=ACCOUNT,
            sender=report.report,
            text=report.text,
            attachments=place if located else (),
            sent_at=report.at,
            conversation=report.report,
            data={"wish": wish.model_dump(exclude_none=True), "asked": report.asked},
        )
        return [event]

    def reach(self, conversation: Conversation, now: int) -> Reach:
        return Reach(notice=NOTICE)

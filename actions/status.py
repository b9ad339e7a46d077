"""The state of a citizen's own ticket. Codes can be guessed, so a code alone tells nothing: the ticket must come
from this conversation, or its look-up key must be in the message."""

import hmac
import re

from actions.ports import Tickets
from actions.turn import TO_A_PERSON, Dispatcher, Heard, SlotEvents, say, set_slots
from bot.decision import Decision
from handoff.tickets import KEY_LENGTH, KEY_LETTERS, STATE_WORDS
from hub.clock import local
from hub.model import Ticket

_KEY = re.compile(rf"(?<![\w-])[{KEY_LETTERS}]{{{KEY_LENGTH}}}(?![\w-])", re.IGNORECASE)

ASK_CODE = "Dạ, anh/chị cho em xin mã phiếu (dạng 1022-2026-000123) kèm mã tra cứu 6 ký tự đã được cấp để em kiểm tra ạ."
#: The same whether there is no such ticket or it is somebody else's.
NOT_SHOWN = (
    "Dạ, em chưa tìm thấy phiếu {code} khớp với thông tin anh/chị cung cấp. Anh/chị vui lòng gửi mã phiếu kèm "
    "mã tra cứu 6 ký tự đã được cấp giúp em ạ."
)
STATE = "Dạ, phiếu {code} (gửi ngày {day}): {state}."
DOSSIER = (
    "Dạ, em chưa tra cứu trực tiếp được hồ sơ {code}. Anh/chị có thể xem trên Cổng Dịch vụ công quốc gia "
    "(dichvucong.gov.vn) hoặc hỏi nơi đã nộp theo giấy hẹn. Nếu cần, em chuyển anh/chị gặp tổng đài viên ạ."
)


def keys_in(text: str) -> list[str]:
    """Whatever stands alone in a message and may be a look-up key."""
    return [found.upper() for found in _KEY.findall(text)]


class StatusDesk:
    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    async def reply(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        code = said.entities.get("ticket_code")
        dossier = said.entities.get("dossier_code")
        if code is None and dossier is not None:
            say(
                dispatcher, Decision(kind="status", code=dossier), DOSSIER.format(code=dossier), [TO_A_PERSON]
            )
            return []
        if code is None and keys_in(said.text):
            code = said.slots.get("ticket_code")
        if code is None:
            say(dispatcher, Decision(kind="status"), ASK_CODE)
            return []
        ticket = await self._tickets.ticket_by_code(code)
        may_see = ticket is not None and _is_theirs(ticket, said)
        text = _state(ticket) if ticket is not None and may_see else NOT_SHOWN.format(code=code)
        say(dispatcher, Decision(kind="status", code=code), text)
        return set_slots(ticket_code=None if may_see else code)


def _is_theirs(ticket: Ticket, said: Heard) -> bool:
    if ticket.conversation == said.conversation:
        return True
    return any(hmac.compare_digest(key.encode(), ticket.lookup_key.encode()) for key in keys_in(said.text))


def _state(ticket: Ticket) -> str:
    day = local(ticket.created_at).strftime("%d/%m/%Y")
    return STATE.format(code=ticket.code, day=day, state=STATE_WORDS[ticket.state])

"""Messages without words: a photo, a voice note or a sticker alone is asked about; when it goes on, a person looks.
In the middle of a report it belongs to the report, and the bot's question stands."""

from collections.abc import Sequence
from typing import Final

from bot.dialogue import in_a_form
from hub.model import Draft, Message
from hub.ports import BotAnswer, Question, TicketWish

PICTURE: Final = "Em đã nhận được hình của anh/chị. Anh/chị nhắn thêm giúp em đây là việc gì, ở đâu ạ?"
VOICE: Final = "Em đã nhận được tin thoại nhưng chưa nghe được. Anh/chị nhắn giúp em vài chữ về việc cần hỏi hoặc phản ánh nhé."
STICKER: Final = "Dạ, em chào anh/chị. Anh/chị cần hỏi hay phản ánh việc gì, nhắn em vài chữ nhé."
LOCATION: Final = "Em đã nhận được vị trí của anh/chị. Chỗ đó có việc gì cần hỏi hoặc phản ánh ạ?"
FILE: Final = "Em đã nhận được tệp của anh/chị. Anh/chị nhắn thêm vài chữ cho biết cần hỏi hoặc phản ánh việc gì, ở đâu nhé."
NOTHING: Final = "Em nhận được tin của anh/chị nhưng trong đó không có nội dung. Anh/chị viết lại việc cần hỏi hoặc cần phản ánh giúp em nhé."
STILL_NOTHING: Final = "Dạ, em chuyển những gì anh/chị gửi để tổng đài viên xem và trả lời ạ."
TAKEN_ALONG: Final = "Dạ, em nhận được rồi, em gửi kèm phản ánh này ạ."
SUMMARY: Final = "Người dân chỉ gửi {what}, không có chữ"

_OF_TYPE: Final = {
    "image": PICTURE, "photo": PICTURE, "gif": PICTURE, "video": PICTURE, "audio": VOICE, "voice": VOICE,
    "sticker": STICKER, "location": LOCATION,
}  # fmt: skip
_NAMES: Final = {
    PICTURE: "hình",
    VOICE: "tin thoại",
    STICKER: "hình dán",
    LOCATION: "vị trí",
    FILE: "tệp",
    NOTHING: "tin trống",
}


def words_wanted(batch: Sequence[Message], before: Sequence[Message], question: Question) -> BotAnswer:
    """What is said to a batch without text; ``before`` are the messages before it, in order of ``seq``."""
    types = [attachment.type for message in batch for attachment in message.attachments]
    text = _OF_TYPE.get(types[0], FILE) if types else NOTHING
    last = next((message for message in reversed(before) if message.author == "bot" and message.text), None)
    if types and last is not None and in_a_form(question.dialogue):
        says = (Draft(text=TAKEN_ALONG), Draft(text=last.text or "", buttons=last.buttons))
        return BotAnswer(kind="slot_answer", says=says, dialogue=question.dialogue)
    if last is not None and last.text in _NAMES:
        wish = TicketWish(reason="unanswerable", summary=SUMMARY.format(what=_NAMES[text]))
        return BotAnswer(
            kind="human",
            says=(Draft(text=STILL_NOTHING),),
            dialogue=question.dialogue,
            handoff=True,
            ticket=wish,
        )
    return BotAnswer(kind="clarify", says=(Draft(text=text),), dialogue=question.dialogue)


def pictures_before(batch: Sequence[Message], before: Sequence[Message]) -> list[Message]:
    """What belongs to a report: its last messages, and before them those with attachments since the last ticket."""
    sent: list[Message] = []
    for message in reversed(before):
        if message.author == "citizen" and message.outcome == "ticketed":
            break
        if message.author == "citizen" and message.attachments:
            sent.append(message)
    return [*reversed(sent), *batch]

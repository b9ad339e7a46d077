"""What is said in one turn as one letter, for channels on which people write letters."""

from collections.abc import Sequence

from hub.model import Draft

GREETING = "Kính gửi anh/chị,"
THANKS = "Tổng đài 1022 Đồng Tháp cảm ơn anh/chị đã gửi thư. Về nội dung anh/chị hỏi, em xin trả lời như sau:"
CLOSING = "Trân trọng,\nTổng đài 1022 Đồng Tháp"


def as_letter(says: Sequence[Draft]) -> tuple[Draft, ...]:
    """All that is said openly in one draft, between a greeting and a closing; several answers are numbered. What is
    internal or for the person alone stays as it is."""
    told = [draft for draft in says if not draft.internal and not draft.private and draft.text]
    if not told:
        return tuple(says)
    answers = [draft for draft in told if draft.knowledge]
    numbers = (
        {id(draft): f"{number}. " for number, draft in enumerate(answers, 1)} if len(answers) > 1 else {}
    )
    body = [f"{numbers.get(id(draft), '')}{_written(draft.text)}" for draft in told]
    text = "\n\n".join([GREETING, *([THANKS] if answers else []), *body, CLOSING])
    letter = told[0].model_copy(
        update={
            "text": text,
            "buttons": tuple(button for draft in told for button in draft.buttons),
            "attachments": tuple(file for draft in told for file in draft.attachments),
            "knowledge": tuple(id_ for draft in told for id_ in draft.knowledge),
        }
    )
    return (letter, *(draft for draft in says if draft not in told))


def _written(text: str) -> str:
    """Without the word a spoken answer begins with."""
    rest = text.removeprefix("Dạ, ")
    return rest[:1].upper() + rest[1:]

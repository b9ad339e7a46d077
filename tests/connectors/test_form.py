"""The form's deliveries: what they become, and that nothing stored opens the form's answer."""

import json

import pytest

from connectors.form import ANSWER_TO, BY_MAIL, ON_PAGE, FormConnector, conversation_of, hashed
from hub.errors import AlienPayload, Forged, NotSent, SendRefused
from hub.model import Attachment, Conversation, Message, Outgoing, conversation_id

KEY = "khoa-cua-bieu-mau-24-ky-tu"
SENT = {
    "sender": hashed(KEY), "id": hashed(KEY, "Đèn hỏng"), "text": "Đèn hỏng", "at": 1_795_400_000_000,
    "photos": [{"blob": "b_" + "0" * 32, "media_type": "image/jpeg", "size": 9, "name": "anh-1.jpg"}],
    "wish": {"kind": "report", "commune": "phuong-my-tho", "details": {"phone": "0912345678"}},
}  # fmt: skip


def body(**fields: object) -> bytes:
    return json.dumps(SENT | fields).encode()


def outgoing(**contact: str) -> Outgoing:
    conversation = Conversation(
        id="c",
        channel="form",
        account="web",
        key="f",
        sender="f",
        contact=contact,
        created_at=0,
        touched_at=0,
    )
    message = Message(id="m", conversation="c", seq=2, author="operator", text="Đã sửa", at=0)
    return Outgoing(message=message, conversation=conversation, token="t", attempts=1)


def test_a_form_is_a_message_of_a_conversation_of_its_own() -> None:
    connector = FormConnector()
    (event,) = connector.parse(body())
    assert (event.kind, event.text, event.data["wish"]["commune"]) == ("message", "Đèn hỏng", "phuong-my-tho")
    assert event.attachments == (
        Attachment(type="image", blob="b_" + "0" * 32, media_type="image/jpeg", size=9, name="anh-1.jpg"),
    )
    assert conversation_id(event) == conversation_of(hashed(KEY))
    assert KEY not in event.model_dump_json()
    assert connector.parse(body()) == [event]


@pytest.mark.parametrize(
    "alien",
    [b"", b"[]", b"{}", body(sender=KEY), body(text=""), body(more=1), body(wish={"kind": "order"}),
     body(wish={"kind": "report", "lat": 91.0}), body(photos=[{"blob": "../x"}])],
)  # fmt: skip
def test_what_the_page_did_not_write_is_refused(alien: bytes) -> None:
    with pytest.raises(AlienPayload):
        FormConnector().parse(alien)


def test_nobody_else_delivers_here() -> None:
    with pytest.raises(Forged):
        FormConnector().verify({}, body())


async def test_a_mail_that_is_refused_leaves_the_answer_on_the_page() -> None:
    tried: list[str] = []
    failures: list[Exception] = [SendRefused("no"), NotSent("later")]

    async def letters(item: Outgoing, address: str) -> None:
        tried.append(address)
        if failures:
            raise failures.pop(0)

    connector, item = FormConnector(letters), outgoing(**{ANSWER_TO: "tu@example.vn"})
    assert (await connector.send(item)).delivery == "sent"
    with pytest.raises(NotSent):  # tried again
        await connector.send(item)
    await connector.send(item)
    assert tried == ["tu@example.vn"] * 3
    await connector.send(outgoing(email="tu@example.vn"))
    assert len(tried) == 3, "an address without consent is no address to write to"
    assert connector.reach(item.conversation, 0).notice == BY_MAIL
    assert FormConnector().reach(item.conversation, 0).notice == ON_PAGE

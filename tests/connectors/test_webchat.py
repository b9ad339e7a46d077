import json
from typing import Any

import pytest

from connectors.webchat import MAX_TEXT, WebchatConnector, client_id, conversation_of, sender_id
from hub.errors import AlienPayload, Forged
from hub.model import conversation_id

SENDER = sender_id("a secret session")
MESSAGE = {
    "session": SENDER,
    "id": "11112222-3333",
    "kind": "message",
    "text": "Đường hỏng",
    "at": 1_795_400_000_000,
}
POSTBACK = MESSAGE | {"kind": "postback", "payload": "/ask{}", "text": "Lệ phí"}


def parse(body: Any) -> Any:
    return WebchatConnector().parse(body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_message_becomes_one_event() -> None:
    (event,) = parse(MESSAGE)
    assert event.kind == "message"
    assert (event.channel, event.account) == ("webchat", "web")
    assert event.sender == event.conversation == SENDER
    assert event.text == "Đường hỏng"
    assert event.sent_at == 1_795_400_000_000
    assert event.data == {}
    assert client_id(event.external_id) == "11112222-3333"
    assert conversation_id(event) == conversation_of(SENDER)


def test_a_pressed_button_carries_its_payload_and_shows_its_title() -> None:
    (event,) = parse(POSTBACK)
    assert (event.kind, event.text, event.data) == ("postback", "Lệ phí", {"payload": "/ask{}"})


def test_parsing_is_pure() -> None:
    assert parse(MESSAGE) == parse(MESSAGE)


def test_text_is_composed() -> None:
    (event,) = parse(MESSAGE | {"text": "Đươ\u0300ng"})
    assert event.text == "Đường"


def test_two_sessions_never_share_an_external_id() -> None:
    other = MESSAGE | {"session": sender_id("another")}
    assert parse(MESSAGE)[0].external_id != parse(other)[0].external_id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"session": "\\ud800"}',
        b"[" * 100_000,
        {},
        {k: v for k, v in MESSAGE.items() if k != "text"},
        MESSAGE | {"more": 1},
        MESSAGE | {"session": "a secret session"},
        MESSAGE | {"session": SENDER + "\n"},
        MESSAGE | {"id": "short"},
        MESSAGE | {"id": "x" * 65},
        MESSAGE | {"id": "a:b:c:d:e"},
        MESSAGE | {"text": ""},
        MESSAGE | {"text": "x" * (MAX_TEXT + 1)},
        MESSAGE | {"text": 1022},
        MESSAGE | {"kind": "edit"},
        MESSAGE | {"payload": "/ask"},
        MESSAGE | {"at": -1},
        MESSAGE | {"at": "1795400000000"},
        {k: v for k, v in POSTBACK.items() if k != "payload"},
        POSTBACK | {"payload": ""},
        POSTBACK | {"payload": "x" * 1001},
        {"app_id": "1100", "event_name": "user_send_text"},
    ],
)
def test_anything_else_is_alien(body: Any) -> None:
    with pytest.raises(AlienPayload):
        parse(body)


def test_an_alien_body_is_not_repeated_in_the_error() -> None:
    with pytest.raises(AlienPayload) as caught:
        parse(MESSAGE | {"text": "số điện thoại của tôi" * 1000})
    assert "điện thoại" not in str(caught.value)


def test_nobody_delivers_by_webhook() -> None:
    with pytest.raises(Forged):
        WebchatConnector().verify({}, json.dumps(MESSAGE).encode())

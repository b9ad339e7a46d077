from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from connectors.zalo import MAX_TEXT, ZaloConnector
from connectors.zalo_api import STOPPED_ALARM
from connectors.zalo_errors import ACTIONS, WHY_STOPPED, WHY_UNREACHABLE, Action
from hub.clock import local
from hub.errors import (
    ChannelStopped,
    NotSent,
    OutcomeUnknown,
    SendError,
    SendRefused,
    Unreachable,
    Unsupported,
    WindowClosed,
)
from hub.model import Attachment
from hub.ports import Connector
from tests.conftest import FakeClock
from tests.connectors.zalo_rooms import EXPECTED, USER, ZaloRooms, conversation, outgoing, zalo_rooms
from tests.fakes.zalo import OA_ID, Fault, signed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TITLES = ("Tra cứu hồ sơ", "Gặp tổng đài viên")


@pytest.fixture
async def rooms(clock: FakeClock) -> AsyncIterator[ZaloRooms]:
    async with zalo_rooms(clock) as rooms:
        yield rooms


@pytest.fixture
def connector(rooms: ZaloRooms) -> ZaloConnector:
    return rooms.connector()


def test_it_is_a_connector(rooms: ZaloRooms) -> None:
    connector: Connector = rooms.connector()
    assert connector.capabilities.max_text == MAX_TEXT == 2000
    assert [job.role for job in connector.jobs()] == ["work"]


# ---- what is sent --------------------------------------------------------------------------------


async def test_a_text_is_one_message_with_zalos_id(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    sent = await connector.send(outgoing("Đường hỏng"))
    (arrived,) = rooms.zalo.sent
    assert (arrived["user"], arrived["message"]) == (USER, {"text": "Đường hỏng"})
    assert (sent.external_id, sent.delivery) == (arrived["message_id"], "sent")


async def test_the_person_is_written_to_even_where_an_echo_began_the_conversation(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    await connector.send(outgoing(to=conversation(sender="")))
    assert rooms.zalo.sent[0]["user"] == USER


async def test_a_reply_quotes_what_it_answers(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    await connector.send(outgoing(reply_to="a1b2"))
    assert rooms.zalo.sent[0]["message"]["quote_message_id"] == "a1b2"


async def test_a_quote_that_zalo_will_not_take_is_left_out(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    rooms.zalo.faults = [Fault(code=-201)]
    await connector.send(outgoing(reply_to="long ago"))
    assert [one["message"] for one in rooms.zalo.sent] == [{"text": "Chào anh/chị"}]


async def test_buttons_come_back_as_the_words_on_them(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    await connector.send(outgoing("Chọn:", buttons=TITLES))
    message = rooms.zalo.sent[0]["message"]
    assert message["text"] == "Chọn:"
    assert message["attachment"]["payload"]["buttons"] == [
        {"title": title, "type": "oa.query.show", "payload": title} for title in TITLES
    ]


@pytest.mark.parametrize(
    "titles", [tuple(f"Việc {n}" for n in range(6)), ("Dài " * 30,)], ids=["six", "a long one"]
)
async def test_buttons_that_do_not_fit_are_a_numbered_list(
    rooms: ZaloRooms, connector: ZaloConnector, titles: tuple[str, ...]
) -> None:
    await connector.send(outgoing("Chọn:", buttons=titles))
    listed = "\n".join(f"{n}. {title}" for n, title in enumerate(titles, start=1))
    assert rooms.zalo.sent[0]["message"] == {"text": f"Chọn:\n{listed}"}


@pytest.mark.parametrize("settings", [{}, {"buttons": False}])
async def test_where_zalo_takes_no_buttons_they_are_a_numbered_list(
    rooms: ZaloRooms, settings: dict[str, Any]
) -> None:
    rooms.zalo.takes_buttons = False
    await rooms.connector(**settings).send(outgoing("Chọn:", buttons=TITLES))
    expected = {"text": "Chọn:\n1. Tra cứu hồ sơ\n2. Gặp tổng đài viên"}
    assert [one["message"] for one in rooms.zalo.sent] == [expected]
    assert len(rooms.zalo.calls) == (1 if settings else 2)


async def test_a_full_text_is_never_cut_for_its_list(rooms: ZaloRooms) -> None:
    text = "x" * MAX_TEXT
    await rooms.connector(buttons=False).send(outgoing(text, buttons=TITLES))
    assert rooms.zalo.sent[0]["message"] == {"text": text}


async def test_contact_details_are_asked_with_zalos_own_form(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    await connector.send(outgoing("Anh/chị cho em xin số điện thoại.", data={"ask": "contact"}))
    payload = rooms.zalo.sent[0]["message"]["attachment"]["payload"]
    assert payload["template_type"] == "request_user_info"
    assert payload["elements"][0]["subtitle"] == "Anh/chị cho em xin số điện thoại."


async def test_a_request_for_contact_too_long_for_the_form_is_a_text(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    await connector.send(outgoing("x" * 501, data={"ask": "contact"}))
    assert rooms.zalo.sent[0]["message"] == {"text": "x" * 501}


async def test_a_picture_is_uploaded_and_sent(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    blob = rooms.tools.add_blob(b"\xff\xd8\xff picture", "image/jpeg")
    picture = Attachment(type="image", blob=blob, media_type="image/jpeg", name="ảnh.jpg")
    await connector.send(outgoing(None, attachments=(picture,)))
    (element,) = rooms.zalo.sent[0]["message"]["attachment"]["payload"]["elements"]
    assert element["media_type"] == "image"
    assert rooms.zalo.uploads[element["attachment_id"]] == b"\xff\xd8\xff picture"


async def test_a_document_is_uploaded_and_sent(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    blob = rooms.tools.add_blob(b"%PDF-1.7", "application/pdf")
    await connector.send(outgoing(None, attachments=(Attachment(type="file", blob=blob),)))
    attachment = rooms.zalo.sent[0]["message"]["attachment"]
    assert attachment["type"] == "file"
    assert rooms.zalo.uploads[attachment["payload"]["token"]] == b"%PDF-1.7"


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        (b"x" * (2**20 + 1), "image/png", None),
        (b"x" * (5 * 2**20 + 1), "application/pdf", None),
        (b"x", "image/webp", None),
        (b"x", "application/zip", None),
        (b"%PDF-1.7", "application/pdf", "với lời nhắn"),
    ],
)
async def test_what_zalo_cannot_carry_is_not_tried(
    rooms: ZaloRooms, connector: ZaloConnector, data: bytes, media_type: str, text: str | None
) -> None:
    blob = rooms.tools.add_blob(data, media_type)
    with pytest.raises(Unsupported):
        await connector.send(outgoing(text, attachments=(Attachment(type="file", blob=blob),)))
    assert rooms.zalo.calls == []


async def test_a_file_that_was_never_fetched_is_not_sent(connector: ZaloConnector) -> None:
    with pytest.raises(Unsupported):
        await connector.send(outgoing(None, attachments=(Attachment(type="file", problem="gone"),)))


async def test_an_upload_without_an_answer_has_sent_nothing(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    rooms.zalo.base = f"http://127.0.0.1:{unused_port()}"
    blob = rooms.tools.add_blob(b"%PDF-1.7", "application/pdf")
    with pytest.raises(NotSent):
        await rooms.connector().send(outgoing(None, attachments=(Attachment(type="file", blob=blob),)))


# ---- what goes wrong -----------------------------------------------------------------------------

UNLISTED = (-1, -299, 100)


@pytest.mark.parametrize(("code", "error"), EXPECTED.items())
async def test_every_code_has_its_outcome(
    rooms: ZaloRooms, connector: ZaloConnector, code: int, error: type[SendError]
) -> None:
    rooms.zalo.faults = [Fault(code=code)]
    with pytest.raises(error) as caught:
        await connector.send(outgoing())
    assert "access" not in str(caught.value)
    assert rooms.zalo.sent == []
    assert (STOPPED_ALARM in rooms.tools.alarms) == (error is ChannelStopped)


def test_no_code_of_the_table_is_untested() -> None:
    refreshed = {code for code, action in ACTIONS.items() if action is Action.REFRESH}
    assert refreshed == {-216, -220}
    assert set(EXPECTED) | refreshed == set(ACTIONS)
    assert set(WHY_UNREACHABLE) == {code for code, error in EXPECTED.items() if error is Unreachable}
    assert set(WHY_STOPPED) == {code for code, error in EXPECTED.items() if error is ChannelStopped}


@pytest.mark.parametrize("code", UNLISTED)
async def test_an_unknown_code_refuses_the_message(
    rooms: ZaloRooms, connector: ZaloConnector, code: int
) -> None:
    rooms.zalo.faults = [Fault(code=code)]
    with pytest.raises(SendRefused):
        await connector.send(outgoing())


async def test_a_failed_send_is_tried_once_more_and_no_oftener(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    rooms.zalo.faults = [Fault(code=-200)]
    with pytest.raises(SendRefused):
        await connector.send(outgoing(attempts=2))


async def test_the_night_is_waited_for(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    rooms.zalo.faults = [Fault(code=-234), Fault(code=-234)]
    for forward_h in (0, 20):  # from the morning of one day into the early hours of the next
        rooms.clock.forward(forward_h * HOUR_MS)
        rooms.zalo.interacted[USER] = rooms.clock.now()
        with pytest.raises(NotSent) as caught:
            await connector.send(outgoing())
        assert caught.value.retry_after_s is not None
        begins = local(rooms.clock.now() + int(caught.value.retry_after_s * 1000))
        assert (begins.hour, begins.minute) == (6, 0)
        assert 0 < caught.value.retry_after_s <= 24 * 3600


@pytest.mark.parametrize("code", [-216, -220])
async def test_a_refused_token_is_renewed_once_and_the_message_sent_once(
    rooms: ZaloRooms, connector: ZaloConnector, code: int
) -> None:
    rooms.zalo.faults = [Fault(code=code)]
    await connector.send(outgoing())
    assert (rooms.zalo.refreshes, len(rooms.zalo.sent)) == (1, 1)


@pytest.mark.parametrize("code", [-216, -220])
async def test_a_new_token_that_is_refused_too_stops_the_channel(
    rooms: ZaloRooms, connector: ZaloConnector, code: int
) -> None:
    rooms.zalo.faults = [Fault(code=code), Fault(code=code)]
    with pytest.raises(ChannelStopped):
        await connector.send(outgoing())
    assert rooms.zalo.refreshes == 1
    assert STOPPED_ALARM in rooms.tools.alarms


async def test_the_alarm_ends_when_sending_works_again(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    rooms.zalo.faults = [Fault(code=-224)]
    with pytest.raises(ChannelStopped):
        await connector.send(outgoing())
    await rooms.connector().send(outgoing())
    assert rooms.tools.alarms == {}


async def test_no_connection_means_not_sent(rooms: ZaloRooms) -> None:
    connector = rooms.connector(api_base=f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(NotSent):
        await connector.send(outgoing())


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (200, "<html>", OutcomeUnknown),
        (200, "[]", OutcomeUnknown),
        (200, '{"error": "?"}', OutcomeUnknown),
        (200, '{"error": "-230"}', WindowClosed),
        (302, "", SendRefused),
        (403, "<html>", SendRefused),
        (429, "", NotSent),
    ],
)
async def test_answers_that_are_not_zalos(
    rooms: ZaloRooms, status: int, text: str, error: type[SendError]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        with pytest.raises(error):
            await rooms.connector(api_base=str(server.make_url(""))).send(outgoing())


async def test_exhausted_calls_wait_for_the_next_minute_without_knocking(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    rooms.zalo.per_minute = 2
    for _ in range(2):
        await connector.send(outgoing())
    with pytest.raises(NotSent) as caught:
        await connector.send(outgoing())
    assert len(rooms.zalo.calls) == 2
    assert caught.value.retry_after_s is not None
    rooms.clock.forward(int(caught.value.retry_after_s * 1000))
    await connector.send(outgoing())
    assert len(rooms.zalo.sent) == 3


async def test_too_many_calls_of_other_processes_pause_this_one_too(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    rooms.zalo.faults = [Fault(code=-32)]
    for _ in range(2):
        with pytest.raises(NotSent):
            await connector.send(outgoing())
    assert len(rooms.zalo.calls) == 1


async def test_without_the_proof_zalo_stops_us(rooms: ZaloRooms) -> None:
    with pytest.raises(ChannelStopped):
        await rooms.connector(appsecret_proof=False).send(outgoing())
    rooms.zalo.needs_proof = False
    await rooms.connector(appsecret_proof=False).send(outgoing())


# ---- whom one may write to -----------------------------------------------------------------------


def test_the_window_is_free_then_billed_then_closed(connector: ZaloConnector, clock: FakeClock) -> None:
    talk = conversation(interacted_at=clock.now())
    end = clock.now() + 7 * DAY_MS
    for after_ms, open_, noticed in (
        (0, True, False),
        (48 * HOUR_MS - 1, True, False),
        (48 * HOUR_MS, True, True),
        (7 * DAY_MS - 1, True, True),
        (7 * DAY_MS, False, True),
    ):
        reach = connector.reach(talk, clock.now() + after_ms)
        assert (reach.staff, reach.bot, reach.notice is not None) == (open_, open_, noticed)
        assert reach.until == (end if open_ else None)


async def test_zalo_closes_at_the_same_moment(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    talk = conversation(interacted_at=rooms.clock.now())
    rooms.clock.forward(7 * DAY_MS - 1)
    assert connector.reach(talk, rooms.clock.now()).bot
    await connector.send(outgoing(to=talk))
    rooms.clock.forward(1)
    assert not connector.reach(talk, rooms.clock.now()).bot
    with pytest.raises(WindowClosed):
        await connector.send(outgoing(to=talk))


def test_the_reason_why_a_person_is_unreachable_is_shown(connector: ZaloConnector, clock: FakeClock) -> None:
    talk = conversation(interacted_at=clock.now(), unreachable=WHY_UNREACHABLE[-213])
    reach = connector.reach(talk, clock.now())
    assert (reach.staff, reach.bot, reach.notice) == (False, False, WHY_UNREACHABLE[-213])


def test_an_unknown_last_word_is_left_to_zalo(connector: ZaloConnector, clock: FakeClock) -> None:
    assert connector.reach(conversation(), clock.now()).bot


async def test_anonymous_people_are_answered_elsewhere(
    rooms: ZaloRooms, connector: ZaloConnector, clock: FakeClock
) -> None:
    talk = conversation(key="anonymous:90010", sender="90010", interacted_at=clock.now())
    reach = connector.reach(talk, clock.now())
    assert not reach.staff
    assert reach.notice is not None
    with pytest.raises(Unreachable):
        await connector.send(outgoing(to=talk))
    assert await connector.name_of(talk) is None
    assert rooms.zalo.calls == []


async def test_a_name_is_asked_once_a_day(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    for _ in range(3):
        assert await connector.name_of(conversation()) == "Chị Mẫu"
    assert len(rooms.zalo.calls) == 1
    rooms.clock.forward(DAY_MS)
    rooms.zalo.names[USER] = "Anh Mẫu"
    assert await connector.name_of(conversation()) == "Anh Mẫu"


async def test_a_name_that_cannot_be_learned_is_none(rooms: ZaloRooms, connector: ZaloConnector) -> None:
    assert await connector.name_of(conversation(key="1")) is None


# ---- deliveries and settings ---------------------------------------------------------------------


async def test_what_the_platform_delivers_is_verified_and_parsed(
    rooms: ZaloRooms, connector: ZaloConnector
) -> None:
    delivery, headers = signed(await rooms.zalo.says(USER, "Xin hỏi"))
    connector.verify(headers, delivery)
    (event,) = connector.parse(delivery)
    assert (event.kind, event.text, event.sender, event.account) == (
        "message",
        "Xin hỏi",
        USER,
        rooms.zalo.settings().oa_id,
    )


async def test_the_echo_of_what_we_sent_has_the_id_of_what_we_sent(rooms: ZaloRooms) -> None:
    heard: list[bytes] = []

    async def hub(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/zalo", hub)
    async with TestServer(app) as server:
        rooms.zalo.webhook, rooms.zalo.times = str(server.make_url("/webhooks/zalo")), 2
        connector = rooms.connector()
        sent = await connector.send(outgoing())
    events = [event for delivery in heard for event in connector.parse(delivery)]
    assert [event.kind for event in events] == ["echo", "echo", "delivery", "delivery"]
    assert {event.external_id for event in events[:2]} == {sent.external_id}
    assert events[2].data["ids"] == [sent.external_id]
    assert len({event.external_id for event in events}) == 2
    assert {event.conversation for event in events} == {USER}


def test_secrets_are_not_shown(rooms: ZaloRooms) -> None:
    shown = repr(rooms.zalo.settings())
    for secret in ("app-secret", "oa-secret-key", "access-1", "refresh-1"):
        assert secret not in shown


@pytest.mark.parametrize(
    "wrong", [{"app_id": "abc"}, {"app_secret": ""}, {"api_base": "openapi.zalo.me"}, {"unknown": 1}]
)
def test_wrong_settings_are_errors(rooms: ZaloRooms, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rooms.zalo.settings(**wrong)


async def test_the_domain_is_verified_from_settings(rooms: ZaloRooms) -> None:
    off, on = rooms.connector(), rooms.connector(verifier_code="File1", site_verification="Meta_1-x")
    assert off.head_tags() == {}
    assert set(off.pages()) == {"/zalo/callback"}
    assert on.head_tags() == {"zalo-platform-site-verification": "Meta_1-x"}
    page = await on.pages()["/zalo_verifierFile1.html"]({})
    assert page.meta == on.head_tags()


async def test_what_comes_back_from_a_consent_is_told_politely(rooms: ZaloRooms) -> None:
    connector = rooms.connector(access_token="", refresh_token="")
    callback = connector.pages()["/zalo/callback"]
    refused = await callback({"code": "made-up", "oa_id": OA_ID, "state": "forged"})
    assert refused.status == 400
    assert "hub zalo login" in refused.text
    link = await connector.tokens.begin_login("https://1022.example.vn/zalo/callback")
    async with rooms.tools.http.get(link, allow_redirects=False) as answer:
        query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    granted = await callback(query)
    assert (granted.status, granted.title) == (200, "Đã nhận quyền từ Zalo OA")
    await connector.send(outgoing())

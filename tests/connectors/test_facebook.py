import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from connectors.facebook import FacebookConnector
from connectors.facebook_api import AGENT_ALARM, COMMENTS_ALARM, STOPPED_ALARM, TOKEN_ALARM
from connectors.facebook_errors import ACTIONS, WHY_STOPPED, WHY_UNREACHABLE, Action
from connectors.facebook_forms import MAX_TEXT
from connectors.facebook_watch import SUBSCRIPTION_ALARM
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
from hub.model import Attachment, Conversation
from hub.ports import Connector, HasChallenge, KnowsNames
from tests.conftest import FakeClock
from tests.connectors.facebook_rooms import (
    EXPECTED,
    USER,
    FacebookRooms,
    conversation,
    facebook_rooms,
    outgoing,
    thread,
)
from tests.fakes.graph import APP_ID, PAGE_ID, PAGE_INBOX, PAGE_TOKEN, VERSION, Fault, signed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TITLES = ("Tra cứu hồ sơ", "Gặp tổng đài viên")
LONG_TITLES = ("Đăng ký khai sinh có yếu tố nước ngoài", "Đăng ký lại khai sinh")


@pytest.fixture
async def rooms(clock: FakeClock) -> AsyncIterator[FacebookRooms]:
    async with facebook_rooms(clock) as rooms:
        yield rooms


@pytest.fixture
def connector(rooms: FacebookRooms) -> FacebookConnector:
    return rooms.connector()


def since(ms: int) -> Conversation:
    return conversation(interacted_at=ms)


def test_it_is_a_connector(rooms: FacebookRooms) -> None:
    connector: Connector = rooms.connector()
    assert connector.capabilities.max_text == MAX_TEXT == 2000
    assert [job.role for job in connector.jobs()] == ["work"]
    assert isinstance(connector, HasChallenge)
    assert isinstance(connector, KnowsNames)


# ---- what is sent --------------------------------------------------------------------------------


async def test_a_text_is_one_message_with_metas_id(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    sent = await connector.send(outgoing("Đường hỏng"))
    (arrived,) = rooms.graph.sent
    assert arrived["message"] == {"text": "Đường hỏng", "metadata": "hub:m_1"}
    assert (arrived["recipient"], arrived["messaging_type"]) == ({"id": USER}, "RESPONSE")
    assert (sent.external_id, sent.delivery) == (arrived["mid"], "sent")


async def test_the_person_is_written_to_even_where_an_echo_began_the_conversation(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    await connector.send(outgoing(to=conversation(sender="")))
    assert rooms.graph.sent[0]["user"] == USER


async def test_the_token_is_in_no_address_and_no_log(
    rooms: FacebookRooms, connector: FacebookConnector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rooms.graph.faults = [Fault(code=10)]
    with pytest.raises(ChannelStopped) as caught:
        await connector.send(outgoing("điều riêng tư"))
    await connector.send(outgoing("điều riêng tư"))
    await connector.watch.look()
    assert all(f"/{VERSION}/" in url for url in rooms.graph.urls)
    for text in (*rooms.graph.urls, caplog.text, str(caught.value), repr(rooms.graph.settings())):
        assert PAGE_TOKEN not in text
        assert "điều riêng tư" not in text


async def test_the_version_is_a_setting(rooms: FacebookRooms) -> None:
    with pytest.raises(SendRefused):
        await rooms.connector(api_version="v21.0").send(outgoing())


async def test_choices_are_quick_replies(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    await connector.send(outgoing("Chọn:", buttons=TITLES))
    message = rooms.graph.sent[0]["message"]
    assert message["text"] == "Chọn:"
    assert message["quick_replies"] == [
        {"content_type": "text", "title": title, "payload": f"/choose{n}"}
        for n, title in enumerate(TITLES, start=1)
    ]


async def test_long_titles_stand_in_the_text_and_their_numbers_are_pressed(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    await connector.send(outgoing("Chọn:", buttons=LONG_TITLES))
    message = rooms.graph.sent[0]["message"]
    assert message["text"] == f"Chọn:\n1. {LONG_TITLES[0]}\n2. {LONG_TITLES[1]}"
    assert [(one["title"], one["payload"]) for one in message["quick_replies"]] == [
        ("1", "/choose1"),
        ("2", "/choose2"),
    ]


@pytest.mark.parametrize(
    ("settings", "takes", "form", "calls"),
    [
        ({}, (True, True), "quick_replies", 1),
        ({}, (False, True), "attachment", 2),
        ({}, (False, False), "list", 3),
        ({"buttons": "template"}, (True, True), "attachment", 1),
        ({"buttons": "template"}, (True, False), "list", 2),
        ({"buttons": "list"}, (True, True), "list", 1),
    ],
)
async def test_what_messenger_refuses_is_said_more_plainly(
    rooms: FacebookRooms, settings: dict[str, Any], takes: tuple[bool, bool], form: str, calls: int
) -> None:
    rooms.graph.takes_quick_replies, rooms.graph.takes_templates = takes
    await rooms.connector(**settings).send(outgoing("Chọn:", buttons=TITLES))
    (sent,) = rooms.graph.sent
    assert len(rooms.graph.calls) == calls
    if form == "list":
        assert sent["message"]["text"] == f"Chọn:\n1. {TITLES[0]}\n2. {TITLES[1]}"
        assert set(sent["message"]) == {"text", "metadata"}
    else:
        assert form in sent["message"]


async def test_a_template_has_buttons_that_come_back(rooms: FacebookRooms) -> None:
    await rooms.connector(buttons="template").send(outgoing("Chọn:", buttons=TITLES))
    payload = rooms.graph.sent[0]["message"]["attachment"]["payload"]
    assert (payload["template_type"], payload["text"]) == ("button", "Chọn:")
    assert payload["buttons"][1] == {"type": "postback", "title": TITLES[1], "payload": "/choose2"}


@pytest.mark.parametrize(
    ("text", "titles", "preferred", "form"),
    [
        ("Chọn:", tuple(f"Việc {n}" for n in range(13)), "quick_replies", "quick_replies"),
        ("Chọn:", tuple(f"Việc {n}" for n in range(14)), "quick_replies", "list"),
        ("Chọn:", ("x" * 20,), "template", "attachment"),
        ("Chọn:", ("x" * 21,), "template", "list"),
        ("Chọn:", ("a", "b", "c", "d"), "template", "list"),
        ("x" * 640, ("a",), "template", "attachment"),
        ("x" * 641, ("a",), "template", "list"),
        ("x" * 2000, ("a",), "quick_replies", "quick_replies"),
        ("x" * 1990, ("y" * 21,), "quick_replies", "list"),
    ],
)
async def test_limits_are_kept(
    rooms: FacebookRooms, text: str, titles: tuple[str, ...], preferred: str, form: str
) -> None:
    await rooms.connector(buttons=preferred).send(outgoing(text, buttons=titles))
    (sent,) = rooms.graph.sent
    assert len(rooms.graph.calls) == 1  # never refused
    assert (form in sent["message"]) == (form != "list")
    assert len(sent["message"].get("text", "")) <= MAX_TEXT


async def test_nothing_is_not_said(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    for text in (None, ""):
        with pytest.raises(Unsupported):
            await connector.send(outgoing(text))
    assert rooms.graph.calls == []


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("image/jpeg", "image"), ("image/webp", "file"), ("audio/mpeg", "audio"), ("video/mp4", "video"),
     ("application/pdf", "file")],
)  # fmt: skip
async def test_a_file_is_uploaded_and_sent(
    rooms: FacebookRooms, connector: FacebookConnector, media_type: str, kind: str
) -> None:
    blob = rooms.tools.add_blob(b"content", media_type)
    sent = await connector.send(outgoing(None, attachments=(Attachment(type="file", blob=blob, name="đơn"),)))
    (arrived,) = rooms.graph.sent
    attachment = arrived["message"]["attachment"]
    assert rooms.graph.uploads[attachment["payload"]["attachment_id"]] == (kind, b"content")
    assert (attachment["type"], arrived["mid"]) == (kind, sent.external_id)
    assert arrived["message"]["metadata"] == "hub:m_1"


async def test_what_messenger_cannot_carry_is_not_tried(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    big = rooms.tools.add_blob(b"x" * 11, "application/pdf")
    small = rooms.tools.add_blob(b"x", "application/pdf")
    file = Attachment(type="file", blob=small)
    for item in (
        outgoing(None, attachments=(Attachment(type="file", blob=big),)),
        outgoing(None, attachments=(Attachment(type="file", problem="gone"),)),
        outgoing("với lời nhắn", attachments=(file,)),
        outgoing(None, attachments=(file, file)),
    ):
        with pytest.raises(Unsupported):
            await rooms.connector(file_max_bytes=10).send(item)
    assert rooms.graph.calls == []


async def test_an_upload_without_an_answer_has_sent_nothing(rooms: FacebookRooms) -> None:
    blob = rooms.tools.add_blob(b"%PDF-1.7", "application/pdf")
    connector = rooms.connector(api_base=f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(NotSent):
        await connector.send(outgoing(None, attachments=(Attachment(type="file", blob=blob),)))


async def test_typing_shows_that_it_was_seen(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    await connector.typing(since(rooms.clock.now()))
    assert sorted(rooms.graph.signs) == [(USER, "mark_seen"), (USER, "typing_on")]


async def test_typing_is_shown_only_where_a_machine_may_write(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    await connector.typing(since(rooms.clock.now() - DAY_MS))
    await connector.typing(thread("900_1", interacted_at=rooms.clock.now()))
    assert rooms.graph.calls == []


async def test_typing_never_fails(rooms: FacebookRooms) -> None:
    rooms.graph.token = "another"
    await rooms.connector().typing(since(rooms.clock.now()))
    await rooms.connector(api_base=f"http://127.0.0.1:{unused_port()}").typing(since(rooms.clock.now()))
    assert rooms.tools.alarms == {}


# ---- comments ------------------------------------------------------------------------------------


async def test_a_comment_is_answered_below_the_first_of_its_thread(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    sent = await connector.send(outgoing("Dạ, mời anh/chị xem", to=thread(first), buttons=TITLES))
    (arrived,) = rooms.graph.sent
    assert arrived["comment"] == first
    assert arrived["text"] == f"Dạ, mời anh/chị xem\n1. {TITLES[0]}\n2. {TITLES[1]}"
    assert sent.external_id == arrived["id"]


async def test_a_private_word_goes_to_the_one_who_wrote_the_comment(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    second = await rooms.graph.comments_on("5002", "Tôi cũng vậy", parent=first)
    await connector.send(outgoing("Mã phiếu", to=thread(first), private=True, reply_to=second))
    (arrived,) = rooms.graph.sent
    assert (arrived["user"], arrived["recipient"]) == ("5002", {"comment_id": second})
    assert "tag" not in arrived


async def test_without_the_comment_a_private_word_is_not_sent(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    with pytest.raises(Unsupported):
        await connector.send(outgoing("Mã phiếu", to=thread("900_1"), private=True))
    assert rooms.graph.calls == []


async def test_one_private_word_for_a_comment(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    item = outgoing("Mã phiếu", to=thread(first), private=True, reply_to=first)
    await connector.send(item)
    with pytest.raises(SendRefused):
        await connector.send(item)
    assert len(rooms.graph.sent) == 1


@pytest.mark.parametrize("author", ["bot", "operator"])
async def test_a_private_word_comes_within_seven_days_whoever_wrote_it(
    rooms: FacebookRooms, connector: FacebookConnector, author: str
) -> None:
    early, late = [await rooms.graph.comments_on(user, "Xin hỏi") for user in ("5001", "5002")]
    rooms.clock.forward(7 * DAY_MS - 1)
    await connector.send(outgoing(to=thread(early), private=True, reply_to=early, author=author))
    rooms.clock.forward(1)
    with pytest.raises(WindowClosed):
        await connector.send(outgoing(to=thread(late), private=True, reply_to=late, author=author))
    assert [one["messaging_type"] for one in rooms.graph.sent] == ["RESPONSE"]


async def test_a_person_who_takes_no_private_word_does_not_close_the_thread(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    rooms.graph.faults = [Fault(code=551)]
    with pytest.raises(SendRefused):
        await connector.send(outgoing("Mã phiếu", to=thread(first), private=True, reply_to=first))


async def test_a_missing_permission_for_comments_does_not_stop_messenger(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    rooms.graph.faults = [Fault(code=200)]
    with pytest.raises(NotSent) as caught:
        await connector.send(outgoing(to=thread(first)))
    assert caught.value.retry_after_s == 1800
    assert set(rooms.tools.alarms) == {COMMENTS_ALARM}
    await connector.send(outgoing())
    assert set(rooms.tools.alarms) == {COMMENTS_ALARM}
    await connector.send(outgoing(to=thread(first)))
    assert rooms.tools.alarms == {}


async def test_no_files_below_a_post(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    blob = rooms.tools.add_blob(b"x", "image/png")
    with pytest.raises(Unsupported):
        await connector.send(
            outgoing(None, to=thread("900_1"), attachments=(Attachment(type="i", blob=blob),))
        )


async def test_a_comment_is_hidden_and_shown_again(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    first = await rooms.graph.comments_on("5001", "0901…")
    await connector.hide(first)
    assert rooms.graph.comments[first].hidden
    await connector.hide(first, hidden=False)
    assert not rooms.graph.comments[first].hidden
    with pytest.raises(SendRefused):
        await connector.hide("900_0")


@pytest.mark.parametrize("id_", ["../me", "900/comments", "", "9?x=1"])
async def test_an_id_never_leads_elsewhere(
    rooms: FacebookRooms, connector: FacebookConnector, id_: str
) -> None:
    with pytest.raises(Unsupported):
        await connector.send(outgoing(to=thread(id_)))
    assert rooms.graph.calls == []


# ---- windows -------------------------------------------------------------------------------------


def test_a_day_for_all_a_week_for_people(connector: FacebookConnector, clock: FakeClock) -> None:
    talk, start = since(clock.now()), clock.now()
    for after_ms, bot, staff, until_ms, noticed in (
        (0, True, True, DAY_MS, False),
        (DAY_MS - 1, True, True, DAY_MS, False),
        (DAY_MS, False, True, 7 * DAY_MS, True),
        (7 * DAY_MS - 1, False, True, 7 * DAY_MS, True),
        (7 * DAY_MS, False, False, None, True),
    ):
        reach = connector.reach(talk, start + after_ms)
        assert (reach.bot, reach.staff, reach.notice is not None) == (bot, staff, noticed)
        assert reach.until == (None if until_ms is None else start + until_ms)
        assert not reach.public


def test_the_notice_says_until_when(connector: FacebookConnector, clock: FakeClock) -> None:
    notice = connector.reach(since(clock.now()), clock.now() + DAY_MS).notice
    assert notice is not None
    assert "09:13 30/11/2026" in notice  # in Vietnam


def test_without_the_feature_people_have_a_day_too(rooms: FacebookRooms) -> None:
    connector, now = rooms.connector(human_agent=False), rooms.clock.now()
    assert connector.reach(since(now), now + DAY_MS - 1).staff
    assert not connector.reach(since(now), now + DAY_MS).staff


async def test_facebook_closes_at_the_same_moments(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    talk = since(rooms.clock.now())
    rooms.clock.forward(DAY_MS - 1)
    await connector.send(outgoing(to=talk))
    await connector.send(outgoing(to=talk, author="operator"))
    rooms.clock.forward(1)
    with pytest.raises(WindowClosed):
        await connector.send(outgoing(to=talk))
    await connector.send(outgoing(to=talk, author="operator"))
    rooms.clock.forward(6 * DAY_MS)
    with pytest.raises(WindowClosed):
        await connector.send(outgoing(to=talk, author="operator"))
    assert [(one["messaging_type"], one.get("tag")) for one in rooms.graph.sent] == [
        ("RESPONSE", None),
        ("RESPONSE", None),
        ("MESSAGE_TAG", "HUMAN_AGENT"),
    ]


@pytest.mark.parametrize("author", ["bot", "system"])
@pytest.mark.parametrize("interacted", [None, 0], ids=["unknown", "long ago"])
async def test_a_machine_is_never_a_human_agent(
    rooms: FacebookRooms, connector: FacebookConnector, author: str, interacted: int | None
) -> None:
    rooms.graph.interacted[USER] = rooms.clock.now() - DAY_MS
    heard: list[Any] = []
    for code in (None, 10, 100, 2):
        rooms.graph.faults = [] if code is None else [Fault(code=code, subcode=2018278 if code == 10 else 0)]
        with pytest.raises(SendError) as caught:
            await connector.send(outgoing(to=conversation(interacted_at=interacted), author=author))
        heard.append(caught.value)
    assert isinstance(heard[0], WindowClosed)
    assert rooms.graph.sent == []
    assert len(rooms.graph.calls) == 4  # no second try as somebody else


async def test_an_operator_whose_window_was_not_known_writes_as_a_human_agent(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    rooms.graph.interacted[USER] = rooms.clock.now() - DAY_MS
    await connector.send(outgoing(author="operator"))
    assert [one["tag"] for one in rooms.graph.sent] == ["HUMAN_AGENT"]
    with pytest.raises(WindowClosed):
        await rooms.connector(human_agent=False).send(outgoing(author="operator"))


async def test_a_missing_feature_closes_the_window_and_stops_nothing(rooms: FacebookRooms) -> None:
    rooms.graph.has_human_agent = False
    talk = since(rooms.clock.now())
    rooms.clock.forward(DAY_MS)
    connector = rooms.connector()
    with pytest.raises(WindowClosed):
        await connector.send(outgoing(to=talk, author="operator"))
    assert set(rooms.tools.alarms) == {AGENT_ALARM}
    rooms.graph.has_human_agent = True
    await connector.send(outgoing(to=talk, author="operator"))
    assert rooms.tools.alarms == {}


def test_a_public_thread_says_so(connector: FacebookConnector, clock: FakeClock) -> None:
    reach = connector.reach(thread("900_1", interacted_at=0), clock.now())
    assert (reach.public, reach.bot, reach.staff, reach.until) == (True, True, True, None)
    assert "công khai" in (reach.notice or "")


def test_where_nobody_knows_who_comments_the_bot_is_silent(
    connector: FacebookConnector, clock: FakeClock
) -> None:
    reach = connector.reach(thread("900_1", sender=""), clock.now())
    assert (reach.bot, reach.staff) == (False, True)


def test_why_somebody_cannot_be_written_to_is_shown(connector: FacebookConnector, clock: FakeClock) -> None:
    for why, talk in (
        ("vì thế", conversation(unreachable="vì thế", interacted_at=clock.now())),
        ("Trang Facebook khác", conversation(account="1", interacted_at=clock.now())),
    ):
        reach = connector.reach(talk, clock.now())
        assert (reach.staff, reach.bot) == (False, False)
        assert why in (reach.notice or "")


def test_an_unknown_last_word_is_left_to_facebook(connector: FacebookConnector, clock: FakeClock) -> None:
    assert connector.reach(conversation(), clock.now()).bot


# ---- what goes wrong -----------------------------------------------------------------------------

#: rows that any code, any subcode or an unknown pair leads to
RELATED: dict[tuple[int, int], type[SendError]] = {
    (551, 1545041): Unreachable, (7, 1545041): Unreachable, (551, 9): Unreachable, (190, 463): ChannelStopped,
    (10, 77): ChannelStopped, (200, 77): ChannelStopped, (100, 33): SendRefused, (368, 0): SendRefused,
    (10900, 0): SendRefused, (999_999, 5): SendRefused,
}  # fmt: skip


@pytest.mark.parametrize(("row", "error"), (EXPECTED | RELATED).items())
async def test_every_code_has_its_outcome(
    rooms: FacebookRooms, connector: FacebookConnector, row: tuple[int, int], error: type[SendError]
) -> None:
    rooms.graph.faults = [Fault(code=row[0] or 551, subcode=row[1])]
    with pytest.raises(SendError) as caught:
        await connector.send(outgoing())
    assert isinstance(caught.value, error)
    assert rooms.graph.sent == []
    assert len(rooms.graph.calls) == 1
    dead = row[0] == 190
    restricted = row == (10, 1893063)
    assert (STOPPED_ALARM in rooms.tools.alarms) == (restricted or (error is ChannelStopped and not dead))
    assert (TOKEN_ALARM in rooms.tools.alarms) == dead


def test_no_row_of_the_table_is_untested() -> None:
    assert set(EXPECTED) == set(ACTIONS)
    assert set(WHY_UNREACHABLE) == {row for row, error in EXPECTED.items() if error is Unreachable}
    assert set(WHY_STOPPED) == {row for row, action in ACTIONS.items() if action is Action.STOP}


@pytest.mark.parametrize(("code", "tries"), [(1, 2), (2, 6)])
async def test_some_failures_are_tried_again_so_often_and_no_oftener(
    rooms: FacebookRooms, connector: FacebookConnector, code: int, tries: int
) -> None:
    for attempts, error in ((tries - 1, NotSent), (tries, SendRefused)):
        rooms.graph.faults = [Fault(code=code)]
        with pytest.raises(error):
            await connector.send(outgoing(attempts=attempts))


async def test_after_too_many_calls_graph_is_left_alone(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    rooms.graph.faults = [Fault(code=4)]
    for _ in range(2):
        with pytest.raises(NotSent) as caught:
            await connector.send(outgoing())
        assert caught.value.retry_after_s == 300
    assert len(rooms.graph.calls) == 1
    rooms.clock.forward(300_000)
    await connector.send(outgoing())


async def test_a_restricted_page_rests_twice_as_long_each_time(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    for minutes in (30, 60, 120, 240, 240):
        rooms.graph.faults = [Fault(code=10, subcode=1893063)]
        with pytest.raises(NotSent) as caught:
            await connector.send(outgoing())
        assert caught.value.retry_after_s == minutes * 60
        rooms.clock.forward(minutes * 60_000)
    rooms.graph.interacted[USER] = rooms.clock.now()
    await connector.send(outgoing())
    assert rooms.tools.alarms == {}
    rooms.graph.faults = [Fault(code=10, subcode=1893063)]
    with pytest.raises(NotSent) as caught:
        await connector.send(outgoing())
    assert caught.value.retry_after_s == 1800


@pytest.mark.parametrize(
    ("app", "page", "rest_s"),
    [
        ({"call_count": 99, "total_time": 25, "total_cputime": 25}, None, None),
        ({"call_count": 100, "total_time": 25, "total_cputime": 25}, None, 300),
        ({"call_count": 5, "total_time": 5, "total_cputime": 101}, None, 300),
        (None, {PAGE_ID: [{"type": "pages", "call_count": 99, "estimated_time_to_regain_access": 0}]}, None),
        (None, {PAGE_ID: [{"type": "messenger", "call_count": 100}]}, 300),
        (None, {PAGE_ID: [{"call_count": 100, "estimated_time_to_regain_access": 19}]}, 19 * 60),
        (None, {"x": "odd", PAGE_ID: [7, {"call_count": "many"}]}, None),
        ([100], None, None),
    ],
)
async def test_used_up_calls_are_waited_for(
    rooms: FacebookRooms, connector: FacebookConnector, app: Any, page: Any, rest_s: float | None
) -> None:
    rooms.graph.app_usage, rooms.graph.page_usage = app, page
    await connector.send(outgoing())  # the answer that tells of it is good
    if rest_s is None:
        await connector.send(outgoing())
        return
    with pytest.raises(NotSent) as caught:
        await connector.send(outgoing())
    assert caught.value.retry_after_s == rest_s
    await connector.typing(since(rooms.clock.now()))
    assert len(rooms.graph.calls) == 1
    rooms.clock.forward(int(rest_s * 1000))
    await connector.send(outgoing())


async def test_a_dead_token_stops_the_channel_until_it_works(rooms: FacebookRooms) -> None:
    rooms.graph.token_until = rooms.clock.now()
    with pytest.raises(ChannelStopped):
        await rooms.connector().send(outgoing())
    assert "HUB_FACEBOOK__PAGE_TOKEN" in rooms.tools.alarms[TOKEN_ALARM]
    rooms.graph.token = "page-token-2"
    rooms.graph.token_until = rooms.clock.now() + 1
    await rooms.connector(page_token="page-token-2").send(outgoing())
    assert rooms.tools.alarms == {}


@pytest.mark.parametrize("settings", [{"appsecret_proof": False}, {"app_secret": "wrong"}])
async def test_without_the_right_proof_the_channel_stops_instead_of_losing_messages(
    rooms: FacebookRooms, settings: dict[str, Any]
) -> None:
    with pytest.raises(ChannelStopped):
        await rooms.connector(**settings).send(outgoing())
    assert "HUB_FACEBOOK__APP_SECRET" in rooms.tools.alarms[STOPPED_ALARM]
    rooms.graph.needs_proof = False
    await rooms.connector(appsecret_proof=False).send(outgoing())


async def test_no_connection_means_not_sent(rooms: FacebookRooms) -> None:
    connector = rooms.connector(api_base=f"http://127.0.0.1:{unused_port()}")
    for item in (outgoing(), outgoing(to=thread("900_1"))):
        with pytest.raises(NotSent):
            await connector.send(item)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"status": 500}, {"dropped": True}], ids=["502", "500", "dropped"]
)
async def test_no_answer_leaves_open_whether_a_comment_stands(
    rooms: FacebookRooms, connector: FacebookConnector, fault: dict[str, Any], done: bool
) -> None:
    first = await rooms.graph.comments_on("5001", "Xin hỏi")
    rooms.graph.faults = [Fault(done=done, **fault)]
    with pytest.raises(OutcomeUnknown):
        await connector.send(outgoing(to=thread(first)))
    assert len(rooms.graph.calls) == 1  # never resent
    assert len(rooms.graph.sent) == done


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (200, "<html>", OutcomeUnknown),
        (200, "[]", OutcomeUnknown),
        (200, '{"error": {"code": 10, "error_subcode": "2018278"}}', WindowClosed),
        (500, '{"error": {"code": 2, "message": "later"}}', NotSent),
        (500, '{"error": "?"}', OutcomeUnknown),
        (302, "", SendRefused),
        (403, "<html>", SendRefused),
        (400, '{"error": {"code": "?"}}', SendRefused),
        (429, "", NotSent),
    ],
)
async def test_answers_that_are_not_graphs(
    rooms: FacebookRooms, status: int, text: str, error: type[SendError]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        with pytest.raises(error):
            await rooms.connector(api_base=str(server.make_url(""))).send(outgoing())


async def test_a_thread_that_another_app_has_is_answered_there(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    rooms.graph.owner = PAGE_INBOX
    with pytest.raises(Unreachable, match="ứng dụng khác"):
        await connector.send(outgoing())


# ---- who writes ----------------------------------------------------------------------------------


async def test_names_are_told_family_first(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    assert await connector.name_of(conversation()) == "Nguyễn Văn Mẫu"


async def test_a_name_that_cannot_be_learned_is_none(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    assert await connector.name_of(conversation(key="1")) is None
    assert await connector.name_of(conversation(key="../x")) is None
    assert await connector.name_of(thread("900_1")) is None
    rooms.graph.token = "another"
    assert await connector.name_of(conversation()) is None
    assert rooms.tools.alarms == {}


# ---- the subscription ----------------------------------------------------------------------------


async def test_a_whole_subscription_is_left_alone(rooms: FacebookRooms, connector: FacebookConnector) -> None:
    await connector.watch.look()
    assert [call.partition(" ")[0] for call in rooms.graph.calls] == ["GET"]
    assert rooms.tools.alarms == {}


@pytest.mark.parametrize("subscribed", [[], ["messages"]])
async def test_a_lost_subscription_is_renewed(
    rooms: FacebookRooms, connector: FacebookConnector, subscribed: list[str]
) -> None:
    rooms.graph.subscribed = subscribed
    await connector.watch.look()
    assert "feed" in rooms.graph.subscribed
    assert "messages" in rooms.graph.subscribed
    assert rooms.tools.alarms == {}


async def test_a_field_that_graph_does_not_know_is_an_alarm_until_it_is_right(rooms: FacebookRooms) -> None:
    fields = ("messages", "message_edit")
    await rooms.connector(subscribed_fields=fields).watch.look()
    assert "message_edit" in rooms.tools.alarms[SUBSCRIPTION_ALARM]
    await rooms.connector().watch.look()
    assert rooms.tools.alarms == {}


async def test_a_dead_token_is_noticed_without_sending(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    rooms.graph.token = "another"
    await connector.watch.look()
    assert set(rooms.tools.alarms) == {TOKEN_ALARM}
    rooms.graph.token = PAGE_TOKEN
    await connector.watch.look()
    assert rooms.tools.alarms == {}


async def test_no_connection_is_no_alarm(rooms: FacebookRooms) -> None:
    await rooms.connector(api_base=f"http://127.0.0.1:{unused_port()}").watch.look()
    assert rooms.tools.alarms == {}


async def test_it_is_looked_at_again_and_again(rooms: FacebookRooms) -> None:
    (job,) = rooms.connector(watch_every_s=0.01).jobs()
    task = asyncio.ensure_future(job.run())
    async with asyncio.timeout(20):
        for _ in range(2):
            rooms.graph.renewed.clear()
            rooms.graph.subscribed = []
            await rooms.graph.renewed.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# ---- deliveries and settings ---------------------------------------------------------------------


async def test_what_the_platform_delivers_is_verified_and_parsed(
    rooms: FacebookRooms, connector: FacebookConnector
) -> None:
    delivery, headers = signed(await rooms.graph.says(USER, "Xin hỏi"))
    connector.verify(headers, delivery)
    (event,) = connector.parse(delivery)
    assert (event.kind, event.text, event.sender, event.account) == ("message", "Xin hỏi", USER, PAGE_ID)


async def test_the_echo_of_what_we_sent_names_our_message(rooms: FacebookRooms) -> None:
    heard: list[bytes] = []

    async def hub(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/facebook", hub)
    async with TestServer(app) as server:
        rooms.graph.webhook, rooms.graph.times = str(server.make_url("/webhooks/facebook")), 2
        connector = rooms.connector()
        sent = await connector.send(outgoing())
        await rooms.graph.staff_says(USER, "Để chị trả lời")
    events = [event for delivery in heard for event in connector.parse(delivery)]
    assert [event.kind for event in events] == ["echo", "echo", "delivery", "delivery", "echo", "echo"]
    assert {(event.external_id, event.data["message"]) for event in events[:2]} == {(sent.external_id, "m_1")}
    assert events[2].data["ids"] == [sent.external_id]
    assert "message" not in events[4].data
    assert len({event.external_id for event in events}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_id": "abc"}, {"app_secret": ""}, {"page_token": ""}, {"verify_token": ""}, {"api_version": "26"},
        {"api_base": "graph.facebook.com"}, {"subscribed_fields": ["messages,feed"]}, {"unknown": 1},
    ],
)  # fmt: skip
def test_wrong_settings_are_errors(rooms: FacebookRooms, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rooms.graph.settings(**wrong)


def test_ids_may_be_written_as_numbers(rooms: FacebookRooms) -> None:
    assert rooms.graph.settings(page_id=int(PAGE_ID), app_id=int(APP_ID)) == rooms.graph.settings()

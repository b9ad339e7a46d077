"""Answers by mail, as a mail server receives them."""

from collections.abc import AsyncIterator

import pytest

from connectors.email import EmailConnector, EmailSettings
from connectors.email_oauth import MailTokens
from hub.errors import ChannelStopped, NotSent, OutcomeUnknown, SendError, SendRefused, Unreachable
from hub.model import Button, Conversation, Message, Outgoing
from tests.conftest import FakeClock
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.fakes.token_server import token_server
from tests.fakes.tools import MemoryTools, memory_tools

CLOCK = FakeClock()
CITIZEN = "a@example.vn"
TALK = Conversation(
    id="c-1", channel="email", account="1022@1022.example.vn", key="goc@example.vn", sender=CITIZEN,
    created_at=CLOCK.now(), touched_at=CLOCK.now(),
)  # fmt: skip


def line(**fields: object) -> Message:
    given = {"id": "m-1", "conversation": "c-1", "seq": 2, "author": "bot", "kind": "message",
             "text": "Dạ, anh/chị cần tờ khai.\n\nLệ phí: miễn phí.", "at": CLOCK.now()}  # fmt: skip
    return Message.model_validate(given | fields)


def outgoing(message: Message, talk: Conversation = TALK) -> Outgoing:
    return Outgoing(message=message, conversation=talk, token="t", attempts=1)


@pytest.fixture
async def exchange() -> AsyncIterator[MailExchange]:
    async with mail_exchange() as exchange:
        yield exchange


@pytest.fixture
async def tools() -> AsyncIterator[MemoryTools]:
    async with memory_tools(CLOCK) as tools:
        tools.last_words["c-1"] = line(
            id="m-0", seq=1, author="citizen", text="hỏi", external_id="hai@example.vn",
            data={"subject": "Hỏi thủ tục khai sinh", "references": ["goc@example.vn", "mot@example.vn"]},
        )  # fmt: skip
        yield tools


def connector(exchange: MailExchange, tools: MemoryTools) -> EmailConnector:
    settings = EmailSettings.model_validate(
        {"address": "1022@1022.example.vn", "imap_url": "imap://127.0.0.1:1/INBOX", "smtp_url": exchange.url}
    )
    return EmailConnector(settings, tools)


async def test_an_answer_stands_in_the_citizens_thread(exchange: MailExchange, tools: MemoryTools) -> None:
    sent = await connector(exchange, tools).send(
        outgoing(line(buttons=(Button(title="Gặp người", payload="/p"),)))
    )
    (mail,) = exchange.taken
    assert exchange.recipients == [[CITIZEN]]
    assert mail["Subject"] == "Re: Hỏi thủ tục khai sinh"
    assert mail["In-Reply-To"] == "<hai@example.vn>"
    assert mail["References"].split() == ["<goc@example.vn>", "<mot@example.vn>", "<hai@example.vn>"]
    assert mail["Message-ID"] == f"<{sent.external_id}>" == "<m-1@1022.example.vn>"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Dạ, anh/chị cần tờ khai." in text.get_content()
    assert "Gặp người" in text.get_content()
    assert "<p>Lệ phí: miễn phí.</p>" in html.get_content()


@pytest.mark.parametrize(("author", "automatic"), [("bot", True), ("system", True), ("operator", False)])
async def test_a_machines_mail_says_that_it_is_one(
    exchange: MailExchange, tools: MemoryTools, author: str, automatic: bool
) -> None:
    await connector(exchange, tools).send(outgoing(line(author=author)))
    (mail,) = exchange.taken
    assert (mail["Auto-Submitted"] == "auto-replied") is automatic
    assert (mail["X-Auto-Response-Suppress"] == "All") is automatic


async def test_a_repeated_attempt_is_the_same_mail(exchange: MailExchange, tools: MemoryTools) -> None:
    exchange.hangs_up = True
    with pytest.raises(OutcomeUnknown):
        await connector(exchange, tools).send(outgoing(line()))
    exchange.hangs_up = False
    await connector(exchange, tools).send(outgoing(line()))
    first, second = exchange.taken
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_file_goes_along(exchange: MailExchange, tools: MemoryTools) -> None:
    blob = tools.add_blob(b"%PDF-1.4 mau", "application/pdf")
    attachment = {"type": "file", "blob": blob, "name": "mẫu đơn.pdf"}
    await connector(exchange, tools).send(outgoing(line(author="operator", attachments=[attachment])))
    (mail,) = exchange.taken
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("mẫu đơn.pdf", b"%PDF-1.4 mau")


@pytest.mark.parametrize(
    ("where", "said", "error"),
    [
        ("refuses_recipient", "550 5.1.1 no such user", Unreachable),
        ("refuses_recipient", "450 4.2.1 mailbox busy", NotSent),
        ("refuses_mail", "554 5.7.1 looks like spam", SendRefused),
        ("refuses_mail", "452 4.3.1 disk full", NotSent),
    ],
)
async def test_every_refusal_has_its_outcome(
    exchange: MailExchange, tools: MemoryTools, where: str, said: str, error: type[SendError]
) -> None:
    setattr(exchange, where, said)
    with pytest.raises(error):
        await connector(exchange, tools).send(outgoing(line()))
    assert exchange.taken == []


async def test_no_server_and_no_address(exchange: MailExchange, tools: MemoryTools) -> None:
    nobody = TALK.model_copy(update={"sender": ""})
    with pytest.raises(Unreachable):
        await connector(exchange, tools).send(outgoing(line(), nobody))
    away = MailExchange(port=1)
    with pytest.raises(NotSent):
        await connector(away, tools).send(outgoing(line()))


async def test_a_ticket_s_code_stands_in_the_subject(exchange: MailExchange, tools: MemoryTools) -> None:
    tools.codes["t-1"] = "1022-2026-000042"
    with_ticket = TALK.model_copy(update={"ticket": "t-1"})
    await connector(exchange, tools).send(outgoing(line(), with_ticket))
    (mail,) = exchange.taken
    assert mail["Subject"] == "Re: Hỏi thủ tục khai sinh [1022-2026-000042]"


async def test_a_second_mail_of_one_id_is_answered_by_its_real_id(
    exchange: MailExchange, tools: MemoryTools
) -> None:
    own = "hai@example.vn#" + "0a" * 16
    tools.last_words["c-1"] = line(
        id="m-0", seq=1, author="citizen", external_id=own, data={"subject": "Hỏi"}
    )
    await connector(exchange, tools).send(outgoing(line(), TALK.model_copy(update={"key": own})))
    (mail,) = exchange.taken
    assert (mail["In-Reply-To"], mail["References"]) == ("<hai@example.vn>", "<hai@example.vn>")


@pytest.mark.parametrize(
    "sender",
    ["a,b@example.vn", "a b@example.vn", "a@", "a@b@c.vn", '"a@example.vn', "a\r\nBcc: x@example.vn"],
)
async def test_what_is_no_address_gets_no_mail(
    exchange: MailExchange, tools: MemoryTools, sender: str
) -> None:
    with pytest.raises(Unreachable):
        await connector(exchange, tools).send(outgoing(line(), TALK.model_copy(update={"sender": sender})))
    assert exchange.taken == []


async def test_names_in_letters_of_their_own(exchange: MailExchange, tools: MemoryTools) -> None:
    await connector(exchange, tools).send(outgoing(line(), TALK.model_copy(update={"sender": "an@ví-dụ.vn"})))
    assert exchange.recipients == [["an@xn--v-d-rma6749a.vn"]]
    await connector(exchange, tools).send(
        outgoing(line(), TALK.model_copy(update={"sender": "mẫu@example.vn"}))
    )
    assert exchange.recipients[1] == ["mẫu@example.vn"]


async def test_tokens_open_the_server_and_are_renewed_once(tools: MemoryTools) -> None:
    async with token_server() as tokens, mail_exchange(tokens) as exchange:
        given = {
            "address": "1022@1022.example.vn",
            "imap_url": "imap://127.0.0.1:1/INBOX",
            "smtp_url": exchange.url,
        }
        one, two = (
            EmailConnector(EmailSettings.model_validate(given | tokens.settings()), tools) for _ in range(2)
        )
        await one.send(outgoing(line()))
        await two.send(outgoing(line(id="m-2")))
        assert (len(exchange.taken), len(tokens.asked)) == (2, 1), "one token for all processes"
        tokens.good.clear()
        await one.send(outgoing(line(id="m-3")))
        assert (len(exchange.taken), len(tokens.asked)) == (3, 2)
        tokens.good.clear()
        tokens.status = 503
        with pytest.raises(NotSent):
            await one.send(outgoing(line(id="m-4")))
        tokens.status, tokens.refuses = 0, "invalid_grant"
        with pytest.raises(ChannelStopped):
            await one.send(outgoing(line(id="m-4")))
        assert [what for what in tools.alarms if what.endswith(":consent")]
        tokens.refuses = ""
        await one.send(outgoing(line(id="m-4")))
        assert tools.alarms == {}


async def test_a_refresh_token_that_changes_is_kept_and_a_new_one_set_by_people_counts(
    tools: MemoryTools,
) -> None:
    async with token_server() as tokens:
        given = {
            "address": "1022@1022.example.vn",
            "imap_url": "imap://127.0.0.1:1",
            "smtp_url": "smtp://127.0.0.1:1",
        }
        tokens.rotates, tokens.lasts_s = True, 360
        settings = EmailSettings.model_validate(given | tokens.settings())
        clock = FakeClock()
        tools.clock = clock
        assert await MailTokens(settings, tools).current() == "truy-cap-1"
        clock.forward(59_000)
        assert await MailTokens(settings, tools).current() == "truy-cap-1"
        clock.forward(2_000)
        assert await MailTokens(settings, tools).current() == "truy-cap-2", "before it runs out"
        assert [one["refresh_token"] for one in tokens.asked] == ["gia-han-1", "gia-han-2"]
        tokens.refresh = "do-nguoi-dat"
        renewed = EmailSettings.model_validate(given | tokens.settings())
        assert await MailTokens(renewed, tools).current() == "truy-cap-3"


@pytest.mark.parametrize(
    "wrong", [{"token_url": "http://login.example.vn/token"}, {"client_id": ""}, {"refresh_token": ""}]
)
def test_settings_of_tokens_belong_together(wrong: dict[str, str]) -> None:
    given = {
        "address": "1022@1022.example.vn",
        "imap_url": "imaps://imap.example.vn",
        "smtp_url": "smtps://smtp.example.vn",
    }
    whole = {"token_url": "https://login.example.vn/token", "client_id": "hub", "refresh_token": "r"}
    EmailSettings.model_validate(given | whole)
    with pytest.raises(ValueError, match="token_url"):
        EmailSettings.model_validate(given | whole | wrong)


async def test_what_was_said_elsewhere_is_a_mail_of_its_own(
    exchange: MailExchange, tools: MemoryTools
) -> None:
    form = TALK.model_copy(update={"channel": "form", "sender": "f_1", "key": "f_1"})
    await connector(exchange, tools).write(outgoing(line(author="operator"), form), "tu@example.vn")
    (mail,) = exchange.taken
    assert exchange.recipients == [["tu@example.vn"]]
    assert mail["In-Reply-To"] is None
    assert "f_1" not in mail.as_string(), "nothing by which the form could be found"


async def test_a_server_that_refuses_the_login_is_an_alarm_until_it_takes_one(tools: MemoryTools) -> None:
    async with token_server() as tokens, mail_exchange(tokens) as exchange:
        given = {
            "address": "1022@1022.example.vn",
            "imap_url": "imap://127.0.0.1:1",
            "smtp_url": exchange.url,
        }
        there = EmailConnector(EmailSettings.model_validate(given | {"access_token": "dan-tay"}), tools)
        with pytest.raises(ChannelStopped):
            await there.send(outgoing(line()))
        ((what, told),) = tools.alarms.items()
        assert what == "email-smtp:1022@1022.example.vn"
        assert "dan-tay" not in told
        tokens.good.add("dan-tay")
        await there.send(outgoing(line()))
        assert tools.alarms == {}


async def test_who_cannot_be_written_to_is_told_before_writing(
    exchange: MailExchange, tools: MemoryTools
) -> None:
    there = connector(exchange, tools)
    assert there.reach(TALK, CLOCK.now()).staff
    for changed in ({"sender": ""}, {"unreachable": "Thư số 2 bị trả lại: 550 5.1.1"}):
        reach = there.reach(TALK.model_copy(update=changed), CLOCK.now())
        assert (reach.staff, reach.bot, bool(reach.notice)) == (False, False, True)

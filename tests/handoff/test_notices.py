"""Which acts call for a mail to the agency, when it still stands, and that it says nothing of the matter."""

import pytest

from handoff import acts, notices
from handoff.acts import Actor
from handoff.casework import Casework
from handoff.rules import product
from hub.model import Notice, Ticket
from hub.ports import Store
from tests.conftest import FakeClock
from tests.handoff.cases import AGENCY, HEALTH, LAN, POWER, done, ms, opened
from tests.handoff.test_casework import report

SYSTEM = Actor(id="system", kind="system")


def forwarded() -> Ticket:
    return done(opened(), acts.Forward(agency=POWER), LAN, "2026-11-25T09:00")


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (acts.Forward(agency=POWER), "forwarded"),
        (acts.Remind(), "reminded"),
        (acts.Warn(alarms=("agency:50",)), "warned"),
        (acts.Warn(alarms=("citizen:80", "agency:80")), "warned"),
        (acts.Warn(alarms=("agency:80", "agency:100")), "overdue"),
        (acts.Warn(alarms=("citizen:100",)), None),
        (acts.Note(text="x"), None),
        (acts.Accept(), None),
    ],
)
def test_which_act_calls_for_which_mail(act: acts.Act, kind: str | None) -> None:
    called = notices.called_for(forwarded(), act, "t-1", 5)
    assert [one.kind for one in called] == ([kind] if kind else [])


def test_a_mail_stands_only_while_the_case_lies_there() -> None:
    ticket = forwarded()
    (mail,) = notices.called_for(ticket, acts.Forward(agency=POWER), "t-1", 5)
    assert notices.stands(mail, ticket)
    for act, actor in (
        (acts.Revoke(), LAN),
        (acts.Forward(agency=HEALTH), LAN),
        (acts.Forward(agency=POWER), LAN),
        (acts.Close(), LAN),
        (acts.Return(reason="x"), AGENCY),
    ):
        assert not notices.stands(mail, done(ticket, act, actor, "2026-11-25T10:00")), act
    assert not notices.stands(mail, None)


def test_nothing_of_the_matter_or_the_person_stands_in_it() -> None:
    ticket = forwarded().model_copy(update={"details": {"phone": "0900000001"}, "commune": "phuong-my-tho"})
    mail = Notice(id="z", ticket=ticket.id, agency=POWER, kind="forwarded", link_epoch=1, at=5)
    said = notices.text(mail, ticket, product(), "https://1022.example/case/abc")
    assert "https://1022.example/case/abc" in said
    assert "Phường Mỹ Tho" in said
    assert "Hạn trả lời của cơ quan: 9 giờ, thứ Năm ngày 26/11/2026" in said
    for private in (ticket.summary + ".", "0900000001", ticket.lookup_key):
        assert private not in said
    assert notices.subject(mail, ticket) == "[1022-2026-000001] Phiếu cần cơ quan xử lý"


async def test_an_agency_is_told_once_whatever_is_repeated(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    for _ in range(2):
        await casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "1")
    await casework.do(ticket.id, acts.Remind(), LAN, "2")
    await casework.do(ticket.id, acts.Propose(kind="question", text="Số nhà?"), AGENCY, "3")
    await casework.do(ticket.id, acts.Decline(reason="Đã có trong phiếu"), LAN, "4")
    await casework.do(ticket.id, acts.Ask(), LAN, "5", text="Số nhà?")
    clock.forward(ms("2026-11-25T09:00") - clock.now())
    await casework.do(ticket.id, acts.Heard(), SYSTEM, "6")
    kinds = sorted(one.kind for one in await store.notices(ticket.id))
    assert kinds == ["declined", "forwarded", "heard", "reminded"]

"""Signed links: one case, one agency, one forwarding, for a while."""

import pytest

from handoff import acts
from handoff.lifecycle import Refused
from handoff.links import LIFE_MS, Links
from hub.model import Ticket
from tests.handoff.cases import AGENCY, LAN, POWER, done, ms, opened

LINKS = Links("a secret of thirty-two characters!")
NOW = ms("2026-11-25T10:00")


def forwarded() -> Ticket:
    return done(opened(), acts.Forward(agency=POWER), LAN, "2026-11-25T09:00")


def test_a_link_speaks_for_the_agency_on_that_case() -> None:
    ticket = forwarded()
    token = LINKS.make(ticket, NOW)
    assert LINKS.ticket_of(token) == ticket.id
    assert LINKS.holder(token, ticket, NOW + LIFE_MS - 1) == AGENCY
    assert LINKS.make(ticket, NOW) == token, "sending it again sends the same"


def test_a_link_ends() -> None:
    ticket = forwarded()
    assert LINKS.holder(LINKS.make(ticket, NOW), ticket, NOW + LIFE_MS) is None


def test_a_link_is_for_one_case() -> None:
    other = forwarded().model_copy(update={"id": "k-2"})
    assert LINKS.holder(LINKS.make(forwarded(), NOW), other, NOW) is None


@pytest.mark.parametrize(
    "act", [acts.Revoke(), acts.Forward(agency="dt-so-y-te"), acts.Close(), acts.Forward(agency=POWER)]
)
def test_a_link_is_worthless_once_the_case_has_gone_on(act: acts.Act) -> None:
    ticket = forwarded()
    token = LINKS.make(ticket, NOW)
    after = done(ticket, act, LAN, "2026-11-25T10:00")
    assert LINKS.holder(token, after, NOW) is None


def test_a_case_that_was_given_back_needs_a_new_link() -> None:
    ticket = forwarded()
    token = LINKS.make(ticket, NOW)
    returned = done(ticket, acts.Return(reason="Không phải"), AGENCY, "2026-11-25T10:00")
    assert LINKS.holder(token, returned, NOW) is None
    again = done(returned, acts.Forward(agency=POWER), LAN, "2026-11-25T11:00")
    assert LINKS.holder(token, again, NOW) is None
    assert LINKS.holder(LINKS.make(again, NOW), again, NOW) == AGENCY


@pytest.mark.parametrize("token", ["", "x", "a.b", "W10.x", "ê" * 40])
def test_what_we_did_not_make_is_nobodys(token: str) -> None:
    assert LINKS.ticket_of(token) is None
    assert LINKS.holder(token, forwarded(), NOW) is None


def test_another_key_or_a_changed_token_opens_nothing() -> None:
    ticket = forwarded()
    token = LINKS.make(ticket, NOW)
    assert Links("another secret of thirty-two chars").holder(token, ticket, NOW) is None
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert LINKS.holder(changed, ticket, NOW) is None


def test_a_case_with_no_agency_has_no_link() -> None:
    with pytest.raises(ValueError, match="no agency"):
        LINKS.make(opened(), NOW)


def test_the_holder_may_do_what_an_agency_may_and_no_more() -> None:
    ticket = forwarded()
    holder = LINKS.holder(LINKS.make(ticket, NOW), ticket, NOW)
    assert holder is not None
    assert done(ticket, acts.Propose(kind="answer", text="Xong"), holder, NOW).proposal is not None
    with pytest.raises(Refused):
        done(ticket, acts.Close(), holder, NOW)

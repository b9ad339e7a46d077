"""What may be done to a ticket, what it leads to, and that both clocks can be read from the history alone."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff import acts, clocks
from handoff.acts import CITIZEN, SYSTEM, Actor
from handoff.lifecycle import Refused, deadlines
from handoff.rules import Policy, product
from hub.model import Ticket
from tests.handoff.cases import AGENCY, HEALTH, HOUR, LAN, MINH, POWER, done, ms, opened, text

NO_REVIEW = dataclasses.replace(product(), policies={POWER: Policy(review=False)})
#: Everything counts as on Wednesday 2026-11-25, a whole working day.
DAY = "2026-11-25T"


def forwarded() -> Ticket:
    ticket = done(opened(), acts.Assign(operator=LAN.id), LAN, f"{DAY}08:30")
    return done(ticket, acts.Forward(agency=POWER), LAN, f"{DAY}09:00")


def refused(ticket: Ticket, act: acts.Act, actor: Actor) -> str:
    with pytest.raises(Refused) as refusal:
        done(ticket, act, actor, f"{DAY}10:00")
    assert str(refusal.value).strip()
    return refusal.value.code


# ---- from receipt to closing ------------------------------------------------------------------------


def test_a_case_goes_its_way() -> None:
    ticket = forwarded()
    assert (ticket.state, ticket.agency, ticket.operator) == ("forwarded", POWER, LAN.id)
    assert (text(ticket.due_at), text(ticket.agency_due_at)) == ("2026-11-26 08:00", "2026-11-26 09:00")
    ticket = done(ticket, acts.Accept(), AGENCY, f"{DAY}09:10")
    ticket = done(ticket, acts.Propose(kind="answer", text="Có điện lúc 10 giờ"), AGENCY, f"{DAY}10:00")
    assert (ticket.state, ticket.agency_due_at) == ("assigned", None), "an operator reads it first"
    assert ticket.proposal is not None
    ticket = done(ticket, acts.Answer(), LAN, f"{DAY}10:05")
    assert (ticket.state, ticket.proposal, ticket.alarm_at) == ("answered", None, None)
    ticket = done(ticket, acts.Close(), LAN, f"{DAY}10:10")
    assert ticket.state == "closed"
    assert [(event.action, event.actor, event.state) for event in ticket.history] == [
        ("open", "bot", "new"),
        ("assign", LAN.id, "assigned"),
        ("forward", LAN.id, "forwarded"),
        ("accept", AGENCY.id, "forwarded"),
        ("agency_answer", AGENCY.id, "assigned"),
        ("answer", LAN.id, "answered"),
        ("close", LAN.id, "closed"),
    ]
    assert ticket.version == 6
    assert text(ticket.due_at) == "2026-11-26 08:00", "what was promised stays"


def test_the_history_says_what_went_from_what_to_what() -> None:
    ticket = done(
        opened(), acts.Classify(category="giao-thong-duong-hu", summary="Đường hư"), LAN, f"{DAY}09:00"
    )
    event = ticket.history[-1]
    assert event.changes["category"] == ("dien-mat-dien", "giao-thong-duong-hu")
    assert event.changes["hours"] == (8, 48)
    assert event.changes["due_at"] == (ms("2026-11-26T08:00"), ms("2026-12-03T08:00"))
    assert event.changes["summary"] == (None, None), "personal words stay out of it"
    assert "alarm_at" not in event.changes


def test_no_change_is_no_line_in_the_history() -> None:
    ticket = done(opened(), acts.Assign(operator=LAN.id), LAN, f"{DAY}08:30")
    assert done(ticket, acts.Assign(operator=LAN.id), LAN, f"{DAY}08:40") == ticket
    accepted = done(forwarded(), acts.Accept(), AGENCY, f"{DAY}09:10")
    assert done(accepted, acts.Accept(), AGENCY, f"{DAY}09:20") == accepted


# ---- two clocks -------------------------------------------------------------------------------------


def test_waiting_for_the_citizen_stops_both_clocks() -> None:
    ticket = done(forwarded(), acts.Ask(), LAN, f"{DAY}10:00")
    assert (ticket.state, ticket.due_at, ticket.agency_due_at, ticket.alarm_at) == (
        "waiting_citizen", None, None, None,
    )  # fmt: skip
    ticket = done(ticket, acts.Heard(), CITIZEN, f"{DAY}11:00")
    assert ticket.state == "forwarded", "it still lies with the agency"
    assert (text(ticket.due_at), text(ticket.agency_due_at)) == ("2026-11-26 09:00", "2026-11-26 10:00")


def test_a_wrong_agencys_time_is_counted_against_nobody_else() -> None:
    ticket = done(forwarded(), acts.Return(reason="Không phải lưới của chúng tôi"), AGENCY, f"{DAY}15:00")
    assert (ticket.state, ticket.agency_due_at) == ("returned", None)
    ticket = done(ticket, acts.Forward(agency="dt-so-cong-thuong"), LAN, f"{DAY}15:30")
    assert text(ticket.agency_due_at) == "2026-11-26 15:30", "a whole time of its own"
    assert text(ticket.due_at) == "2026-11-26 08:00", "the citizen's clock never began anew"


def test_an_agencys_question_that_waits_for_review_is_not_counted_against_it() -> None:
    ticket = done(forwarded(), acts.Propose(kind="question", text="Số công tơ?"), AGENCY, f"{DAY}10:00")
    assert (ticket.state, ticket.agency_due_at) == ("assigned", None)
    assert text(ticket.due_at) == "2026-11-26 08:00", "the citizen does not know of it yet"
    ticket = done(ticket, acts.Decline(reason="Đã có trong phiếu"), LAN, f"{DAY}11:00")
    assert (ticket.state, text(ticket.agency_due_at)) == ("forwarded", "2026-11-26 10:00")


def test_reopening_does_not_start_the_citizens_clock_anew() -> None:
    ticket = done(forwarded(), acts.Close(), LAN, f"{DAY}10:00")
    ticket = done(ticket, acts.Reopen(reason="Vẫn mất điện"), CITIZEN, "2026-11-27T09:00")
    assert (ticket.state, text(ticket.due_at)) == ("reopened", "2026-11-26 08:00")
    assert ticket.agency_due_at is None
    assert ticket.alarm_at == ms("2026-11-27T09:00"), "late already: the supervisor hears of it at once"


def test_without_review_the_agencys_word_goes_to_the_citizen() -> None:
    answered = done(
        forwarded(), acts.Propose(kind="answer", text="Xong"), AGENCY, f"{DAY}10:00", rules=NO_REVIEW
    )
    assert (answered.state, answered.proposal) == ("answered", None)
    asked = done(
        forwarded(), acts.Propose(kind="question", text="Ở đâu?"), AGENCY, f"{DAY}10:00", rules=NO_REVIEW
    )
    assert (asked.state, asked.due_at) == ("waiting_citizen", None)


def test_old_tickets_without_a_promise_have_no_clock() -> None:
    ticket = done(opened(hours=None, received_at=None), acts.Assign(operator=LAN.id), LAN, f"{DAY}09:00")
    assert (ticket.due_at, ticket.alarm_at) == (None, None)


# ---- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "actor", "code"),
    [
        (acts.Forward(agency="dt-khong-co"), LAN, "unknown_agency"),
        (acts.Classify(category="khong-co"), LAN, "unknown_category"),
        (acts.Classify(commune="khong-co"), LAN, "unknown_commune"),
        (acts.Accept(), AGENCY, "not_yours"),
        (acts.Close(), AGENCY, "not_yours"),
        (acts.Close(), CITIZEN, "not_yours"),
        (acts.Heard(), CITIZEN, "state"),
        (acts.Reopen(), CITIZEN, "state"),
        (acts.Decline(reason="x"), LAN, "state"),
        (acts.Unmerge(), LAN, "state"),
        (acts.Link(ticket="k-1"), LAN, "self"),
    ],
)
def test_what_does_not_fit_is_refused(act: acts.Act, actor: Actor, code: str) -> None:
    assert refused(opened(), act, actor) == code


def test_an_agency_acts_on_its_own_cases_only() -> None:
    other = Actor(id="s-officer", kind="agency", agencies=(HEALTH,))
    assert refused(forwarded(), acts.Accept(), other) == "not_yours"
    both = Actor(id="s-officer", kind="agency", agencies=(HEALTH, POWER))
    assert done(forwarded(), acts.Accept(), both, f"{DAY}10:00").history[-1].actor == "s-officer"
    assert refused(done(forwarded(), acts.Ask(), LAN, f"{DAY}09:30"), acts.Accept(), AGENCY) == "state"


def test_a_closed_ticket_is_opened_first() -> None:
    closed = done(opened(), acts.Close(), LAN, f"{DAY}09:00")
    for act in (acts.Assign(operator=LAN.id), acts.Forward(agency=POWER), acts.Ask(), acts.Close()):
        assert refused(closed, act, LAN) == "closed"
    spam = done(opened(), acts.Spam(), LAN, f"{DAY}09:00")
    assert refused(spam, acts.Reopen(), CITIZEN) == "closed"
    assert done(spam, acts.Reopen(), LAN, f"{DAY}10:00").state == "reopened", "a slip can be undone by staff"


def test_a_complaint_never_goes_to_whom_it_is_about() -> None:
    ticket = opened(reason="complaint")
    assert refused(ticket, acts.Forward(agency=HEALTH), LAN) == "about", "first it must be known about whom"
    about = done(ticket, acts.Classify(about="dt-ubnd-xa@phuong-my-tho"), LAN, f"{DAY}09:00")
    for own in ("dt-ubnd-xa@phuong-my-tho", "dt-ttpvhcc-xa@phuong-my-tho"):
        assert refused(about, acts.Forward(agency=own), LAN) == "conflict"
    elsewhere = done(about, acts.Forward(agency="dt-vp-ubnd"), LAN, f"{DAY}09:30")
    assert elsewhere.agency == "dt-vp-ubnd"
    assert refused(elsewhere, acts.Classify(about="dt-vp-ubnd"), LAN) == "conflict"


def test_assigning_what_a_colleague_has_may_be_refused() -> None:
    ticket = done(opened(), acts.Assign(operator=LAN.id), LAN, f"{DAY}09:00")
    assert refused(ticket, acts.Assign(operator=MINH.id, only_if_free=True), SYSTEM) == "taken"
    assert done(ticket, acts.Assign(operator=MINH.id), LAN, f"{DAY}09:05").operator == MINH.id


def test_merging() -> None:
    merge = acts.Merge(into="k-2", into_due_at=ms(f"{DAY}16:00"), into_state="assigned")
    ticket = done(opened(), merge, LAN, f"{DAY}09:00")
    assert (ticket.merged_into, ticket.alarm_at, ticket.state) == ("k-2", None, "new")
    assert refused(ticket, acts.Forward(agency=POWER), LAN) == "merged"
    alone = done(ticket, acts.Unmerge(), LAN, f"{DAY}10:00")
    assert (alone.merged_into, alone.alarm_at) == (None, opened().alarm_at)
    late = acts.Merge(into="k-2", into_due_at=ms("2026-11-27T16:00"), into_state="assigned")
    assert refused(opened(), late, LAN) == "merge_due"
    for wrong in ({"into_state": "closed"}, {"into_merged": True}, {"into": "k-1"}):
        assert refused(opened(), merge.model_copy(update=wrong), LAN) == "merge"


def test_links_between_tickets() -> None:
    ticket = done(opened(), acts.Link(ticket="k-2"), LAN, f"{DAY}09:00")
    ticket = done(ticket, acts.Link(ticket="k-3", duplicate=True), LAN, f"{DAY}09:00")
    assert (ticket.related, ticket.duplicate_of) == (("k-2",), "k-3")
    for other in ("k-2", "k-3"):
        ticket = done(ticket, acts.Unlink(ticket=other), LAN, f"{DAY}09:00")
    assert (ticket.related, ticket.duplicate_of) == ((), None)


# ---- warnings ---------------------------------------------------------------------------------------


def test_warnings_come_at_half_and_four_fifths_and_at_the_end() -> None:
    ticket = opened()
    assert [(name, text(at)) for name, at in clocks.alarms_due(ticket, product())] == [
        ("citizen:50", "2026-11-25 14:00"),
        ("citizen:80", "2026-11-25 16:24"),
        ("citizen:100", "2026-11-26 08:00"),
    ]
    assert text(ticket.alarm_at) == "2026-11-25 14:00"
    ticket = done(ticket, acts.Warn(alarms=("citizen:50",)), SYSTEM, f"{DAY}14:00")
    assert (text(ticket.alarm_at), ticket.escalated_at) == ("2026-11-25 16:24", None)
    ticket = done(ticket, acts.Warn(alarms=("citizen:80", "citizen:100")), SYSTEM, "2026-11-26T08:00")
    assert (ticket.alarm_at, text(ticket.escalated_at)) == (None, "2026-11-26 08:00")


def test_another_agency_is_warned_anew() -> None:
    ticket = done(forwarded(), acts.Warn(alarms=("agency:50", "citizen:50")), SYSTEM, f"{DAY}15:00")
    ticket = done(ticket, acts.Forward(agency="dt-so-cong-thuong"), LAN, f"{DAY}15:30")
    assert ticket.alarms == ("citizen:50",)


def test_what_is_late_at_night_waits_for_the_morning_unless_it_is_urgent() -> None:
    closed = done(opened(), acts.Close(), LAN, f"{DAY}09:00")
    late = done(closed, acts.Reopen(), CITIZEN, "2026-11-27T23:00")
    assert text(late.alarm_at) == "2026-11-28 06:00"
    urgent = done(opened(priority="urgent"), acts.Close(), LAN, f"{DAY}09:00")
    assert text(done(urgent, acts.Reopen(), CITIZEN, "2026-11-27T23:00").alarm_at) == "2026-11-25 14:00"


# ---- any history ------------------------------------------------------------------------------------

any_act: Any = st.sampled_from(
    [
        (acts.Assign(operator=LAN.id), LAN),
        (acts.Release(), LAN),
        (acts.Forward(agency=POWER), LAN),
        (acts.Forward(agency=HEALTH), LAN),
        (acts.Accept(), AGENCY),
        (acts.Propose(kind="answer", text="x"), AGENCY),
        (acts.Propose(kind="question", text="x"), AGENCY),
        (acts.Return(reason="x"), AGENCY),
        (acts.Decline(reason="x"), LAN),
        (acts.Ask(), LAN),
        (acts.Ask(), LAN),
        (acts.Heard(), CITIZEN),
        (acts.Heard(), CITIZEN),
        (acts.Answer(), LAN),
        (acts.Close(), LAN),
        (acts.Reopen(), CITIZEN),
        (acts.Classify(category="giao-thong-duong-hu"), LAN),
        (acts.Classify(category="dien-mat-dien"), LAN),
        (acts.Merge(into="k-2", into_due_at=0, into_state="new"), LAN),
        (acts.Unmerge(), LAN),
        (acts.Note(text="x"), LAN),
    ]
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(any_act, st.integers(0, 30 * HOUR)), max_size=14), st.booleans())
def test_counting_again_from_the_history_gives_the_same_minute(
    steps: list[tuple[Any, int]], review: bool
) -> None:
    rules = product() if review else NO_REVIEW
    ticket = opened(rules=rules)
    at = ticket.created_at
    for (act, actor), later in steps:
        at += later
        try:
            ticket = done(ticket, act, actor, at, rules)
        except Refused:
            continue
        counted = deadlines(ticket, rules, at)
        assert (ticket.due_at, ticket.agency_due_at) == (counted["due_at"], counted["agency_due_at"])
        if ticket.due_at is None:
            assert ticket.state == "waiting_citizen", "nothing else stops the citizen's clock"
        if ticket.state == "forwarded":
            assert ticket.agency_due_at is not None
        assert ticket.version == len(ticket.history) - 1
        read_back = Ticket.model_validate_json(ticket.model_dump_json())
        assert deadlines(read_back, rules, at) == counted
    assert ticket.history == tuple(sorted(ticket.history, key=lambda event: event.at))

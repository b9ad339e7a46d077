import json
from pathlib import Path
from typing import Any

import pytest

from connectors.facebook import parse
from connectors.facebook_events import challenge, verify
from hub.clock import iso_utc
from hub.errors import AlienPayload, Forged
from hub.model import Event
from tests.fakes.graph import APP_ID, APP_SECRET, PAGE_ID, PAGE_INBOX, VERIFY_TOKEN, signed

PAYLOADS = Path(__file__).parents[1] / "payloads" / "facebook"
NAMES = sorted(path.name[: -len(".json")] for path in PAYLOADS.glob("*.json") if ".expected" not in path.name)
USER = "24001122334455667"
TEXT = json.loads((PAYLOADS / "message_text.json").read_bytes())


def lines(body: bytes) -> list[dict[str, Any]]:
    out = []
    for event in parse(body):
        line = event.model_dump(mode="json")
        line["sent_at"] = iso_utc(event.sent_at) if event.sent_at is not None else None
        line["attachments"] = [one.shown() for one in event.attachments]
        out.append(line)
    return out


def body(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def of_page(**entry: Any) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": PAGE_ID, "time": 1_795_400_001} | entry]}


def update(*, sender: str = USER, recipient: str = PAGE_ID, **what: Any) -> dict[str, Any]:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": 1_795_400_000_123} | what


def one(*, app_id: str | None = None, **what: Any) -> Event:
    (event,) = parse(body(of_page(messaging=[update(**what)])), account=PAGE_ID, app_id=app_id)
    return event


def comment(**value: Any) -> Event:
    given = {"item": "comment", "verb": "add", "comment_id": "900_55", "post_id": "1_900", "parent_id": "1_900",
             "created_time": 1_795_400_000, "from": {"id": "5001", "name": "Chị Mẫu"}, "message": "Hỏi"}  # fmt: skip
    time = value.pop("time", 1_795_400_001)
    (event,) = parse(body(of_page(time=time, changes=[{"field": "feed", "value": given | value}])))
    return event


# ---- every kind ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_event_is_normalised(name: str) -> None:
    expected = (PAYLOADS / f"{name}.expected.json").read_text().splitlines()
    assert lines((PAYLOADS / f"{name}.json").read_bytes()) == [json.loads(one) for one in expected]


@pytest.mark.parametrize("name", NAMES)
def test_parsing_is_pure(name: str) -> None:
    delivery = (PAYLOADS / f"{name}.json").read_bytes()
    assert parse(delivery) == parse(delivery)


@pytest.mark.parametrize("name", NAMES)
def test_settings_change_nothing_but_whose_thread_and_echo_it_is(name: str) -> None:
    delivery = (PAYLOADS / f"{name}.json").read_bytes()
    without, with_ = parse(delivery), parse(delivery, account=PAGE_ID, app_id=APP_ID)
    for plain, told in zip(without, with_, strict=True):
        kept = {key: value for key, value in told.data.items() if key != "ours" or key in plain.data}
        assert told.model_copy(update={"data": kept, "account": plain.account}) == plain.model_copy(
            update={"external_id": told.external_id}
        )


def test_meta_escapes_vietnamese_and_it_is_read_all_the_same() -> None:
    escaped = (PAYLOADS / "message_text.json").read_bytes()
    assert b"\\u0110" in escaped
    assert parse(escaped)[0].text == "Đèn đường hỏng ở phường Cao Lãnh"
    assert parse(json.dumps(TEXT, ensure_ascii=False).encode()) == parse(escaped)


def test_no_two_events_of_the_corpus_share_an_id_by_chance() -> None:
    found = [event for name in NAMES for event in parse((PAYLOADS / f"{name}.json").read_bytes())]
    ids = [event.external_id for event in found]
    assert [id_ for id_ in ids if ids.count(id_) > 1] == ["900_55", "900_55"]  # once without its author


def test_what_is_about_a_message_never_has_its_id() -> None:
    for name in ("message_edit", "reaction", "delivery", "comment_edited", "comment_removed"):
        (event,) = parse((PAYLOADS / f"{name}.json").read_bytes())
        assert event.external_id not in ("m_A", "m_C", "900_55")
        assert event.external_id.startswith("fb_")


def test_one_person_is_one_conversation_whatever_the_direction() -> None:
    events = [
        one(message={"mid": "m_1", "text": "Chào"}),
        one(sender=PAGE_ID, recipient=USER, message={"mid": "m_2", "is_echo": True, "text": "Dạ"}),
        one(delivery={"mids": ["m_2"], "watermark": 1}),
        one(read={"watermark": 1_795_400_000_000}),
        one(reaction={"mid": "m_2", "action": "react"}),
        one(pass_thread_control={"new_owner_app_id": "1"}),
    ]
    assert {event.conversation for event in events} == {USER}
    assert {event.account for event in events} == {PAGE_ID}


# ---- derived ids ---------------------------------------------------------------------------------


def test_derived_ids_differ_by_kind_person_moment_target_and_text() -> None:
    edits = [
        one(message_edit={"mid": "m_1", "text": "a", "num_edit": 1}),
        one(message_edit={"mid": "m_2", "text": "a", "num_edit": 1}),
        one(message_edit={"mid": "m_1", "text": "b", "num_edit": 1}),
        one(message_edit={"mid": "m_1", "text": "a", "num_edit": 2}),
        one(message_edit={"mid": "m_1", "text": "a", "num_edit": 1}, sender="7"),
        one(message_edit={"mid": "m_1", "text": "a", "num_edit": 1}, timestamp=1_795_400_000_124),
        one(read={"watermark": 1_795_400_000_000}),
        one(read={"watermark": 1_795_400_000_001}),
        one(delivery={"watermark": 1_795_400_000_000}),
        one(delivery={"mids": ["m_1"], "watermark": 1_795_400_000_000}),
        one(reaction={"mid": "m_1", "action": "react", "reaction": "love"}),
        one(reaction={"mid": "m_1", "action": "unreact", "reaction": "love"}),
        one(postback={"title": "Có", "payload": "Y"}),
        one(postback={"title": "Có", "payload": "N"}),
    ]
    assert len({event.external_id for event in edits}) == len(edits)


def test_edits_that_come_back_to_an_earlier_text_are_told_apart() -> None:
    ids = {
        comment(verb=verb, message=text, time=time).external_id
        for verb, text, time in (
            ("edited", "một", 1), ("edited", "hai", 2), ("edited", "một", 3), ("remove", "một", 3),
        )
    }  # fmt: skip
    assert len(ids) == 4
    assert comment(verb="edited", time=1).external_id == comment(verb="edited", time=1).external_id


# ---- whose message, whose thread -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("echo", "ours"),
    [
        ({"app_id": int(APP_ID), "metadata": "hub:m_9"}, True),
        ({"app_id": APP_ID, "metadata": "hub:m_9"}, True),
        ({"app_id": int(APP_ID), "metadata": "theirs"}, False),
        ({"app_id": int(APP_ID)}, False),
        ({"app_id": int(PAGE_INBOX)}, False),
        ({"app_id": 5, "metadata": "hub:m_9"}, False),
        ({}, False),
    ],
)
def test_only_an_echo_with_our_mark_from_our_app_is_ours(echo: dict[str, Any], ours: bool) -> None:
    said = {"mid": "m_2", "is_echo": True, "text": "Dạ"} | echo
    event = one(sender=PAGE_ID, recipient=USER, message=said, app_id=APP_ID)
    assert event.kind == "echo"
    assert event.data.get("message") == ("m_9" if ours else None)


@pytest.mark.parametrize(
    ("control", "ours"),
    [
        ({"pass_thread_control": {"new_owner_app_id": int(APP_ID)}}, True),
        ({"pass_thread_control": {"new_owner_app_id": PAGE_INBOX}}, False),
        ({"take_thread_control": {"previous_owner_app_id": APP_ID}}, False),
        ({"take_thread_control": {"previous_owner_app_id": "1", "new_owner_app_id": APP_ID}}, True),
        ({"request_thread_control": {"requested_owner_app_id": "1"}}, True),
    ],
)
def test_who_has_the_thread_from_now_on(control: dict[str, Any], ours: bool) -> None:
    event = one(app_id=APP_ID, **control)
    assert (event.kind, event.data["ours"]) == ("thread_control", ours)


def test_comments_of_one_thread_are_one_conversation() -> None:
    events = [
        comment(),
        comment(comment_id="900_56", parent_id="900_55", **{"from": {"id": "5002"}}),
        comment(comment_id="900_57", parent_id="900_55", **{"from": {"id": PAGE_ID}}),
        comment(verb="edited"),
        comment(verb="remove", comment_id="900_56", parent_id="900_55"),
    ]
    assert {event.conversation for event in events} == {"comment:900_55"}
    assert [event.kind for event in events] == [
        "comment", "comment", "echo", "comment_edit", "comment_remove",
    ]  # fmt: skip
    assert comment(comment_id="900_99").conversation != "comment:900_55"


# ---- odd and alien bodies ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        "image",
        {},
        {"type": 5, "payload": []},
        {"type": "IMAGE", "payload": {"url": 7}},
        {"type": "location", "payload": {"coordinates": {"lat": "NaN", "long": "1e400"}}},
        {"type": "location", "payload": {"coordinates": {"lat": "91", "long": [1]}}},
        {"type": "file", "payload": {"name": "\ud800.pdf"}},
    ],
)
def test_odd_attachments_never_lose_the_message(attachment: Any) -> None:
    event = one(message={"mid": "m", "text": "Kèm ảnh", "attachments": [attachment]})
    assert (event.kind, event.text) == ("message", "Kèm ảnh")
    assert all(found.lat is None for found in event.attachments)
    event.model_dump_json().encode()


@pytest.mark.parametrize(
    "odd",
    [
        None, 5, "x", [], {}, {"message": {"text": "ai?"}}, {"sender": 5, "message": {"text": "ai?"}},
        {"sender": {"id": USER}, "message": "x"}, {"sender": {"id": PAGE_ID}, "message": {"mid": "m", "text": "x"}},
        {"sender": {"user_ref": "r"}, "recipient": {"id": PAGE_ID}, "message": {"mid": "m", "text": "x"}},
        {"sender": {"id": USER}, "\ud800": {"\udfff": 1}}, {"sender": {"id": USER}, "message": {}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_kept_and_hurts_nobody_else(odd: Any) -> None:
    good = update(message={"mid": "m_G", "text": "Chào"})
    events = parse(body(of_page(messaging=[odd, good])))
    assert [event.kind for event in events] == ["unsupported", "message"]
    for event in events:
        event.model_dump_json().encode()


@pytest.mark.parametrize("change", [None, 5, {}, {"field": "feed"}, {"field": "feed", "value": {"item": "comment"}},
                                    {"field": "feed", "value": {"item": "comment", "verb": "add", "comment_id": []}},
                                    {"field": "mention", "value": {"item": "post"}}])  # fmt: skip
def test_other_changes_are_counted(change: Any) -> None:
    (event,) = parse(body(of_page(changes=[change])))
    assert event.kind == "unsupported"


@pytest.mark.parametrize("stamp", [None, "", "soon", "-5", "٣", 10**30, 1.5, {}])
def test_an_unreadable_time_is_unknown(stamp: Any) -> None:
    assert one(message={"mid": "m", "text": "x"}, timestamp=stamp).sent_at is None
    assert one(read={"watermark": stamp}).data == {}
    assert comment(created_time=stamp).sent_at is None


def test_a_thousand_updates_in_one_delivery() -> None:
    messages = [update(sender=str(n), message={"mid": f"m_{n}", "text": f"Tin {n}"}) for n in range(1, 1001)]
    events = parse(body(of_page(messaging=messages)))
    assert [event.text for event in events] == [f"Tin {n}" for n in range(1, 1001)]
    assert len({event.external_id for event in events}) == 1000


@pytest.mark.parametrize(
    "alien",
    [
        b"", b"object=page", b"\xff\xfe", b"[]", b"null", b'"page"', b"[" * 200_000, b'{"a":' * 200_000,
        body(TEXT)[:-20], {}, {"object": "page"}, {"object": "page", "entry": {}}, {"object": "user", "entry": []},
        {"object": "instagram", "entry": []}, {"entry": []}, {"event_name": "user_send_text"},
        b'{"object":"page","entry":[' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_alien_bodies_are_told_apart(alien: Any) -> None:
    with pytest.raises(AlienPayload) as caught:
        parse(body(alien))
    assert "Đèn" not in str(caught.value)


# ---- signatures and the handshake ----------------------------------------------------------------


def check(delivery: bytes, headers: dict[str, str]) -> None:
    verify(headers, delivery, app_secret=APP_SECRET)


@pytest.mark.parametrize("alien", [b"{}", b"", b"[]", b'{"object":"user","entry":[]}', body(TEXT)[:-20]])
def test_what_is_signed_but_of_no_page_is_alien(alien: bytes) -> None:
    with pytest.raises(AlienPayload):
        check(*signed(alien))


def test_the_mark_is_over_the_received_bytes() -> None:
    delivery, headers = signed(TEXT)
    check(delivery, headers)
    for rewritten in (json.dumps(TEXT, ensure_ascii=False).encode(), delivery + b" "):
        with pytest.raises(Forged):
            check(rewritten, headers)


def test_a_mark_made_elsewhere() -> None:
    """printf '{"object":"page","entry":[]}' | openssl dgst -sha256 -hmac app-secret"""
    empty = b'{"object":"page","entry":[]}'
    mark = "e6e9d7a842a48e17f43a34d6125d0d933e2aab92ee37f0993a4d493b50e3d438"
    check(empty, {"X-Hub-Signature-256": f"sha256={mark}"})
    check(empty, {"x-hub-signature-256": f" sha256={mark.upper()} "})


def test_an_old_delivery_is_no_forgery() -> None:
    check(
        *signed(of_page(messaging=[update(message={"mid": "m", "text": "x"}, timestamp=1_500_000_000_000)]))
    )


@pytest.mark.parametrize(
    "mark",
    [None, "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=ẹ", "sha256=\udcff", "0" * 64],
)
def test_a_missing_or_wrong_mark_is_forged(mark: str | None) -> None:
    headers = {"Other": "x"} if mark is None else {"X-Hub-Signature-256": mark}
    with pytest.raises(Forged):
        check(signed(TEXT)[0], headers)


def test_a_mark_of_another_key_is_forged() -> None:
    with pytest.raises(Forged):
        check(*signed(TEXT, key="another"))


def test_the_address_is_proved_to_meta_alone() -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
    assert challenge(asked, verify_token=VERIFY_TOKEN) == "1158201444"
    for wrong in (
        {"hub.verify_token": "guess"}, {"hub.verify_token": ""}, {"hub.mode": "unsubscribe"},
        {"hub.verify_token": "\udcff"},
    ):  # fmt: skip
        assert challenge(asked | wrong, verify_token=VERIFY_TOKEN) is None
    assert challenge({}, verify_token=VERIFY_TOKEN) is None

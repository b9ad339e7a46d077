import json
from pathlib import Path
from typing import Any

import pytest

from connectors.zalo import parse
from connectors.zalo_events import verify
from hub.clock import iso_utc
from hub.errors import AlienPayload, Forged, Probe
from tests.fakes.zalo import APP_ID, OA_ID, OA_SECRET_KEY, signed

PAYLOADS = Path(__file__).parents[1] / "payloads" / "zalo"
NAMES = sorted(path.name[: -len(".json")] for path in PAYLOADS.glob("*.json") if ".expected" not in path.name)
TEXT = json.loads((PAYLOADS / "user_send_text.json").read_bytes())


def lines(body: bytes, account: str | None = None) -> list[dict[str, Any]]:
    out = []
    for event in parse(body, account=account):
        line = event.model_dump(mode="json")
        line["sent_at"] = iso_utc(event.sent_at) if event.sent_at is not None else None
        line["attachments"] = [one.shown() for one in event.attachments]
        out.append(line)
    return out


def body(event: Any) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event).encode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("account", [None, OA_ID])
def test_every_kind_of_event_is_normalised(name: str, account: str | None) -> None:
    expected = (PAYLOADS / f"{name}.expected.json").read_text().splitlines()
    assert lines((PAYLOADS / f"{name}.json").read_bytes(), account) == [json.loads(one) for one in expected]


@pytest.mark.parametrize("name", NAMES)
def test_parsing_is_pure(name: str) -> None:
    delivery = (PAYLOADS / f"{name}.json").read_bytes()
    assert parse(delivery) == parse(delivery)


def test_no_two_events_of_the_corpus_share_an_id() -> None:
    found = [one.external_id for name in NAMES for one in parse((PAYLOADS / f"{name}.json").read_bytes())]
    alike = {"user_received_message", "user_received_message_zns"}  # the same receipt, told from either side
    assert len(found) - len(set(found)) == len(alike) - 1


@pytest.mark.parametrize("name", ["user_seen_message", "user_received_message", "user_reacted_message"])
def test_with_the_oa_known_receipts_may_come_from_either_side(name: str) -> None:
    event = json.loads((PAYLOADS / f"{name}.json").read_bytes())
    turned = event | {"sender": event["recipient"], "recipient": event["sender"]}
    (there,), (back,) = (parse(body(one), account=OA_ID) for one in (event, turned))
    assert there.model_copy(update={"external_id": back.external_id}) == back


def test_an_event_about_a_message_never_has_its_id() -> None:
    for name in ("user_seen_message", "user_received_message", "user_reacted_message", "user_feedback"):
        (event,) = parse((PAYLOADS / f"{name}.json").read_bytes())
        assert event.external_id not in ("m1", "m2")


def test_derived_ids_differ_by_person_moment_and_target() -> None:
    seen = json.loads((PAYLOADS / "user_seen_message.json").read_bytes())
    others = [
        seen,
        seen | {"sender": {"id": "7"}},
        seen | {"timestamp": "1795400000124"},
        seen | {"message": {"msg_ids": ["m1"]}},
        seen | {"event_name": "user_received_message"},
    ]
    assert len({parse(body(one))[0].external_id for one in others}) == len(others)


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        "image",
        {},
        {"type": 5, "payload": []},
        {"type": "IMAGE", "payload": {"url": 7, "size": "many"}},
        {"type": "location", "payload": {"coordinates": {"latitude": "NaN", "longitude": "1e400"}}},
        {"type": "location", "payload": {"coordinates": {"latitude": "91", "longitude": [1]}}},
        {"type": "file", "payload": {"size": "9" * 400, "name": "\ud800.pdf"}},
        {"type": "link", "payload": {"description": "[" * 5000}},
    ],
)
def test_odd_attachments_never_lose_the_message(attachment: Any) -> None:
    odd = TEXT | {"message": {"text": "Kèm ảnh", "msg_id": "m", "attachments": [attachment]}}
    (event,) = parse(body(odd))
    assert event.text == "Kèm ảnh"
    for found in event.attachments:
        assert found.size is None
        assert found.lat is None
    event.model_dump_json().encode()


def test_a_name_that_nobody_can_write_is_still_an_event() -> None:
    (event,) = parse(body(TEXT | {"event_name": "user_\ud800"}))
    assert (event.kind, event.data["event_name"]) == ("unsupported", "user_\ufffd")


@pytest.mark.parametrize("stamp", [None, "", "soon", "-5", "٣", 10**30, 1.5, {}])
def test_an_unreadable_time_is_unknown(stamp: Any) -> None:
    (event,) = parse(body(TEXT | {"timestamp": stamp}))
    assert event.sent_at is None


@pytest.mark.parametrize(
    "alien",
    [
        b"",
        b"event_name=user_send_text",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"user_send_text"',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        body(TEXT)[:-20],
        {},
        {"object": "page", "entry": []},
        {"event_name": 7},
        {"event_name": ""},
        {"event_name": "user_send_text"},
        TEXT | {"message": None},
        {k: v for k, v in TEXT.items() if k not in ("sender", "recipient")},
        {"event_name": "user_withdraw", "oa_id": OA_ID, "app_id": APP_ID},
        {"event_name": "follow", "oa_id": OA_ID},
    ],
)
def test_alien_bodies_are_told_apart(alien: Any) -> None:
    with pytest.raises(AlienPayload) as caught:
        parse(body(alien))
    assert "Đèn" not in str(caught.value)


# ---- signatures ----------------------------------------------------------------------------------


def check(delivery: bytes, headers: dict[str, str]) -> None:
    verify(headers, delivery, app_id=APP_ID, oa_secret_key=OA_SECRET_KEY)


def test_a_signed_delivery_is_accepted_over_the_received_bytes() -> None:
    delivery, headers = signed(TEXT)
    check(delivery, headers)
    spaced = json.dumps(TEXT, indent=2).encode()
    with pytest.raises(Forged):
        check(spaced, headers)


def test_an_old_timestamp_is_no_forgery() -> None:
    check(*signed(TEXT | {"timestamp": "1500000000000"}))


def test_numbers_for_ids_are_signed_the_same() -> None:
    check(*signed(TEXT | {"timestamp": 1795400000123, "app_id": int(APP_ID)}))


@pytest.mark.parametrize("write", ["mac={}", "mac = {}", "MAC={}", "{}", " mac={} "])
def test_the_mark_may_be_written_in_several_ways(write: str) -> None:
    delivery, headers = signed(TEXT)
    digest = headers["X-ZEvent-Signature"].removeprefix("mac=")
    check(delivery, {"x-zevent-signature": write.format(digest)})
    check(delivery, {"X-Zevent-Signature": write.format(digest.upper())})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-ZEvent-Signature": ""},
        {"X-ZEvent-Signature": "mac=" + "0" * 64},
        {"X-ZEvent-Signature": "mac=ẹ"},
        {"X-ZEvent-Signature": "mac=\udcff"},
        {"X-ZEvent-Signature": "mac=abc"},
    ],
)
def test_a_missing_or_wrong_signature_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        check(signed(TEXT)[0], headers)


def test_a_delivery_signed_with_another_key_or_for_another_app_is_forged() -> None:
    for delivery, headers in (
        signed(TEXT, key="app-secret"),
        signed(TEXT | {"app_id": "1"}),
        signed(TEXT | {"timestamp": None}),
    ):
        with pytest.raises(Forged):
            check(delivery, headers)


@pytest.mark.parametrize("name", [5, "", None, {}])
def test_what_is_signed_but_tells_of_no_event_is_alien(name: Any) -> None:
    with pytest.raises(AlienPayload):
        check(*signed(TEXT | {"event_name": name}))


def test_bytes_cannot_move_between_the_signed_parts() -> None:
    delivery, headers = signed(TEXT | {"timestamp": "1795400000123"})
    longer = TEXT | {"timestamp": "1795400000123" + delivery.decode()[:1]}
    with pytest.raises(Forged):
        check(body(longer), headers)


def test_the_probe_of_the_portal_needs_no_signature_and_says_nothing() -> None:
    for probe in ({}, {"app_id": APP_ID}, {"app_id": APP_ID, "timestamp": "1"}):
        with pytest.raises(Probe):
            check(body(probe), {})
    assert parse(body({"app_id": APP_ID})) == []


@pytest.mark.parametrize("alien", [b"", b"[]", b"hello", b"{" * 100_000, b'{"a": "' + b"x" * 5000 + b'"}'])
def test_nothing_else_passes_unsigned(alien: bytes) -> None:
    with pytest.raises(Forged):
        check(alien, {})

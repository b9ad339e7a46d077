"""Mails as they really come: every oddity of the corpus beside what it must become."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.email import EmailSettings, parse
from connectors.email_events import LARGEST_TEXT, part
from hub.cli import main
from hub.clock import iso_utc
from hub.errors import AlienPayload

MAILS = Path(__file__).parents[1] / "payloads" / "email"
NAMES = sorted(path.stem for path in MAILS.glob("*.eml"))
US = "1022@1022.example.vn"


def raw(name: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes()


def expected(name: str) -> dict[str, Any]:
    return dict(json.loads((MAILS / f"{name}.expected.json").read_text()))


ALIENS = [name for name in NAMES if "alien" in expected(name)]
READABLE = [name for name in NAMES if name not in ALIENS]


def line(body: bytes, **known: Any) -> dict[str, Any]:
    (event,) = parse(body, **known)
    found = event.model_dump(mode="json")
    found["sent_at"] = iso_utc(event.sent_at) if event.sent_at is not None else None
    found["attachments"] = [one.shown() for one in event.attachments]
    return found


@pytest.mark.parametrize("name", READABLE)
def test_every_mail_is_normalised(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert line(raw(name)) == expected(name)
    assert line(raw(name), account=US) == expected(name)
    assert main(["normalize", "email", str(MAILS / f"{name}.eml")]) == 0
    assert json.loads(capsys.readouterr().out) == expected(name)


@pytest.mark.parametrize("name", ALIENS)
def test_what_is_no_mail_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AlienPayload) as caught:
        parse(raw(name))
    assert str(caught.value) == expected(name)["alien"]
    assert main(["normalize", "email", str(MAILS / f"{name}.eml")]) == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)


def test_no_two_mails_of_the_corpus_share_an_id() -> None:
    ids = [expected(name)["external_id"] for name in READABLE]
    assert len(ids) == len(set(ids)) >= 60


@pytest.mark.parametrize("name", READABLE)
def test_every_attachment_can_be_fetched(name: str) -> None:
    (event,) = parse(raw(name))
    for one in event.attachments:
        assert one.part is not None
        content = part(raw(name), one.part)
        assert content is not None
        assert len(content.data) == one.size
        assert not one.name or re.search(r'[/\\\x00-\x1f\u202a-\u202e"<>]', one.name) is None
    assert part(raw(name), "9.9/9") is None


def test_attachments_keep_their_bytes() -> None:
    (binary,) = parse(raw("attachment_with_nul_bytes"))[0].attachments
    assert part(raw("attachment_with_nul_bytes"), str(binary.part)).data == b"a\x00b\x00\xff"  # type: ignore[union-attr]
    (mail,) = parse(raw("nested_mail"))[0].attachments
    inner = part(raw("nested_mail"), str(mail.part))
    assert inner is not None
    assert inner.data in raw("nested_mail"), "as it came, to the last line end"


@pytest.mark.parametrize("name", READABLE)
def test_html_to_look_at_loads_and_runs_nothing(name: str) -> None:
    html = expected(name)["data"].get("html", "")
    assert re.search(r"<(?:script|style|img|svg|iframe|object|form|input|link|meta)\b", html, re.I) is None
    assert re.search(r"\b(?:src|style|srcset|background|on\w+)\s*=", html, re.I) is None
    assert "javascript:" not in html


def test_a_megabyte_of_text_is_cut_and_says_so() -> None:
    text = "Đường hỏng, xin sửa giúp.\r\n" * 40_000
    (event,) = parse(f"From: a@example.vn\r\nTo: {US}\r\nSubject: dai\r\n\r\n{text}".encode())
    assert len(event.text or "") <= LARGEST_TEXT
    assert event.text is not None
    assert event.text.startswith("Đường hỏng, xin sửa giúp.\nĐường")
    assert event.data["cut"] is True


def test_mails_to_another_of_our_addresses_are_to_us() -> None:
    mail = b"From: a@example.vn\r\nTo: tongdai@1022.example.vn\r\nSubject: x\r\n\r\nChao em"
    (alone,) = parse(mail, account=US)
    assert (alone.automatic, alone.data["automatic"]) == (True, "not_addressed")
    (known,) = parse(mail, account=US, aliases={"Tongdai@1022.example.vn"})
    assert (known.automatic, known.account) == (False, US)
    (tagged,) = parse(mail.replace(b"tongdai@", b"1022+dat-dai@"), account=US)
    assert not tagged.automatic
    (own,) = parse(
        mail.replace(b"a@example.vn", b"tongdai@1022.example.vn"),
        account=US,
        aliases={"tongdai@1022.example.vn"},
    )
    assert (own.kind, own.automatic) == ("echo", True)


def test_broken_mails_never_break_the_reader() -> None:
    rng = random.Random(1022)
    bodies = [raw(name) for name in NAMES if len(raw(name)) < 20_000]
    pieces = (
        b"\r\n\r\n",
        b"\x00",
        b"=?utf-8?B?",
        b"<",
        b'"',
        b"--ranh-gioi\r\n",
        b"\xff\xfe",
        b"Content-Type: message/rfc822\r\n",
    )
    for _ in range(1500):
        body = bytearray(rng.choice(bodies))
        for _ in range(rng.randint(1, 6)):
            at, how = rng.randrange(len(body) + 1), rng.random()
            if how < 0.4:
                body[at : at + 1] = bytes([rng.randrange(256)])
            elif how < 0.7:
                del body[at : at + rng.randint(1, 40)]
            else:
                body[at:at] = rng.choice(pieces)
        try:
            (event,) = parse(bytes(body))
        except AlienPayload:
            continue
        event.model_dump_json().encode()
        for one in event.attachments:
            part(bytes(body), str(one.part))


def test_settings_name_other_addresses() -> None:
    given = {
        "address": US,
        "imap_url": "imap://127.0.0.1:1",
        "smtp_url": "smtp://127.0.0.1:1",
        "aliases": ["TongDai@1022.example.vn"],
    }
    assert EmailSettings.model_validate(given).aliases == {"tongdai@1022.example.vn"}


@pytest.mark.parametrize(
    ("kind", "piece", "times"),
    [
        ("plain", b"-----BEGIN PGP SIGNED MESSAGE-----\n\n", 10_000),
        ("plain", b"\n", 400_000),
        ("html", b"<div>", 60_000),
        ("html", b"<p>x</p>", 25_000),
        ("html", b"<div id=divRplyFwdMsg></div><p>x</p>", 5_000),
    ],
)
def test_what_is_built_to_be_slow_is_read_all_the_same(kind: str, piece: bytes, times: int) -> None:
    """Each of these once took minutes, or never ended."""
    head = f"From: a@example.vn\r\nTo: {US}\r\nSubject: x\r\nContent-Type: text/{kind}\r\n\r\n"
    (event,) = parse(head.encode() + piece * times)
    assert event.sender == "a@example.vn"


def test_fields_built_to_hurt() -> None:
    (event,) = parse(b"From: " + b"(" * 100_000 + f"\r\nTo: {US}\r\n\r\nChao em".encode())
    assert (event.sender, event.text) == ("", "Chao em")
    with pytest.raises(AlienPayload, match="absurdly long"):
        parse(b"From: a@b.vn\r\nContent-Type: multipart/mixed; " + b'name*0="a";' * 5_000 + b"\r\n\r\nx")

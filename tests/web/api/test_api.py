"""The JSON API, as another system uses it."""

import asyncio

import pytest

from hub.audit import AuditQuery
from hub.errors import StoreUnavailable
from hub.turn import TurnWorker
from hub.web.api import intake
from hub.web.api.tokens import TOKENS
from tests.conftest import FakeClock
from tests.fakes.bots import ScriptedBot
from tests.web.api.system import System, system
from tests.web.console_hub import ConsoleHub

REPORT = {
    "text": "Đèn đường trước chợ hỏng ba hôm nay",
    "place": "Chợ Mỹ Tho",
    "lat": 10.36,
    "lon": 106.36,
    "name": "Nguyễn Văn Mẫu",
    "phone": "0912 345 678",
}


@pytest.fixture
async def portal(hub: ConsoleHub) -> System:
    return await system(hub)


async def made(portal: System, **more: object) -> str:
    return (await portal.post("/tickets", REPORT | more))["code"]


# ---- who may


async def test_without_a_good_token_nothing_is_told(
    hub: ConsoleHub, portal: System, clock: FakeClock
) -> None:
    for shown in ("", "x", portal.shown[:-1] + "x", portal.shown.rpartition("_")[0], "h1022__", "h1022_é_é"):
        status, problem = await System(hub, portal.token, shown).call("GET", "/tickets")
        assert (status, problem["status"]) == (401, 401)
    now = clock.now()
    revoked = portal.token.model_copy(update={"revoked_at": now})
    await TOKENS.change(hub.store, lambda _: (revoked,), now=now)
    assert (await portal.call("GET", "/tickets"))[0] == 401
    kept = await hub.store.state("api-tokens")
    assert kept
    assert portal.shown.rpartition("_")[2].encode() not in kept.body, "only a digest is kept"


async def test_a_scope_is_needed(hub: ConsoleHub) -> None:
    reader, writer = await system(hub, "read"), await system(hub, "write")
    assert (await reader.call("POST", "/tickets", REPORT))[0] == 403
    assert (await writer.call("GET", "/tickets"))[0] == 403
    assert (await writer.call("POST", "/tickets", REPORT))[0] == 201


async def test_each_token_has_its_own_pace(hub: ConsoleHub, clock: FakeClock) -> None:
    slow, fast = await system(hub, per_minute=4), await system(hub)
    assert [(await slow.call("GET", "/tickets"))[0] for _ in range(3)] == [200, 200, 429]
    assert slow.headers["Retry-After"]
    assert (await fast.call("GET", "/tickets"))[0] == 200
    clock.forward(15_000)
    assert (await slow.call("GET", "/tickets"))[0] == 200


async def test_guessing_tokens_is_slowed_down(hub: ConsoleHub, portal: System) -> None:
    stranger = System(hub, portal.token, "h1022_x_y")
    answers = {(await stranger.call("GET", "/tickets"))[0] for _ in range(32)}
    assert answers == {401, 429}
    assert (await portal.call("GET", "/tickets"))[0] == 200


# ---- tickets


async def test_a_report_becomes_a_ticket_with_all_that_was_said(hub: ConsoleHub, portal: System) -> None:
    category = next(one for one in hub.hub.rules().categories.values() if not one.sensitive)
    commune = next(iter(hub.hub.rules().agencies.communes()))
    opened = await portal.post("/tickets", REPORT | {"category": category.id, "commune": commune})
    ticket = await hub.store.ticket_by_code(opened["code"])
    assert ticket
    assert (ticket.lookup_key, ticket.conversation) == (opened["lookup_key"], opened["conversation"])
    assert (ticket.category, ticket.commune, ticket.hours) == (category.id, commune, category.hours)
    assert ticket.place
    assert (ticket.place.text, ticket.place.lat) == ("Chợ Mỹ Tho", 10.36)
    conversation = await hub.store.conversation(ticket.conversation)
    assert conversation
    assert (conversation.channel, conversation.name) == ("api", "Nguyễn Văn Mẫu")
    assert conversation.contact == {"phone": "0912345678"}
    assert conversation.owner == "human", "the bot says nothing"
    shown = await portal.get(f"/tickets/{opened['code']}")
    assert shown["summary"] == REPORT["text"]
    assert shown["place"] == {"text": "Chợ Mỹ Tho", "lat": 10.36, "lon": 106.36}
    assert portal.headers["ETag"] == f'"{shown["version"]}"'
    assert "lookup_key" not in shown
    messages = (await portal.get(f"/conversations/{opened['conversation']}/messages"))["messages"]
    assert messages[0]["text"] == REPORT["text"]
    assert opened["code"] in messages[1]["text"]
    assert ticket.details["source"] == "Cổng dịch vụ công"
    assert (await hub.store.books(now=hub.clock.now(), grace_ms=0)).problems == ()


async def test_the_same_key_makes_one_ticket_however_often_and_at_once(
    hub: ConsoleHub, portal: System
) -> None:
    key = {"Idempotency-Key": "form-000001"}
    many = await asyncio.gather(*(portal.call("POST", "/tickets", REPORT, **key) for _ in range(6)))
    assert {status for status, _ in many} <= {201, 503}
    codes = {answer["code"] for status, answer in many if status == 201}
    assert len(codes) == 1
    assert (await portal.post("/tickets", REPORT, **key))["code"] in codes
    status, problem = await portal.call("POST", "/tickets", REPORT | {"text": "Việc khác"}, **key)
    assert (status, "Idempotency-Key" in problem["detail"]) == (409, True)
    other = await system(hub)
    assert (await other.post("/tickets", REPORT, **key))["code"] not in codes, "keys are each token's own"


async def test_a_report_whose_request_died_is_opened_by_a_worker_and_the_retry_finds_it(
    hub: ConsoleHub, portal: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "form-000009"}

    async def dies(*_: object) -> None:
        raise StoreUnavailable("the process died here")

    with monkeypatch.context() as crash:
        crash.setattr(intake, "_opened", dies)
        assert (await portal.call("POST", "/tickets", REPORT, **key))[0] == 503
    bot, clock = ScriptedBot(), hub.clock
    worker = TurnWorker(
        hub.store,
        hub.hub.connectors,
        bot,
        hub.hub.live,
        clock,
        hub.hub.metrics,
        said=lambda: None,
        rules=hub.hub.rules,
    )
    now = clock.now()
    lease = await hub.store.lease_conversation(now=now, until=now + 1_000)
    assert lease
    await worker.take_turn(lease)
    assert not bot.asked, "it is no question to the bot"
    opened = await portal.post("/tickets", REPORT, **key)
    (ticket,) = (await portal.get("/tickets"))["tickets"]
    assert ticket["code"] == opened["code"]
    assert (await hub.store.books(now=now, grace_ms=0)).problems == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": "  "}, 422),
        ({"text": "x", "category": "khong-co"}, 422),
        ({"text": "x", "commune": "khong-co"}, 422),
        ({"text": "x", "lat": 91}, 422),
        ({"text": "x", "more": 1}, 422),
        ([], 422),
        ({"text": "x" * 70_000}, 413),
    ],
)
async def test_what_does_not_fit_is_said_and_nothing_is_kept(
    hub: ConsoleHub, portal: System, body: object, status: int
) -> None:
    found, problem = await portal.call("POST", "/tickets", body)
    assert (found, problem["status"]) == (status, status)
    assert await portal.get("/tickets") == {"tickets": [], "next_cursor": None}


async def test_a_missing_key_and_other_kinds_of_bodies_are_refused(hub: ConsoleHub, portal: System) -> None:
    assert (await portal.call("POST", "/tickets", REPORT, **{"Idempotency-Key": "short"}))[0] == 400
    browser = hub.browser()
    headers = {"Authorization": f"Bearer {portal.shown}", "Idempotency-Key": "form-000002"}
    for data, kind, status in (("{", "application/json", 422), ("text=x", "text/plain", 415)):
        async with browser.client.post(
            f"{hub.url}/api/v1/tickets", data=data, headers=headers | {"Content-Type": kind}
        ) as answer:
            assert answer.status == status


async def test_tickets_are_paged_by_change_without_gaps_or_repeats(portal: System, clock: FakeClock) -> None:
    codes = []
    for n in range(5):
        codes.append(await made(portal, text=f"Việc {n}"))
        clock.forward(1_000)
    seen, cursor = [], ""
    while True:
        page = await portal.get(f"/tickets?limit=2{cursor}")
        seen += [one["code"] for one in page["tickets"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == codes
    since = clock.now()
    await portal.post(f"/tickets/{codes[0]}/notes", {"text": "đã gọi"})
    page = await portal.get(f"/tickets?updated_since={since}")
    assert [one["code"] for one in page["tickets"]] == [codes[0]]
    for bad in ("x", "MTIz", "é"):
        assert (await portal.call("GET", f"/tickets?cursor={bad}"))[0] == 400
    assert (await portal.call("GET", "/tickets?limit=1000"))[0] == 422
    assert (await portal.call("GET", "/tickets?nonsense=1"))[0] == 422
    assert (await portal.get("/tickets?state=closed"))["tickets"] == []


async def test_acts_go_the_way_of_all_acts(hub: ConsoleHub, portal: System) -> None:
    code = await made(portal)
    agency = next(one for one in hub.hub.rules().agencies.all() if not one.open)
    category = next(one for one in hub.hub.rules().categories.values() if not one.sensitive)
    path = f"/tickets/{code}/actions"
    shown = await portal.post(path, {"act": {"action": "classify", "category": category.id}})
    assert shown["category"] == category.id
    shown = await portal.post(path, {"act": {"action": "forward", "agency": agency.id}})
    assert (shown["state"], shown["agency"]) == ("forwarded", agency.id)
    assert shown["history"][-1]["actor"] == f"token:{portal.token.id}"
    key = {"Idempotency-Key": "close-0001"}
    body = {"act": {"action": "close", "text": "Đã thay bóng đèn."}}
    assert (await portal.post(path, body, **key))["state"] == "closed"
    assert (await portal.post(path, body, **key))["state"] == "closed", "the same again"
    status, problem = await portal.call("POST", path, {"act": {"action": "answer", "text": "x"}})
    assert (status, problem["errors"]) == (409, ["closed"])
    conversation = (await portal.get(f"/tickets/{code}"))["conversation"]
    texts = [one["text"] for one in (await portal.get(f"/conversations/{conversation}/messages"))["messages"]]
    assert sum(text.startswith("Đã thay bóng đèn.") for text in texts) == 1
    assert (await portal.post(path, {"act": {"action": "reopen"}}))["state"] == "reopened"
    assert (await portal.call("POST", path, {"act": {"action": "explode"}}))[0] == 422
    assert (await portal.call("POST", path, {"act": {"action": "forward", "agency": "nowhere"}}))[0] == 409


async def test_who_acts_on_an_old_version_is_refused(portal: System) -> None:
    code = await made(portal)
    version = (await portal.get(f"/tickets/{code}"))["version"]
    path, body = f"/tickets/{code}/actions", {"act": {"action": "classify", "priority": "high"}}
    assert (await portal.call("POST", path, body, **{"If-Match": "x"}))[0] == 412
    assert (await portal.call("POST", path, body, **{"If-Match": f'"{version + 1}"'}))[0] == 412
    assert (await portal.call("POST", path, body, **{"If-Match": f'"{version}"'}))[0] == 200
    other = {"act": {"action": "classify", "priority": "low"}}
    assert (await portal.call("POST", path, other, **{"If-Match": f'"{version}"'}))[0] == 412


# ---- what is private stays private


async def test_sensitive_cases_need_their_scope_and_leave_a_trace(hub: ConsoleHub, portal: System) -> None:
    category = next(one for one in hub.hub.rules().categories.values() if one.sensitive)
    opened = await portal.post("/tickets", REPORT | {"category": category.id, "text": "Việc rất kín"})
    code, conversation = opened["code"], opened["conversation"]
    shown = await portal.get(f"/tickets/{code}")
    assert (shown["summary"], shown["details"], shown["place"]) == (None, None, None)
    page = await portal.get(f"/conversations/{conversation}/messages")
    assert {one["text"] for one in page["messages"]} == {None}
    assert "kín" not in str(await portal.get("/tickets"))
    assert (await portal.call("POST", f"/tickets/{code}/notes", {"text": "x"}))[0] == 403
    trusted = await system(hub, "read", "sensitive")
    assert (await trusted.get(f"/tickets/{code}"))["summary"] == "Việc rất kín"
    (entry,) = await hub.store.audit(AuditQuery(action="ticket"), limit=9)
    assert entry.actor == f"token:{trusted.token.id}"


# ---- lists


async def test_reference_data_and_search(hub: ConsoleHub, portal: System) -> None:
    rules = hub.hub.rules()
    assert len((await portal.get("/categories"))["categories"]) == len(rules.categories)
    assert len((await portal.get("/communes"))["communes"]) == len(rules.agencies.communes())
    assert len((await portal.get("/agencies"))["agencies"]) == len(rules.agencies.all())
    found = (await portal.get("/procedures?q=làm giấy khai sinh&limit=3"))["procedures"]
    assert len(found) == 3
    assert found[0]["id"] == "dang-ky-khai-sinh"


async def test_addresses_that_are_none(portal: System) -> None:
    assert (await portal.call("GET", "/nowhere"))[0] == 404
    assert (await portal.call("GET", "/tickets/1022-2026-999999"))[0] == 404
    assert (await portal.call("GET", "/tickets/xyz"))[0] == 404
    assert (await portal.call("GET", "/conversations/none"))[0] == 404
    assert (await portal.call("DELETE", "/tickets"))[0] == 405
    assert portal.headers["Allow"] == "GET, POST"


async def test_without_the_store_the_other_system_is_told_to_come_back(
    hub: ConsoleHub, portal: System
) -> None:
    await hub.store.close()
    assert (await portal.call("GET", "/tickets"))[0] == 503
    assert portal.headers["Retry-After"]

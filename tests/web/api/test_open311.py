"""Open311 GeoReport v2, as open-data readers and other apps use it."""

from typing import Any
from xml.etree import ElementTree

import pytest

from handoff import acts
from handoff.acts import SYSTEM
from tests.conftest import FakeClock
from tests.web.api.system import System, system
from tests.web.console_hub import ConsoleHub

ROOT = "/open311/v2"
FIELD = "chieu-sang"


@pytest.fixture
async def app(hub: ConsoleHub) -> System:
    return await system(hub, "write", name="Ứng dụng mẫu")


async def read(hub: ConsoleHub, path: str, status: int = 200) -> Any:
    async with hub.browser().client.get(f"{hub.url}{ROOT}{path}") as answer:
        assert answer.status == status, await answer.text()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        if ".json" in path:
            return await answer.json()
        assert answer.content_type == "text/xml"
        return ElementTree.fromstring(await answer.read())  # noqa: S314 - our own


def report(app: System, **fields: str) -> dict[str, str]:
    good = {
        "api_key": app.shown,
        "service_code": FIELD,
        "description": "Đèn đường hỏng trước nhà ông Mẫu",
        "address_string": "12 Đường Mẫu",
        "lat": "10.36",
        "long": "106.36",
        "first_name": "Mẫu",
        "last_name": "Nguyễn Văn",
        "phone": "0912345678",
    }
    return good | fields


async def send(hub: ConsoleHub, form: dict[str, str], kind: str = "json") -> tuple[int, Any]:
    async with hub.browser().client.post(f"{hub.url}{ROOT}/requests.{kind}", data=form) as answer:
        found = await answer.json() if kind == "json" else ElementTree.fromstring(await answer.read())  # noqa: S314
        return answer.status, found


async def handed_in(hub: ConsoleHub, app: System, **fields: str) -> str:
    status, (made,) = await send(hub, report(app, **fields))
    assert status == 201
    return str(made["service_request_id"])


async def test_services_are_the_fields_that_are_not_sensitive(hub: ConsoleHub) -> None:
    categories = hub.hub.rules().categories
    listed = await read(hub, "/services.json")
    assert {one["service_code"] for one in listed} == {
        one.id for one in categories.values() if not one.sensitive
    }
    root = await read(hub, "/services.xml?jurisdiction_id=dongthap.gov.vn")
    assert (root.tag, root[0].tag, len(root)) == ("services", "service", len(listed))
    assert root[0].findtext("metadata") == "true"
    found = await read(hub, f"/services/{FIELD}.json")
    (attribute,) = found["attributes"]
    assert len(attribute["values"]) == len(hub.hub.rules().agencies.communes())
    root = await read(hub, f"/services/{FIELD}.xml")
    assert root.tag == "service_definition"
    assert root.find("attributes/attribute/values/value/key") is not None
    sensitive = next(one.id for one in categories.values() if one.sensitive)
    await read(hub, f"/services/{sensitive}.json", 404)
    await read(hub, "/services.json?jurisdiction_id=elsewhere", 404)


async def test_a_report_is_handed_in_and_shown_without_anything_personal(
    hub: ConsoleHub, app: System, clock: FakeClock
) -> None:
    commune, name = next(iter(hub.hub.rules().agencies.communes().items()))
    status, (made,) = await send(hub, report(app, **{"attribute[commune]": commune}))
    assert status == 201
    ticket = await hub.store.ticket_by_code(made["service_request_id"])
    assert ticket
    assert ticket.lookup_key in made["service_notice"]
    assert (ticket.category, ticket.commune) == (FIELD, commune)
    (shown,) = await read(hub, f"/requests/{ticket.code}.json")
    assert (shown["status"], shown["service_code"], shown["address"]) == ("open", FIELD, name)
    for text in (
        str(shown),
        str(await read(hub, "/requests.json")),
        ElementTree.tostring(await read(hub, "/requests.xml"), encoding="unicode"),
    ):
        assert ticket.code in text
        for private in ("Mẫu", "0912", "10.36", "Đèn đường hỏng", ticket.lookup_key):
            assert private not in text
    casework = hub.hub.casework
    assert casework
    clock.forward(1_000)
    await casework.do(ticket.id, acts.Close(), SYSTEM, "k")
    (shown,) = await read(hub, f"/requests.json?service_request_id={ticket.code},1022-2026-000999")
    assert shown["status"] == "closed"
    assert await read(hub, "/requests.json?status=open") == []
    assert len(await read(hub, "/requests.json?status=closed")) == 1


async def test_sensitive_cases_and_spam_are_not_there(hub: ConsoleHub, app: System) -> None:
    code, spam = await handed_in(hub, app), await handed_in(hub, app, description="Quảng cáo")
    casework = hub.hub.casework
    assert casework
    for one, act in ((code, acts.Classify(sensitive=True)), (spam, acts.Spam())):
        ticket = await hub.store.ticket_by_code(one)
        assert ticket
        await casework.do(ticket.id, act, SYSTEM, "k")
        await read(hub, f"/requests/{one}.json", 404)
    assert await read(hub, "/requests.json") == []
    assert await read(hub, f"/requests.json?service_request_id={code},{spam}") == []


async def test_requests_are_chosen_by_service_and_time(
    hub: ConsoleHub, app: System, clock: FakeClock
) -> None:
    first = await handed_in(hub, app)
    clock.forward(10 * 24 * 3_600_000)
    second = await handed_in(
        hub, app, service_code="thoat-nuoc" if "thoat-nuoc" in hub.hub.rules().categories else FIELD
    )

    async def codes(query: str = "") -> list[str]:
        return [one["service_request_id"] for one in await read(hub, f"/requests.json{query}")]

    assert await codes() == [second, first]
    begun = (await read(hub, f"/requests/{second}.json"))[0]["requested_datetime"]
    assert await codes(f"?start_date={begun.replace('+', '%2B')}") == [second]
    assert await codes("?start_date=2026-01-01T00:00:00Z&end_date=2026-01-02T00:00:00Z") == []
    assert await codes("?service_code=khong-co") == []
    for bad in ("start_date=hom-qua", "end_date=0001-01-01T00:00:00Z", "status=maybe"):
        await read(hub, f"/requests.json?{bad}", 400)


async def test_the_same_report_again_is_one(hub: ConsoleHub, app: System) -> None:
    assert await handed_in(hub, app) == await handed_in(hub, app)
    assert await handed_in(hub, app) != await handed_in(hub, app, description="Việc khác")


@pytest.mark.parametrize(
    ("fields", "status", "about"),
    [
        ({"api_key": ""}, 400, "api_key"),
        ({"api_key": "h1022_x_y"}, 403, "token"),
        ({"description": ""}, 400, "description"),
        ({"service_code": "khong-co"}, 404, "service_code"),
        ({"lat": "", "address_string": ""}, 400, "lat"),
        ({"lat": "x"}, 400, "lat"),
        ({"email": "x"}, 400, "email"),
        ({"attribute[commune]": "khong-co"}, 400, "commune"),
    ],
)
async def test_what_is_wrong_is_said_in_the_standards_words(
    hub: ConsoleHub, app: System, fields: dict[str, str], status: int, about: str
) -> None:
    found, (error,) = await send(hub, report(app, **fields))
    assert (found, error["code"]) == (status, status)
    assert about in error["description"]
    found, root = await send(hub, report(app, **fields), "xml")
    assert (found, root.tag, root[0].findtext("code")) == (status, "errors", str(status))


async def test_a_key_that_only_reads_hands_in_nothing(hub: ConsoleHub) -> None:
    reader = await system(hub, "read")
    assert (await send(hub, report(reader)))[0] == 403


async def test_readers_without_a_key_go_slowly(hub: ConsoleHub) -> None:
    answers = set()
    for _ in range(120):
        async with hub.browser().client.get(f"{hub.url}{ROOT}/requests/x.json") as answer:
            answers.add(answer.status)
    assert answers == {404, 429}

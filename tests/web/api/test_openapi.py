"""The OpenAPI document is true: schemathesis makes calls of it, good and bad ones, to a real server."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from connectors.api import ApiConnector
from hub.clock import SystemClock
from hub.store import store_for
from hub.web.api.openapi import document
from hub.web.api.operations import OPERATIONS
from tests.web.api.conftest import knowledge
from tests.web.api.system import system
from tests.web.console_hub import console_hub

EXAMPLES = 6  # of each operation and kind: enough to try every parameter, and a second or two


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """A hub in a thread of its own: its address, a token, and the code of a ticket."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        store = store_for("", tmp_path)
        await store.open()
        hub = console_hub(
            store, SystemClock(), tmp_path, connectors={"api": ApiConnector()}, knowledge=knowledge()
        )
        async with hub as running:
            other = await system(running, "read", "write", "sensitive")
            opened = await other.post("/tickets", {"text": "Đèn hỏng"})
            found.extend((running.url, other.shown, opened["code"]))
            ready.set()
            await asyncio.to_thread(stop.wait)
        await store.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield found[0], found[1], found[2]
    stop.set()
    thread.join()


def test_every_operation_answers_as_it_says_and_never_fails(server: tuple[str, str, str]) -> None:
    url, token, code = server
    schema = schemathesis.openapi.from_dict(document(url))
    schema.config.base_url = url
    tried: set[str] = set()
    for made in schema.get_all_operations():
        operation = made.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            if mode is schemathesis.GenerationMode.NEGATIVE and operation.label.endswith(
                ("categories", "agencies", "communes")
            ):
                continue  # they take nothing that could be wrong

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def call(case: schemathesis.Case) -> None:
                if "code" in case.path_parameters and case.method == "GET":
                    case.path_parameters["code"] = code
                case.call_and_validate(
                    headers={"Authorization": f"Bearer {token}"},
                    checks=[
                        schemathesis.checks.not_a_server_error,
                        schemathesis.specs.openapi.checks.status_code_conformance,
                        schemathesis.specs.openapi.checks.content_type_conformance,
                        schemathesis.specs.openapi.checks.response_schema_conformance,
                    ],
                )
                tried.add(case.operation.label)

            call()
    assert len(tried) == len(OPERATIONS)

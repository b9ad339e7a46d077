"""Another system, as a plain HTTP client with a key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hub.web.api.tokens import TOKENS, Scope, Token, new_token
from tests.web.console_hub import ConsoleHub

_numbers = count()


@dataclass
class System:
    hub: ConsoleHub
    token: Token
    shown: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of the answer; posts bring a fresh key unless one is given."""
        known = {"Authorization": f"Bearer {self.shown}"} | headers
        if method == "POST":
            known.setdefault("Idempotency-Key", f"key-{next(_numbers):08}")
        browser = self.hub.browser()
        async with browser.client.request(
            method, f"{self.hub.url}/api/v1{path}", json=body, headers=known
        ) as answer:
            kind = "application/json" if answer.status < 400 else "application/problem+json"
            assert answer.content_type == kind
            assert answer.headers["Cache-Control"] == "no-store"
            self.headers = answer.headers
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> Any:
        status, found = await self.call("GET", path)
        assert status == 200, found
        return found

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        status, found = await self.call("POST", path, body, **headers)
        assert status < 300, found
        return found


async def system(
    hub: ConsoleHub, *scopes: Scope, per_minute: int = 6_000, name: str = "Cổng dịch vụ công"
) -> System:
    token, shown = new_token(
        name, scopes or ("read", "write"), per_minute=per_minute, now=hub.clock.now(), by="s-1"
    )
    await TOKENS.change(hub.store, lambda all_: (*all_, token), now=hub.clock.now())
    return System(hub, token, shown)

"""An authorization server: gives access tokens for a refresh token, and tells mail servers which of them are good."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

USER = "hopthu"


@dataclass
class TokenServer:
    """``refuses`` is the error that renewals are answered with; ``status`` an HTTP status in place of any answer."""

    url: str = ""
    refresh: str = "gia-han-1"
    refuses: str = ""
    status: int = 0
    rotates: bool = False
    lasts_s: int = 3600
    good: set[str] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if self.status:
            return web.Response(status=self.status)
        if self.refuses or form.get("refresh_token") != self.refresh or form.get("client_secret") != "bi-mat":
            return web.json_response({"error": self.refuses or "invalid_grant"}, status=400)
        access = f"truy-cap-{len(self.asked)}"
        self.good.add(access)
        told = {"access_token": access, "expires_in": str(self.lasts_s), "token_type": "Bearer"}
        if self.rotates:
            self.refresh = f"gia-han-{len(self.asked) + 1}"
            told["refresh_token"] = self.refresh
        return web.json_response(told)

    async def info(self, request: web.Request) -> web.Response:
        if request.query.get("access_token", "") not in self.good:
            return web.json_response({"error": "invalid_token"}, status=401)
        return web.json_response({"email": USER, "expires_in": int(time.time()) + self.lasts_s})

    def settings(self) -> dict[str, str]:
        return {
            "token_url": f"{self.url}/token",
            "client_id": "hub",
            "client_secret": "bi-mat",
            "refresh_token": self.refresh,
        }


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    server = TokenServer()
    app = web.Application()
    app.add_routes([web.post("/token", server.token), web.get("/info", server.info)])
    async with TestServer(app) as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server

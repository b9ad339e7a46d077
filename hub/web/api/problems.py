"""What goes wrong, as ``application/problem+json`` (RFC 9457)."""

import json

from aiohttp import web

from hub.web.api.schemas import Problem

TITLES = {
    400: "Bad request",
    401: "No valid token",
    403: "The token lacks the scope",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "The ticket has changed",
    413: "Too large",
    415: "Not JSON",
    422: "Does not fit the schema",
    429: "Too many requests",
    503: "Try again later",
}


class ApiError(Exception):
    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        errors: list[str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers or {}

    def response(self) -> web.Response:
        problem = Problem(
            type="about:blank",
            title=TITLES.get(self.status, "Error"),
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )
        body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False).encode()
        return web.Response(
            status=self.status, body=body, content_type="application/problem+json", headers=self.headers
        )

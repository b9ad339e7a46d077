"""The API's routes: who calls, whether it fits, and what comes back."""

import json
import logging
import re
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from hub.errors import StoreError
from hub.web.api.openapi import document
from hub.web.api.operations import KEY, OPERATIONS, V1, Call, Operation
from hub.web.api.problems import ApiError
from hub.web.api.tokens import ACTOR as TOKEN_ACTOR
from hub.web.api.tokens import Token, address_of, note_use, paces_of, token_of
from hub.web.context import hub_of
from hub.web.trail import ACTOR

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 64 * 1024
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]{8,100}", re.ASCII)
_CONVERSATION: Final = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


def _served(it: Operation) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            response = await _answer(request, it)
        except ApiError as error:
            response = error.response()
        except StoreError:
            response = ApiError(503, "the store is away", headers={"Retry-After": "5"}).response()
        response.headers["Cache-Control"] = "no-store"
        return response

    return serve


async def _answer(request: web.Request, it: Operation) -> web.Response:
    token = await authorized(request)
    if it.scope not in token.scopes:
        raise ApiError(403, f"this needs the scope {it.scope}")
    request[ACTOR] = f"{TOKEN_ACTOR}{token.id}"
    query = _fitting(it.query, json.dumps(_query(request)).encode())
    body = _fitting(it.body, await _body(request)) if it.body else None
    if it.keyed and not _KEY.fullmatch(request.headers.get(KEY, "")):
        raise ApiError(400, f"{KEY} is missing, or is not 8 to 100 letters, digits and _ . : -")
    if "conversation" in request.match_info and not _CONVERSATION.fullmatch(
        request.match_info["conversation"]
    ):
        raise ApiError(404, "no such conversation")
    found = await it.run(Call(request, hub_of(request), token, query, body))
    response = web.Response(
        status=it.status, body=found.model_dump_json().encode(), content_type="application/json"
    )
    version = getattr(found, "version", None)
    if version is not None:
        response.headers["ETag"] = f'"{version}"'
    return response


async def authorized(request: web.Request, shown: str | None = None) -> Token:
    """Whose key came with the request. Raises ``ApiError``: 401, 429."""
    if shown is None:
        kind, _, shown = request.headers.get("Authorization", "").partition(" ")
        shown = shown.strip() if kind.lower() == "bearer" else ""
    paces = paces_of(request)
    token = await token_of(hub_of(request).store, shown)
    if token is None:
        if not paces.strangers.take(address_of(request)):
            raise ApiError(429, "too many requests without a valid token", headers={"Retry-After": "30"})
        raise ApiError(
            401, "give a valid token: Authorization: Bearer …", headers={"WWW-Authenticate": "Bearer"}
        )
    if not paces.may(token):
        raise ApiError(
            429, f"this token may make {token.per_minute} requests a minute", headers={"Retry-After": "5"}
        )
    await note_use(hub_of(request), token)
    return token


def _query(request: web.Request) -> dict[str, str | int]:
    """Numbers as numbers: a query has only texts."""
    found: dict[str, str | int] = {}
    for name, value in request.query.items():
        if name in found:
            raise ApiError(422, errors=[f"{name}: given twice"])
        plain = re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII)
        found[name] = int(value) if plain and name in ("limit", "after", "updated_since") else value
    return found


async def _body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise ApiError(415, "send application/json")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ApiError(413, f"at most {MAX_BODY_BYTES} bytes")
    data = await request.content.read(MAX_BODY_BYTES + 1)
    while len(data) <= MAX_BODY_BYTES and (more := await request.content.read(MAX_BODY_BYTES)):
        data += more
    if len(data) > MAX_BODY_BYTES:
        raise ApiError(413, f"at most {MAX_BODY_BYTES} bytes")
    return data


def _fitting(model: type[BaseModel], data: bytes) -> Any:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}"
            for one in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise ApiError(422, "does not fit the schema", errors=problems[:20]) from None


async def openapi(request: web.Request) -> web.StreamResponse:
    body = json.dumps(document(hub_of(request).settings.base_url), ensure_ascii=False)
    return web.Response(text=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


async def nowhere(request: web.Request) -> web.StreamResponse:
    """Nothing is here, or not with this method."""
    allowed = sorted(it.method for it in OPERATIONS if _fits(it.path, request.path))
    if allowed:
        headers = {"Allow": ", ".join(allowed), "Cache-Control": "no-store"}
        return ApiError(405, headers=headers).response()
    return ApiError(404, "see /api/openapi.json", headers={"Cache-Control": "no-store"}).response()


def _fits(path: str, asked: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), asked) is not None


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/openapi.json", openapi),
        *(web.RouteDef(it.method, it.path, _served(it), {}) for it in OPERATIONS),
        web.route("*", f"{V1}/{{rest:.*}}", nowhere),
    ]

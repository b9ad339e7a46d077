"""Calls to the Graph API: token, proof, rate limits, and one error for whatever goes wrong.

The token travels in a header, never in an address: addresses end up in logs.
"""

import hmac
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientTimeout

from connectors.calls import CONNECT_S, Call, Refused, Upload
from connectors.facebook_errors import (
    LONGEST_REST_S,
    REST_S,
    WAIT_S,
    WHY_STOPPED,
    Action,
    action_for,
    error_for,
    row_of,
)
from connectors.facebook_settings import FacebookSettings
from connectors.facebook_usage import asked_rest_s
from hub.errors import NotSent, SendError, SendRefused, Unsupported, WindowClosed
from hub.ports import Tools

log = logging.getLogger(__name__)

TOKEN_ALARM, STOPPED_ALARM = "facebook-token", "facebook-stopped"
AGENT_ALARM, COMMENTS_ALARM = "facebook-human-agent", "facebook-comments"
ALARMS = {
    TOKEN_ALARM: "Mã truy cập của Trang Facebook không còn dùng được (mã lỗi {code}): tạo mã mới và đặt vào "
    "HUB_FACEBOOK__PAGE_TOKEN. Tin gửi đi đang chờ.",
    STOPPED_ALARM: "Facebook không cho gửi tin (mã lỗi {code}: {why}). Tin gửi đi đang chờ; hãy xử lý trên trang quản "
    "lý ứng dụng của Meta.",
    AGENT_ALARM: "Facebook không nhận tin của tổng đài viên sau 24 giờ (mã lỗi {code}): xin tính năng Human Agent cho "
    "ứng dụng, hoặc đặt HUB_FACEBOOK__HUMAN_AGENT=false.",
    COMMENTS_ALARM: "Facebook không cho trả lời bình luận (mã lỗi {code}): xin quyền pages_manage_engagement cho ứng "
    "dụng. Câu trả lời đang chờ.",
}
WRONG_PROOF = "appsecret_proof sai hoặc thiếu: kiểm tra HUB_FACEBOOK__APP_SECRET"
RESTRICTED = "Trang đang bị Facebook hạn chế gửi tin, hệ thống tự thử lại"
UPLOAD_S = 20.0
SIGN_S = 2.0  # a sign that somebody is there is worth no longer wait: the answer comes after it
NODE = re.compile(r"[0-9A-Za-z_]+")


@dataclass(frozen=True)
class GraphCall(Call):
    file_field = "filedata"

    timeout_s: float | None = None
    #: whose alarm it is when a permission is missing: that of a part of the channel must not stop all of it
    alarm: str = STOPPED_ALARM


@dataclass(frozen=True)
class Problem:
    """What Graph says went wrong. Its own words are not logged: they may quote what was sent."""

    code: int
    subcode: int
    proof: bool  # it is about appsecret_proof


class GraphApi:
    def __init__(self, settings: FacebookSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._base = f"{settings.api_base.rstrip('/')}/{settings.api_version}"
        self._page = settings.page_id
        self._paused_until = 0  # epoch ms: Graph wants no calls before
        self._rest_s = REST_S  # of the next restriction
        self._quiet: set[str] = set()  # alarms that this process knows to be cleared

    # ---- what it can do --------------------------------------------------------------------------

    async def send(self, message: Mapping[str, Any], *, attempts: int) -> str | None:
        """Send one message of Messenger; its id. Raises the ``SendError`` family."""
        alarm = AGENT_ALARM if "tag" in message else STOPPED_ALARM
        call = GraphCall("POST", f"/{self._page}/messages", json=message, acts=True, alarm=alarm)
        found = (await self._do(call, attempts)).get("message_id")
        await self._sent(call)
        return str(found) if found is not None else None

    async def comment(self, parent: str, text: str, *, attempts: int) -> str | None:
        """Answer below a comment, for everybody to read; the new comment's id."""
        path, asked = f"/{_node(parent)}/comments", {"message": text}
        call = GraphCall("POST", path, json=asked, acts=True, alarm=COMMENTS_ALARM)
        found = (await self._do(call, attempts)).get("id")
        await self._sent(call)
        return str(found) if found is not None else None

    async def hide(self, comment: str, *, hidden: bool) -> None:
        asked = {"is_hidden": hidden}
        await self._do(GraphCall("POST", f"/{_node(comment)}", json=asked, alarm=COMMENTS_ALARM))

    async def upload(self, kind: str, upload: Upload) -> str:
        """What Graph calls the content from now on. No message is sent by it."""
        message = {"attachment": {"type": kind, "payload": {"is_reusable": True}}}
        call = GraphCall(
            "POST",
            f"/{self._page}/message_attachments",
            json={"message": message},
            upload=upload,
            timeout_s=UPLOAD_S,
        )
        found = (await self._do(call)).get("attachment_id")
        if found is None:
            raise SendRefused("Graph gave no id for the file")
        return str(found)

    async def sign(self, user: str, action: str) -> None:
        """A sign such as ``typing_on``. Best effort: what goes wrong is nobody's business."""
        asked = {"recipient": {"id": user}, "sender_action": action}
        with suppress(SendError):
            await self._once(GraphCall("POST", f"/{self._page}/messages", json=asked, timeout_s=SIGN_S))

    async def user(self, user: str) -> dict[str, Any]:
        call = GraphCall(
            "GET", f"/{_node(user)}", params={"fields": "first_name,last_name"}, timeout_s=SIGN_S
        )
        return (await self._once(call))[1]

    async def subscriptions(self) -> list[Any]:
        """The apps that the Page delivers to, and what."""
        found = (await self._do(GraphCall("GET", f"/{self._page}/subscribed_apps"))).get("data")
        return found if isinstance(found, list) else []

    async def subscribe(self, fields: str) -> None:
        await self._do(
            GraphCall("POST", f"/{self._page}/subscribed_apps", json={"subscribed_fields": fields})
        )

    # ---- how it is done --------------------------------------------------------------------------

    async def _do(self, call: GraphCall, attempts: int = 1) -> dict[str, Any]:
        problem, data = await self._once(call)
        if problem is not None:
            raise await self._refusal(call, problem, attempts)
        await self._clear(TOKEN_ALARM)
        return data

    async def _sent(self, call: GraphCall) -> None:
        self._rest_s = REST_S
        await self._clear(call.alarm)
        if call.alarm == AGENT_ALARM:
            await self._clear(STOPPED_ALARM)

    async def _clear(self, alarm: str) -> None:
        if alarm not in self._quiet:
            self._quiet.add(alarm)
            await self._tools.clear_alarm(alarm)

    async def _alarm(self, alarm: str, **facts: Any) -> None:
        self._quiet.discard(alarm)
        await self._tools.alarm(alarm, ALARMS[alarm].format(**facts))

    async def _refusal(self, call: GraphCall, problem: Problem, attempts: int) -> SendError:
        code, subcode = problem.code, problem.subcode
        action = Action.STOP if problem.proof else action_for(code, subcode)
        log.warning(
            "Graph refused a call",
            extra={"facts": {"code": code, "subcode": subcode, "action": action.value}},
        )
        shown = f"{code}/{subcode}" if subcode else f"{code}"
        now, wait_s = self._tools.clock.now(), None
        match action:
            case Action.WAIT:
                self._pause(WAIT_S)
            case Action.REST:
                if now >= self._paused_until:  # else another call has just learned the same
                    self._pause(self._rest_s)
                    self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
                await self._alarm(STOPPED_ALARM, code=shown, why=RESTRICTED)
            case Action.TOKEN:
                await self._alarm(TOKEN_ALARM, code=shown)
            case Action.STOP if call.alarm != STOPPED_ALARM and not problem.proof:
                await self._alarm(call.alarm, code=shown)
                if call.alarm == AGENT_ALARM:
                    return WindowClosed(f"Graph answered {shown}")  # without the tag it would be just that
                return NotSent(f"Graph answered {shown}", retry_after_s=REST_S)
            case Action.STOP:
                why = WRONG_PROOF if problem.proof else WHY_STOPPED[row_of(code, subcode)]
                await self._alarm(STOPPED_ALARM, code=shown, why=why)
                if problem.proof:
                    return error_for(200, 0)
            case Action.FIX:
                return Refused(f"Graph answered {shown}")
        if action in (Action.WAIT, Action.REST):
            wait_s = (self._paused_until - now) / 1000
        return error_for(code, subcode, attempts=attempts, wait_s=wait_s)

    async def _once(self, call: GraphCall) -> tuple[Problem | None, dict[str, Any]]:
        """What Graph objects to, or what it gave."""
        now = self._tools.clock.now()
        if now < self._paused_until:
            raise NotSent("Graph wants no calls now", retry_after_s=(self._paused_until - now) / 1000)
        token = self._settings.page_token.get_secret_value()
        # a connection of its own: one that Graph closed while it was idle would leave the outcome open
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        with call.under_way():
            async with self._tools.http.request(
                call.method,
                self._base + call.path,
                json=call.json if call.upload is None else None,
                data=call.form(),
                params={**(call.params or {}), **self._proof(token)},
                headers=headers,
                timeout=ClientTimeout(
                    total=call.timeout_s or self._settings.timeout_s, sock_connect=CONNECT_S
                ),
                allow_redirects=False,
            ) as answer:
                if (rest_s := asked_rest_s(answer.headers)) is not None:
                    self._pause(rest_s)
                return _read(call, answer.status, await answer.read())

    def _pause(self, rest_s: float) -> None:
        until = self._tools.clock.now() + int(rest_s * 1000)
        self._paused_until = max(self._paused_until, until)

    def _proof(self, token: str) -> dict[str, str]:
        if not self._settings.appsecret_proof:
            return {}
        secret = self._settings.app_secret.get_secret_value()
        return {"appsecret_proof": hmac.digest(secret.encode(), token.encode(), "sha256").hex()}


def _node(id_: str) -> str:
    """An id fit for a path."""
    if NODE.fullmatch(id_) is None:
        raise Unsupported("an id that Graph does not give")
    return id_


def _read(call: GraphCall, status: int, body: bytes) -> tuple[Problem | None, dict[str, Any]]:
    """Graph says in the body what went wrong; a status without such a body comes from what stands before it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and isinstance(error := content.get("error"), dict):
        told = str(error.get("message", ""))
        problem = Problem(
            _number(error.get("code")), _number(error.get("error_subcode")), "appsecret_proof" in told
        )
        if problem.code:
            return problem, {}
    if status >= 500:
        raise call.unanswered(f"HTTP {status}")
    if status == 429:
        raise NotSent("HTTP 429")
    if status >= 300:
        raise SendRefused(f"HTTP {status}")
    if not isinstance(content, dict):
        raise call.unanswered("the answer cannot be read")
    return None, content


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0

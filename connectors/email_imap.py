"""Reading the mailbox: every mail is kept as it came before the mark moves on; nothing is ever removed there."""

import asyncio
import contextlib
import json
import logging
import random
import re
import ssl
from dataclasses import dataclass, field
from datetime import datetime

from aioimaplib import IMAP4, IMAP4_SSL, Abort, Error
from aioimaplib.aioimaplib import IMAP4ClientProtocol

from connectors.email_events import SIZE
from connectors.email_oauth import ConsentNeeded, MailTokens, RenewalFailed
from connectors.email_settings import CHANNEL, EmailSettings
from hub.ports import Tools

log = logging.getLogger(__name__)

FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0
WRONG_LOGIN = "Không đăng nhập được hộp thư {address}: hãy kiểm tra mật khẩu ứng dụng hoặc mã truy cập."
_UID, _SIZE = re.compile(rb"\bUID (\d+)"), re.compile(rb"\bRFC822\.SIZE (\d+)")
_ARRIVED = re.compile(rb'\bINTERNALDATE "\s*([^"]+)"')
DAY_MS = 24 * 3_600_000


class LoginRefused(Exception):
    pass


class _Protocol(IMAP4ClientProtocol):  # type: ignore[misc] # the library has no types
    def _continuation(self, line: bytes) -> None:
        """A server that refuses a token first says why, and goes on only after an empty answer."""
        if self.pending_sync_command is not None and self.pending_sync_command.name == "AUTHENTICATE":
            self.transport.write(b"\r\n")
        else:
            super()._continuation(line)


@dataclass
class Mailbox:
    """The reader of one mailbox; one process at a time runs it."""

    settings: EmailSettings
    tools: Tools
    tokens: MailTokens
    rng: random.Random = field(default_factory=random.SystemRandom)
    _refused: str | None = None

    @property
    def name(self) -> str:
        return f"email-mailbox:{self.settings.address}:{self.settings.imap.folder}"

    async def run(self) -> None:
        """Read until cancelled; after a lost connection, connect again with growing rests."""
        rest_s = FIRST_REST_S
        while True:
            client = self._client()
            try:
                await self._connect(client)
                rest_s = FIRST_REST_S
                await self._follow(client)
            except (LoginRefused, ConsentNeeded):
                await self.tools.alarm(
                    f"{self.name}:login", WRONG_LOGIN.format(address=self.settings.address)
                )
                rest_s = LONGEST_REST_S
            except (Abort, Error, OSError, TimeoutError, ConnectionError, RenewalFailed) as error:
                log.info("mailbox left", extra={"facts": {"why": type(error).__name__}})
            finally:
                client._client_task.cancel()
                if client.protocol.transport is not None:
                    client.protocol.transport.abort()
            await asyncio.sleep(rest_s * self.rng.uniform(0.5, 1.0))
            rest_s = min(rest_s * 2, LONGEST_REST_S)

    def _client(self) -> IMAP4:
        server, timeout = self.settings.imap, self.settings.timeout_s
        if server.scheme == "imap":
            client = IMAP4(server.host, server.port, timeout=timeout)
        else:
            context = ssl.create_default_context()
            client = IMAP4_SSL(server.host, server.port, timeout=timeout, ssl_context=context)
        client.protocol = _Protocol(asyncio.get_running_loop(), None)  # before it connects
        return client

    async def _connect(self, client: IMAP4) -> None:
        await client.wait_hello_from_server()
        server = self.settings.imap
        token = await self.tokens.current(refused=self._refused)
        if token is not None:
            answer = await client.xoauth2(server.user or self.settings.address, token)
        else:
            answer = await client.login(server.user, server.password)
        if answer.result != "OK":
            if token is not None and self.settings.token_url and self._refused is None:
                self._refused = token  # another one may be taken; if not, people have to look
                raise Error("the token was refused")
            self._refused = None
            raise LoginRefused
        self._refused = None
        await self.tools.clear_alarm(f"{self.name}:login")

    async def _follow(self, client: IMAP4) -> None:
        while True:
            await self.sync(client)
            if not client.has_capability("IDLE"):
                await asyncio.sleep(self.settings.sync_s)
                continue
            idle = await client.idle_start(timeout=self.settings.idle_s)
            with contextlib.suppress(TimeoutError):
                await client.wait_server_push(timeout=min(self.settings.sync_s, self.settings.idle_s))
            client.idle_done()
            await asyncio.wait_for(idle, self.settings.timeout_s)

    async def sync(self, client: IMAP4) -> None:
        """Keep everything that came since the mark. Cut short, it begins again at the mark."""
        selected = await client.select(f'"{self.settings.imap.folder}"')
        found = re.search(rb"UIDVALIDITY (\d+)", b"\n".join(selected.lines))
        if selected.result != "OK" or found is None:
            raise Error("the folder cannot be opened")
        validity = int(found[1])
        kept = await self.tools.recall(self.name)
        mark = json.loads(kept.body) if kept else {}
        version, last = kept.version if kept else 0, mark.get("last", 0)
        if mark.get("validity") != validity:
            last = 0
        # what lay there long before the hub came was dealt with by people
        since = mark.get(
            "since", self.tools.clock.now() - int(self.settings.first_days * DAY_MS) if not kept else 0
        )
        for uid, size in await self._list(client, last, since):
            await self._keep(client, validity, uid, size)
            body = json.dumps({"validity": validity, "last": uid, "since": since}).encode()
            if not await self.tools.remember(self.name, body, expects=version):
                raise Error("another process moved the mark")
            version += 1

    async def _list(self, client: IMAP4, last: int, since: int) -> list[tuple[int, int]]:
        """Number and size of every mail after ``last`` that came at or after ``since``, in their order."""
        listed = await client.uid("fetch", f"{last + 1}:*", "(UID RFC822.SIZE INTERNALDATE)")
        if listed.result != "OK":
            raise Error("the folder cannot be listed")
        found = []
        for line in map(bytes, listed.lines):
            uid, size, arrived = _UID.search(line), _SIZE.search(line), _ARRIVED.search(line)
            # ``n:*`` always names the newest
            if uid and size and int(uid[1]) > last and (arrived is None or _moment(arrived[1]) >= since):
                found.append((int(uid[1]), int(size[1])))
        return sorted(found)

    async def _keep(self, client: IMAP4, validity: int, uid: int, size: int) -> None:
        big = size > self.settings.largest_mail
        answer = await client.uid("fetch", str(uid), "(BODY.PEEK[HEADER])" if big else "(BODY.PEEK[])")
        body = next((bytes(line) for line in answer.lines if isinstance(line, bytearray)), None)
        if answer.result != "OK":
            raise Error("a mail cannot be read")
        if body is None:
            if await self._is_there(client, uid):  # else somebody removed it meanwhile
                raise Error("the server names a mail and does not give it")
            return
        if big:  # whoever reads it is told that there was more
            body = body.rstrip(b"\r\n") + f"\r\n{SIZE}: {size}\r\n\r\n".encode()
        await self.tools.keep(
            CHANNEL, body, key=f"{self.settings.address}:{self.settings.imap.folder}:{validity}:{uid}"
        )
        if self.settings.mark_seen and not big:  # of which only the head is kept: it stays unread for people
            await client.uid("store", str(uid), "+FLAGS", "(\\Seen)")

    async def _is_there(self, client: IMAP4, uid: int) -> bool:
        answer = await client.uid("fetch", str(uid), "(UID)")
        return answer.result != "OK" or any(f"UID {uid}".encode() in bytes(line) for line in answer.lines)


def _moment(told: bytes) -> int:
    """Epoch ms; far ahead where it cannot be read: then the mail is taken."""
    try:
        return int(datetime.strptime(told.decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp() * 1000)
    except ValueError:
        return 2**62

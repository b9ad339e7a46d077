"""Reading the mailbox: every mail is kept as it came before the mark moves on; nothing is ever removed there."""

import asyncio
import contextlib
import json
import random
import re
import ssl
from dataclasses import dataclass, field

from aioimaplib import IMAP4, IMAP4_SSL, Abort, Error

from connectors.email_settings import CHANNEL, EmailSettings
from hub.ports import Tools

FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0
WRONG_LOGIN = "Không đăng nhập được hộp thư {address}: hãy kiểm tra mật khẩu ứng dụng hoặc mã truy cập."
TOO_BIG = (
    "Hộp thư {address} có thư lớn hơn giới hạn: chỉ phần đầu thư được giữ, hãy mở trực tiếp trong hộp thư."
)
_SIZE = re.compile(rb"UID (\d+)\b.*RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+)\b.*UID (\d+)")


class LoginRefused(Exception):
    pass


@dataclass
class Mailbox:
    """The reader of one mailbox; one process at a time runs it."""

    settings: EmailSettings
    tools: Tools
    rng: random.Random = field(default_factory=random.SystemRandom)

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
            except LoginRefused:
                await self.tools.alarm(
                    f"{self.name}:login", WRONG_LOGIN.format(address=self.settings.address)
                )
                rest_s = LONGEST_REST_S
            except (Abort, Error, OSError, TimeoutError, ConnectionError):
                pass
            finally:
                client._client_task.cancel()
                if client.protocol.transport is not None:
                    client.protocol.transport.abort()
            await asyncio.sleep(rest_s * self.rng.uniform(0.5, 1.0))
            rest_s = min(rest_s * 2, LONGEST_REST_S)

    def _client(self) -> IMAP4:
        server, timeout = self.settings.imap, self.settings.timeout_s
        if server.scheme == "imap":
            return IMAP4(server.host, server.port, timeout=timeout)
        context = ssl.create_default_context()
        return IMAP4_SSL(server.host, server.port, timeout=timeout, ssl_context=context)

    async def _connect(self, client: IMAP4) -> None:
        await client.wait_hello_from_server()
        server, token = self.settings.imap, self.settings.access_token.get_secret_value()
        if token:
            answer = await client.xoauth2(server.user or self.settings.address, token)
        else:
            answer = await client.login(server.user, server.password)
        if answer.result != "OK":
            raise LoginRefused
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
        listed = await client.uid("fetch", f"{last + 1}:*", "(UID RFC822.SIZE)")
        if listed.result != "OK":
            raise Error("the folder cannot be listed")
        sizes: dict[int, int] = {}
        for line in listed.lines:
            if hit := _SIZE.search(bytes(line)):
                sizes[int(hit[1] or hit[4])] = int(hit[2] or hit[3])
        for uid in sorted(one for one in sizes if one > last):  # ``n:*`` always names the newest
            await self._keep(client, validity, uid, sizes[uid])
            body = json.dumps({"validity": validity, "last": uid}).encode()
            if not await self.tools.remember(self.name, body, expects=version):
                raise Error("another process moved the mark")
            version += 1

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
        await self.tools.keep(
            CHANNEL, body, key=f"{self.settings.address}:{self.settings.imap.folder}:{validity}:{uid}"
        )
        if big:  # only its head is kept, so it stays unread for people
            await self.tools.alarm(f"{self.name}:size", TOO_BIG.format(address=self.settings.address))
        elif self.settings.mark_seen:
            await client.uid("store", str(uid), "+FLAGS", "(\\Seen)")

    async def _is_there(self, client: IMAP4, uid: int) -> bool:
        answer = await client.uid("fetch", str(uid), "(UID)")
        return answer.result != "OK" or any(f"UID {uid}".encode() in bytes(line) for line in answer.lines)

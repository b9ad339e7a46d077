"""A real Dovecot on a free loopback port, with a configuration and a mail folder of its own."""

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
USER, PASSWORD = "hopthu", "mat-khau"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
mail_location = maildir:{folder}/mail
mailbox_idle_check_interval = 1 secs
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
{oauth}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
"""

OAUTH = """
auth_mechanisms = plain login xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
"""


@dataclass
class MailServer:
    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"imap://{USER}:{PASSWORD}@127.0.0.1:{self.port}/INBOX"

    def put(self, name: str, mail: bytes, *, days_ago: float = 0) -> None:
        """A mail arrives."""
        new = self.folder / "mail" / "tmp" / name
        new.write_bytes(mail)
        new.chmod(0o644)
        if days_ago:
            then = time.time() - days_ago * 86_400
            os.utime(new, (then, then))
        new.rename(self.folder / "mail" / "new" / name)

    def forget_numbers(self) -> None:
        """As after a restored mailbox: the mails are there, their numbers and the UIDVALIDITY are new."""
        for name in ("dovecot-uidlist", "dovecot-uidvalidity"):
            for path in (self.folder / "mail").glob(f"{name}*"):
                path.unlink()
        for path in (self.folder / "mail").glob("dovecot.index*"):
            path.unlink()

    def files(self) -> list[Path]:
        return [one for place in ("new", "cur") for one in (self.folder / "mail" / place).iterdir()]

    def log(self) -> str:
        with suppress(FileNotFoundError):
            return (self.folder / "dovecot.log").read_text()
        return ""

    async def start(self) -> None:
        config = self.folder / "dovecot.conf"
        self.process = await asyncio.create_subprocess_exec(DOVECOT, "-F", "-c", str(config))
        async with asyncio.timeout(30):
            while not await self._greets():
                if self.process.returncode is not None:
                    raise RuntimeError(self.log())
                await asyncio.sleep(0.05)

    async def _greets(self) -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                return (await reader.readline()).startswith(b"* OK")
            finally:
                writer.close()
        return False

    async def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            await self.process.wait()
            self.process = None


@asynccontextmanager
async def imap_server(*, tokens: str = "") -> AsyncIterator[MailServer]:
    """``tokens``: of the authorization server whose tokens are good here."""
    folder = Path(
        tempfile.mkdtemp(prefix="dovecot-")
    )  # short, as names of sockets must be; open to its login
    owner, internal, login = _accounts()
    for name in (".", "mail", "mail/new", "mail/cur", "mail/tmp"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o755)
        if os.getuid() == 0:
            os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = CONFIG.format(
        folder=folder, port=port, password=PASSWORD, uid=owner.pw_uid, gid=owner.pw_gid,
        internal=internal, login=login, group=internal if os.getuid() == 0 else owner.pw_gid,
        oauth=OAUTH.format(folder=folder) if tokens else "",
    )  # fmt: skip
    (folder / "dovecot.conf").write_text(config)
    asked = f"tokeninfo_url = {tokens}/info?access_token=\nusername_attribute = email\n"
    (folder / "oauth2.conf").write_text(asked)
    server = MailServer(folder, port)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _accounts() -> tuple[pwd.struct_passwd, str, str]:
    """Who owns the mails, runs its services, runs its login. Root cannot be any of them, and nobody else can choose."""
    if os.getuid() == 0:
        return pwd.getpwnam("mail"), "dovecot", "dovenull"
    me = pwd.getpwuid(os.getuid())
    return me, me.pw_name, me.pw_name


@dataclass
class Tap:
    """A line to the server that can be listened to, made deaf or cut in the middle."""

    server: MailServer
    port: int = 0
    said: list[str] = field(default_factory=list)  # commands of the client, without their tags
    connections: int = 0
    deaf: bool = False  # nothing that the server tells by itself while the client idles gets through
    frozen: bool = False  # connections that stand carry nothing any more
    _idles: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.server.url.replace(f":{self.server.port}/", f":{self.port}/")

    def count(self, command: str) -> int:
        return sum(one.startswith(command) for one in self.said)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.frozen = self._idles = False
        back, forth = await asyncio.open_connection("127.0.0.1", self.server.port)
        ways = (self._carry(reader, forth, out=True), self._carry(back, writer, out=False))
        self._tasks |= (tasks := {asyncio.create_task(way) for way in ways})
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        writer.close()
        forth.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool) -> None:
        number = self.connections
        with suppress(ConnectionError):
            while line := await reader.readline():
                if self.frozen and number == self.connections:
                    continue
                if out:
                    words = line.decode("latin-1").strip().split(" ", 1)
                    command = (words[1] if len(words) > 1 else words[0]).upper()
                    self.said.append(command)
                    self._idles = command == "IDLE"
                elif self.deaf and self._idles and line.startswith(b"*"):
                    continue
                writer.write(line)
                await writer.drain()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def tapped(server: MailServer) -> AsyncIterator[Tap]:
    tap = Tap(server)
    line = await asyncio.start_server(tap.take, "127.0.0.1", 0)
    tap.port = line.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        line.close()
        await tap.stop()

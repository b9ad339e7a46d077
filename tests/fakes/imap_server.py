"""A real Dovecot on a free loopback port, with a configuration and a mail folder of its own."""

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
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
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
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

    def put(self, name: str, mail: bytes) -> None:
        """A mail arrives."""
        new = self.folder / "mail" / "tmp" / name
        new.write_bytes(mail)
        new.chmod(0o644)
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
async def imap_server() -> AsyncIterator[MailServer]:
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
    )  # fmt: skip
    (folder / "dovecot.conf").write_text(config)
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

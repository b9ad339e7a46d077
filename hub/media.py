"""What citizens attach is fetched at once (platforms' links die) and kept as blobs, or it is said why not."""

import asyncio
import codecs
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import filetype

from hub.clock import Clock
from hub.errors import StoreError
from hub.http import MAX_MEDIA_BYTES, FetchFailed, FetchRefused, MediaFetcher
from hub.model import Attachment, MediaJob
from hub.ports import Connector, Live, Store

log = logging.getLogger(__name__)

LEASE_MS = 180_000
IDLE_S = 1.0
ATTEMPTS = 6
FIRST_RETRY_MS = 2_000
#: Programs, however they are named, are not kept.
PROGRAMS = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"#!")


def sniffed(data: bytes) -> str:
    """The media type by content; what citizens or platforms declare is not believed."""
    kind = filetype.guess_mime(data)
    if kind is not None:
        return str(kind)
    head = data[:4096]
    if b"\x00" not in head:
        with contextlib.suppress(UnicodeDecodeError):
            codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=len(data) == len(head))
            return "text/plain"
    return "application/octet-stream"


@dataclass
class MediaWorker:
    store: Store
    connectors: Mapping[str, Connector]
    fetcher: MediaFetcher
    live: Live
    clock: Clock
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def poke(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Fetch what waits. Runs until cancelled."""
        while True:
            with contextlib.suppress(StoreError):
                while await self.fetch_next():
                    pass
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
            self._wake.clear()

    async def fetch_next(self) -> bool:
        now = self.clock.now()
        job = await self.store.lease_media(now=now, until=now + LEASE_MS)
        if job is None:
            return False
        last = job.attempts >= ATTEMPTS
        done = [await self._fetched(job, one, last) if one.wanted else one for one in job.message.attachments]
        retry_at = None
        if any(one.wanted for one in done):
            retry_at = self.clock.now() + FIRST_RETRY_MS * 4 ** (job.attempts - 1)
        await self.store.settle_media(job, done, now=self.clock.now(), retry_at=retry_at)
        self.live.poke(job.message.conversation)
        return True

    async def _fetched(self, job: MediaJob, attachment: Attachment, last: bool) -> Attachment:
        name = attachment.name
        try:
            if attachment.part is not None:
                media = self.connectors[job.raw.channel].part(job.raw.body, attachment.part)
                if media is None:
                    raise FetchRefused("gone")
                data, name = media.data, name or media.name
            else:
                data = await self.fetcher.fetch(attachment.url or "")
            if len(data) > MAX_MEDIA_BYTES:
                raise FetchRefused("too_big")
            if data.startswith(PROGRAMS):
                raise FetchRefused("type")
        except FetchRefused as error:
            return attachment.model_copy(update={"problem": error.problem})
        except (FetchFailed, KeyError):
            return attachment.model_copy(update={"problem": "gone"}) if last else attachment
        except StoreError:
            raise
        except Exception:  # a broken part must not stop the others; the delivery itself is kept
            log.exception("attachment not read", extra={"facts": {"message": job.message.id}})
            return attachment.model_copy(update={"problem": "gone"})
        kind = await asyncio.to_thread(sniffed, data)
        blob = await self.store.put_blob(data, media_type=kind, now=self.clock.now())
        return attachment.model_copy(
            update={"blob": blob, "media_type": kind, "size": len(data), "name": name}
        )

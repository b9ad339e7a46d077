"""One call to a platform's API: what it carries, and what it means when no answer comes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import ClientConnectorError, ClientError, ConnectionTimeoutError, FormData

from hub.errors import NotSent, OutcomeUnknown, SendError, SendRefused

CONNECT_S = 5.0


class Refused(SendRefused):
    """The platform understood the message and will not take it in this form: nothing has arrived."""


@dataclass(frozen=True)
class Upload:
    data: bytes
    name: str
    media_type: str


@dataclass(frozen=True)
class Call:
    file_field: ClassVar[str] = "file"  # what the platform calls an upload's content

    method: str
    path: str
    json: Mapping[str, Any] | None = None
    params: Mapping[str, str] | None = None
    upload: Upload | None = None
    acts: bool = False  # it may have had its effect although no answer came

    def form(self) -> FormData | None:
        """The body of a call that uploads."""
        if self.upload is None:
            return None
        form = FormData()
        for name, value in (self.json or {}).items():
            form.add_field(name, json.dumps(value))
        form.add_field(
            self.file_field,
            self.upload.data,
            filename=self.upload.name,
            content_type=self.upload.media_type,
        )
        return form

    def unanswered(self, text: str) -> SendError:
        return OutcomeUnknown(text) if self.acts else NotSent(text)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Raises of the ``SendError`` family what goes wrong on the line."""
        try:
            yield
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise NotSent(f"no connection: {type(error).__name__}") from None
        except (ClientError, OSError) as error:  # a time-out is an OSError too
            raise self.unanswered(type(error).__name__) from None

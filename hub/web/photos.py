"""Photos from citizens, made anew: upright, of a sensible size, and without anything else that cameras write into them
(where it was taken, with which device, when)."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import Image, ImageOps

KINDS: Final = ("JPEG", "PNG", "WEBP", "GIF")
LONGEST_SIDE: Final = 2048
MOST_PIXELS: Final = 50_000_000
QUALITY: Final = 82
MEDIA_TYPE: Final = "image/jpeg"


#: Two at a time, however many people send photos: a large one takes some hundred megabytes while it is made anew.
_WORKSHOP: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="photos")


class NoPhotoError(ValueError):
    """It is no picture that can be read."""


async def cleaned(data: bytes) -> bytes:
    """A JPEG with nothing in it but the picture.

    Raises:
        NoPhotoError: not one of ``KINDS``, damaged, or absurdly large.
    """
    return await asyncio.get_running_loop().run_in_executor(_WORKSHOP, _made_anew, data)


def _made_anew(data: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=KINDS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NoPhotoError("too many pixels")
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            plain = Image.new("RGB", upright.size, "white")
            plain.paste(upright.convert("RGB"), mask=upright.convert("RGBA").getchannel("A"))
    except Exception as error:  # a damaged file makes the library stumble over anything
        raise NoPhotoError(type(error).__name__) from None
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()

"""Addresses that Zalo prescribes: the proof that the domain is ours, and where a consent comes back to."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from connectors.zalo_settings import ZaloSettings
from connectors.zalo_tokens import LoginFailed, Tokens
from hub.errors import StoreError
from hub.ports import Page

log = logging.getLogger(__name__)

CALLBACK = "/zalo/callback"
SITE_VERIFICATION = "zalo-platform-site-verification"

GRANTED = "Đã nhận quyền từ Zalo OA"
GRANTED_TEXT = "Tổng đài 1022 đã kết nối với Zalo OA và tự gia hạn từ nay. Anh/chị có thể đóng trang này."
NOT_GRANTED = "Chưa nhận được quyền từ Zalo OA"
STORE_AWAY = "Hệ thống đang bận, chưa lưu được mã truy cập. Anh/chị vui lòng tải lại trang này sau ít phút."

Answer = Callable[[Mapping[str, str]], Awaitable[Page]]


def head_tags(settings: ZaloSettings) -> dict[str, str]:
    """The tag for the head of ``/`` by which Zalo knows the domain as ours."""
    return {SITE_VERIFICATION: settings.site_verification} if settings.site_verification else {}


def pages(settings: ZaloSettings, tokens: Tokens) -> dict[str, Answer]:
    async def called_back(query: Mapping[str, str]) -> Page:
        try:
            await tokens.finish_login(query)
        except LoginFailed as error:
            log.warning("Zalo consent not taken")
            return Page(title=NOT_GRANTED, text=str(error), status=400)
        except StoreError:
            return Page(title=NOT_GRANTED, text=STORE_AWAY, status=503)
        return Page(title=GRANTED, text=GRANTED_TEXT)

    async def verifier(_: Mapping[str, str]) -> Page:
        code = settings.site_verification or settings.verifier_code
        return Page(title="Zalo", text=code, meta={SITE_VERIFICATION: code})

    offered: dict[str, Answer] = {CALLBACK: called_back}
    if settings.verifier_code:
        offered[f"/zalo_verifier{settings.verifier_code}.html"] = verifier
    return offered

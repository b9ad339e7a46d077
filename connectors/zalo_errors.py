"""What Zalo's error codes mean for a message: one table, and the error the outbox understands.

Zalo answers HTTP 200 either way; the code is in the body. A code that is not in the table refuses the message: it
was not taken, and nobody knows whether trying again would help.
"""

from enum import Enum

from hub.clock import local
from hub.errors import ChannelStopped, NotSent, SendError, SendRefused, Unreachable, WindowClosed

MINUTE_MS = 60_000
QUOTA_REST_S = 3600.0
NIGHT_ENDS_H = 6  # some kinds of messages rest from 22:00 to 06:00


class Action(Enum):
    RETRY = "retry"
    RETRY_ONCE = "retry once"
    REFRESH = "refresh"
    WINDOW = "window"
    UNREACHABLE = "unreachable"
    FIX = "fix"
    WAIT_QUOTA = "wait for quota"
    WAIT_MORNING = "wait for morning"
    STOP = "stop"


ACTIONS: dict[int, Action] = {
    -32: Action.RETRY,  # too many calls this minute
    -200: Action.RETRY_ONCE,  # sending failed
    -216: Action.REFRESH,  # access token invalid
    -220: Action.REFRESH,  # access token expired or revoked
    -230: Action.WINDOW,
    -232: Action.WINDOW,
    -213: Action.UNREACHABLE,
    -217: Action.UNREACHABLE,
    -218: Action.UNREACHABLE,
    -227: Action.UNREACHABLE,
    -244: Action.UNREACHABLE,
    -100: Action.FIX,  # an upload that is gone
    -201: Action.FIX,  # bad field
    -210: Action.FIX,  # too long
    -233: Action.FIX,  # this type is not supported
    -240: Action.FIX,  # an API that was shut
    -248: Action.FIX,  # against the platform's policy
    -211: Action.WAIT_QUOTA,
    -234: Action.WAIT_MORNING,
    -204: Action.STOP,
    -205: Action.STOP,
    -209: Action.STOP,
    -212: Action.STOP,
    -219: Action.STOP,
    -221: Action.STOP,
    -223: Action.STOP,
    -224: Action.STOP,
    -235: Action.STOP,
    -242: Action.STOP,
    -320: Action.STOP,
    -321: Action.STOP,
}

#: Shown to operators as the reason why a person cannot be written to.
WHY_UNREACHABLE: dict[int, str] = {
    -213: "Người dân chưa quan tâm Zalo OA của tổng đài.",
    -217: "Người dân đã chặn lời mời từ Zalo OA của tổng đài.",
    -218: "Người dân đã nhận đủ số tin tối đa từ Zalo OA; Zalo chưa cho gửi thêm.",
    -227: "Tài khoản Zalo của người dân bị khóa hoặc không hoạt động hơn 45 ngày.",
    -244: "Người dân đã hạn chế nhận loại tin này trên Zalo.",
}

#: Shown to the people who run the hub.
WHY_STOPPED: dict[int, str] = {
    -204: "OA đã bị xóa",
    -205: "OA không tồn tại: kiểm tra HUB_ZALO__OA_ID",
    -209: "ứng dụng chưa được kích hoạt",
    -212: "ứng dụng chưa đăng ký API này",
    -219: "ứng dụng đã bị gỡ hoặc vô hiệu hóa",
    -221: "OA chưa được xác thực",
    -223: "OA chưa cấp quyền cho ứng dụng, hoặc đã thu hồi",
    -224: "gói dịch vụ OA không có quyền dùng API này",
    -235: "API không hỗ trợ loại OA này",
    -242: "appsecret_proof sai: kiểm tra HUB_ZALO__APP_SECRET",
    -320: "ứng dụng chưa liên kết Zalo Cloud Account",
    -321: "Zalo Cloud Account hết tiền hoặc không trừ tiền được",
}


def error_for(code: int, *, now: int, attempts: int = 1) -> SendError:
    """The error of a call that Zalo answered with ``code``; ``attempts`` counts this one."""
    action = ACTIONS.get(code, Action.FIX)
    text = f"Zalo answered {code}"
    match action:
        case Action.RETRY:
            return NotSent(text, retry_after_s=until_next_minute_s(now))
        case Action.RETRY_ONCE:
            return NotSent(text) if attempts < 2 else SendRefused(text)
        case Action.WAIT_QUOTA:
            return NotSent(text, retry_after_s=QUOTA_REST_S)
        case Action.WAIT_MORNING:
            return NotSent(text, retry_after_s=until_morning_s(now))
        case Action.WINDOW:
            return WindowClosed(text)
        case Action.UNREACHABLE:
            return Unreachable(WHY_UNREACHABLE[code])
        case Action.STOP | Action.REFRESH:  # a token that a new one did not help is a matter for people
            return ChannelStopped(text)
        case Action.FIX:
            return SendRefused(text)


def until_next_minute_s(now: int) -> float:
    """Zalo counts calls per minute of the clock."""
    return (MINUTE_MS - now % MINUTE_MS) / 1000


def until_morning_s(now: int) -> float:
    here = local(now)
    morning = here.replace(hour=NIGHT_ENDS_H, minute=0, second=0, microsecond=0)
    wait_s = (morning - here).total_seconds()
    return wait_s if wait_s > 0 else wait_s + 24 * 3600

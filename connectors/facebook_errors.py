"""What Graph's error codes mean for a message: one table, and the error the outbox understands.

A row is (code, subcode); subcode 0 is any, code 0 is any. The exact pair counts first, then the subcode, then the
code. What is not in the table refuses the message: it was not taken, and nobody knows whether trying again helps.
A Page token cannot be renewed by a machine, so no row says "refresh": a dead token is a matter for people.
"""

from enum import Enum

from hub.errors import ChannelStopped, NotSent, SendError, SendRefused, Unreachable, WindowClosed


class Action(Enum):
    RETRY = "retry"
    RETRY_ONCE = "retry once"
    RETRY_SOME = "retry some times"
    WAIT = "wait"
    REST = "rest"
    WINDOW = "window"
    UNREACHABLE = "unreachable"
    FIX = "fix"
    TOKEN = "token"  # noqa: S105 (no secret: a kind of trouble)
    STOP = "stop"


ACTIONS: dict[tuple[int, int], Action] = {
    (1200, 0): Action.RETRY,  # a temporary failure
    (1, 0): Action.RETRY_ONCE,  # an unknown failure
    (2, 0): Action.RETRY_SOME,  # a failure of the service, now and then also a person who blocked the Page
    (4, 0): Action.WAIT,  # calls of the app
    (17, 0): Action.WAIT,  # calls of the user
    (32, 0): Action.WAIT,  # calls of the Page
    (613, 0): Action.WAIT,  # calls of this kind
    (80001, 0): Action.WAIT,  # calls for this Page
    (80006, 0): Action.WAIT,  # calls to Messenger for this Page
    (10, 1893063): Action.REST,  # the Page is restricted for a while
    (190, 0): Action.TOKEN,
    (10, 2018278): Action.WINDOW,
    (10, 2018065): Action.WINDOW,  # its older number
    (551, 0): Action.UNREACHABLE,
    (0, 1545041): Action.UNREACHABLE,
    (10, 2018108): Action.UNREACHABLE,
    (100, 2018001): Action.UNREACHABLE,
    (10, 2018300): Action.UNREACHABLE,  # another app has the thread
    (100, 0): Action.FIX,  # bad request
    (100, 2018109): Action.FIX,  # the file is too big
    (200, 2018028): Action.STOP,
    (10, 0): Action.STOP,  # a permission is missing
    (200, 0): Action.STOP,
}

NOT_AVAILABLE = (
    "Người dân hiện không nhận được tin của Trang trên Messenger (đã chặn, đã khóa hoặc tạm ngừng tài khoản)."
)
#: Shown to operators as the reason why a person cannot be written to.
WHY_UNREACHABLE: dict[tuple[int, int], str] = {
    (551, 0): NOT_AVAILABLE,
    (0, 1545041): NOT_AVAILABLE,
    (10, 2018108): NOT_AVAILABLE,
    (100, 2018001): "Messenger không tìm thấy người này: tài khoản không còn, hoặc thuộc Trang khác.",
    (
        10,
        2018300,
    ): "Hội thoại đang do ứng dụng khác hoặc hộp thư của Trang giữ. Hãy trả lời ở đó, hoặc chuyển quyền "
    "hội thoại về tổng đài.",
}

#: Shown to the people who run the hub.
WHY_STOPPED: dict[tuple[int, int], str] = {
    (200, 2018028): "ứng dụng chưa được duyệt quyền nhắn tin cho người dân",
    (10, 0): "ứng dụng thiếu quyền",
    (200, 0): "ứng dụng hoặc người cấp mã truy cập thiếu quyền trên Trang",
}

ONCE, SOME = 2, 6  # attempts, the first included
REST_S, LONGEST_REST_S = 1800.0, 4 * 3600.0
WAIT_S = 300.0  # where Graph does not say how long


def row_of(code: int, subcode: int) -> tuple[int, int]:
    """The row of the table that counts; (code, 0) where there is none."""
    rows = ((code, subcode), (0, subcode), (code, 0))
    return next((row for row in rows if row in ACTIONS and row != (0, 0)), (code, 0))


def action_for(code: int, subcode: int) -> Action:
    return ACTIONS.get(row_of(code, subcode), Action.FIX)


def error_for(code: int, subcode: int, *, attempts: int = 1, wait_s: float | None = None) -> SendError:
    """The error of a call that Graph refused; ``attempts`` counts this one, ``wait_s`` is what Graph asks for."""
    text = f"Graph answered {code}/{subcode}" if subcode else f"Graph answered {code}"
    match action_for(code, subcode):
        case Action.RETRY:
            return NotSent(text)
        case Action.RETRY_ONCE:
            return NotSent(text) if attempts < ONCE else SendRefused(text)
        case Action.RETRY_SOME:
            return NotSent(text) if attempts < SOME else SendRefused(text)
        case Action.WAIT:
            return NotSent(text, retry_after_s=wait_s or WAIT_S)
        case Action.REST:
            return NotSent(text, retry_after_s=wait_s or REST_S)
        case Action.WINDOW:
            return WindowClosed(text)
        case Action.UNREACHABLE:
            return Unreachable(WHY_UNREACHABLE[row_of(code, subcode)])
        case Action.TOKEN | Action.STOP:
            return ChannelStopped(text)
        case Action.FIX:
            return SendRefused(text)

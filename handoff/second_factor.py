"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when the phone is lost.

The secret is kept sealed; of recovery codes only digests made with the hub's key are kept. Every code is good once.
"""

import hashlib
import hmac
import secrets
from random import Random
from typing import Final

from pyotp import TOTP, random_base32

from hub.errors import SecretUnreadable
from hub.model import Staff
from hub.ports import Store
from hub.seal import Seal

ISSUER: Final = "1022 Dong Thap"  # without diacritics, which would make the QR code twice as dense
STEP_S: Final = 30
DRIFT: Final = 1  # steps that a phone's clock may be off
CODES: Final = 10
#: As in one-time passwords: letters that cannot be mistaken. 23^12: 54 bits.
_LETTERS: Final = "acdefghjkmnpqrtwxy34679"
_SEEN_MS: Final = 10 * 60_000


class SecondFactor:
    """Args: the hub's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._seal = Seal(secret_key)
        self._key = hashlib.sha256(b"recovery codes" + secret_key.encode()).digest()

    def begin(self) -> str:
        """A new sealed secret; it counts only once a code of it was shown (:meth:`fits`)."""
        return self._seal.close(random_base32().encode()).decode()

    def secret(self, sealed: str) -> str:
        """Raises ``SecretUnreadable``."""
        return self._seal.open(sealed.encode()).decode()

    def address(self, sealed: str, login: str) -> str:
        """What the QR code says."""
        return TOTP(self.secret(sealed)).provisioning_uri(name=login, issuer_name=ISSUER)

    def step(self, sealed: str, code: str, now: int) -> int | None:
        """The time step whose code this is; None: it is none of now."""
        totp, typed = TOTP(self.secret(sealed)), "".join(code.split())
        here = now // 1000 // STEP_S
        near = range(here - DRIFT, here + DRIFT + 1)
        fitting = [step for step in near if hmac.compare_digest(totp.at(step * STEP_S), typed)]
        return fitting[0] if fitting else None

    def recovery_codes(self, rng: Random | None = None) -> tuple[str, ...]:
        """Like ``k7qd-xm3h-9wfa``; to be shown once."""
        choose = rng or secrets.SystemRandom()
        return tuple("-".join("".join(choose.choices(_LETTERS, k=4)) for _ in range(3)) for _ in range(CODES))

    def digest(self, recovery_code: str) -> str:
        plain = "".join(one for one in recovery_code.lower() if one.isalnum())
        return hmac.new(self._key, plain.encode(), hashlib.sha256).hexdigest()

    async def accept(self, store: Store, staff: Staff, code: str, now: int) -> Staff | None:
        """The account if the code is good, without the recovery code that was used up; None if it is not, or was
        used before, by whatever process."""
        if staff.second_factor is None:
            return None
        if (digest := self.digest(code)) in staff.recovery:
            left = tuple(one for one in staff.recovery if one != digest)
            after = staff.model_copy(update={"recovery": left})
            return after if await store.swap_staff(staff, after) else None
        try:
            step = self.step(staff.second_factor, code, now)
        except SecretUnreadable:
            return None
        if step is None:
            return None
        uses = await store.count_hit(f"code:{staff.id}:{step}", now=now, window_ms=_SEEN_MS)
        return staff if uses == 1 else None


def without(staff: Staff) -> Staff:
    """The account as before it had a second factor; its sessions end."""
    return staff.model_copy(
        update={"second_factor": None, "recovery": (), "session_epoch": staff.session_epoch + 1}
    )

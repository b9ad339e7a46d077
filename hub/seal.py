"""Sealing: what must not be readable in the store (platform tokens) is encrypted with the hub's secret key."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import SecretUnreadable


class Seal:
    def __init__(self, secret_key: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"hub1022 sealed state").derive(secret_key.encode())
        self._fernet = Fernet(urlsafe_b64encode(key))

    def close(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Raises ``SecretUnreadable``."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SecretUnreadable(
                "a stored secret cannot be opened: HUB_SECRET_KEY is not the one it was sealed with; set the old "
                "key again, or give the channel's tokens anew"
            ) from None

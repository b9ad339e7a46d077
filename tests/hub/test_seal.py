import pytest

from hub.errors import SecretUnreadable
from hub.seal import Seal


def test_what_is_sealed_is_opened_with_the_same_key_only() -> None:
    sealed = Seal("one key").close(b"access token")
    assert b"access" not in sealed
    assert Seal("one key").open(sealed) == b"access token"
    with pytest.raises(SecretUnreadable, match="HUB_SECRET_KEY"):
        Seal("another key").open(sealed)

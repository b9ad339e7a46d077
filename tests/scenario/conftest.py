"""Whole hubs in processes of their own, with the real Rasa. One browser for the session."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.processes import HubUnderTest


@pytest.fixture
async def hub(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[HubUnderTest]:
    """``hub up``, ready. Settings come by indirect parametrisation."""
    if not os.environ.get("UV") and shutil.which("uv") is None:
        pytest.skip("uv is not installed, so Rasa's environment cannot be made")
    hub = HubUnderTest(tmp_path, getattr(request, "param", {}))
    await hub.start()
    yield hub
    await hub.end_anyhow()

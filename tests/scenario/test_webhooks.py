"""The short version of the webhook run; ``python -m tests.scenario.webhooks`` is the long one."""

from pathlib import Path

from tests.rasa_fixture import RasaServer, rasa_process
from tests.scenario.webhooks import run

__all__ = ["rasa_process"]

WEBHOOKS = 150
KILLS = 4


async def test_webhooks_in_any_order_through_killed_hubs_are_dealt_with_once(
    rasa_process: RasaServer, tmp_path: Path
) -> None:
    if not rasa_process.alive():
        rasa_process.start()
    result = await run(
        tmp_path,
        rasa_url=rasa_process.url,
        rasa_secret=rasa_process.secret,
        actions_port=rasa_process.actions_port,
        webhooks=WEBHOOKS,
        kills=KILLS,
        seed=3,
    )
    assert result.problems == []
    assert result.messages == WEBHOOKS * 9 // 10
    assert result.replies > 0

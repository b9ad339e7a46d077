"""The short version of the crash run; ``python -m tests.scenario.crash --kills 20`` is the long one."""

from pathlib import Path

from tests.rasa_fixture import RasaServer, rasa_process
from tests.scenario.crash import crash_run

__all__ = ["rasa_process"]

KILLS = 4


async def test_killed_hubs_lose_nothing_and_answer_nothing_twice(
    rasa_process: RasaServer, tmp_path: Path
) -> None:
    if not rasa_process.alive():
        rasa_process.start()
    result = await crash_run(
        (rasa_process.url, rasa_process.secret), rasa_process.actions_port, tmp_path, kills=KILLS, seed=7
    )
    assert result.problems() == []
    assert result.asked >= KILLS

"""The test stories of ``nlu_data/tests`` through Rasa's own tester."""

import os
import subprocess
from pathlib import Path

from bot import model
from tests.rasa_fixture import RasaServer


def test_every_story_is_predicted(rasa_process: RasaServer, tmp_path: Path) -> None:
    _, env, cwd = model.rasa_command(0, secret="s", actions_url="http://127.0.0.1:9/actions")
    argv = [str(model.PYTHON), str(model.RASA / "serve.py"), "test", "core", "--fail-on-prediction-errors"]
    argv += ["--model", str(model.model_path()), "--stories", str(model.ROOT / "nlu_data" / "tests")]
    argv += ["--endpoints", str(model.RASA / "endpoints.yml"), "--out", str(tmp_path), "--no-plot"]
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=env | {"HUB_PARENT_PID": str(os.getpid())},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = tmp_path / "failed_test_stories.yml"
    assert done.returncode == 0, done.stderr[-2000:] + (failed.read_text() if failed.exists() else "")

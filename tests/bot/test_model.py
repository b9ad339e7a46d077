"""Whether a model fits the files it was made of, and how Rasa is started."""

import os
import shutil
from pathlib import Path

import pytest

from bot import model
from hub.errors import StartupError


@pytest.fixture
def copied_root(tmp_path: Path) -> Path:
    for path in model.training_inputs():
        target = tmp_path / path.relative_to(model.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_the_name_depends_on_the_files_alone(copied_root: Path) -> None:
    assert model.model_name(copied_root) == model.model_name()


@pytest.mark.parametrize(
    "name",
    ["config.yml", "domain.yml", "nlu_data/rules.yml", "bot/text.py", "bot/rasa/components/classifier.py"],
)
def test_any_change_of_an_input_makes_another_model(copied_root: Path, name: str) -> None:
    before = model.model_name(copied_root)
    with (copied_root / name).open("a") as file:
        file.write("\n")
    assert model.model_name(copied_root) != before


def test_new_examples_make_another_model(copied_root: Path) -> None:
    before = model.model_name(copied_root)
    (copied_root / "nlu_data" / "nlu" / "more.yml").write_text('version: "3.1"\n')
    assert model.model_name(copied_root) != before


def test_test_stories_train_nothing(copied_root: Path) -> None:
    before = model.model_name(copied_root)
    tests = copied_root / "nlu_data" / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_more.yml").write_text("stories: []\n")
    assert model.model_name(copied_root) == before


def test_rasa_listens_on_loopback_and_gets_no_secret_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET_KEY", "the hub's own")
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    argv, env, cwd = model.rasa_command(5005, secret="shared", actions_url="http://127.0.0.1:9/actions")
    assert argv[argv.index("--interface") + 1] == "127.0.0.1"
    assert argv[argv.index("--port") + 1] == "5005"
    assert env["HUB_RASA_SECRET"] == "shared"
    assert env["HUB_ACTIONS_URL"] == "http://127.0.0.1:9/actions"
    assert env["HUB_PARENT_PID"] == str(os.getpid())
    assert "shared" not in " ".join(argv)
    assert not {"HUB_SECRET_KEY", "VIRTUAL_ENV"} & env.keys()
    assert cwd == model.RASA


async def test_a_missing_uv_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartupError, match="uv is missing"):
        await model.prepare_environment(lambda _: None)


async def test_a_failing_uv_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\necho 'error: No interpreter found for Python 3.10' >&2\nexit 2\n")
    broken.chmod(0o700)
    monkeypatch.setenv("UV", str(broken))
    with pytest.raises(StartupError, match=r"Rasa needs Python 3\.10"):
        await model.prepare_environment(lambda _: None)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            "\x1b[91mYamlSyntaxException: Failed to read 'faq.yml'. while parsing a flow sequence\n"
            "  expected ',' or ']'\n\nYou can use https://example.org to validate the YAML syntax of your file.\x1b[0m\n",
            "YamlSyntaxException: Failed to read 'faq.yml'. while parsing a flow sequence",
        ),
        ("Resolving\nerror: No interpreter found for Python 3.10\nhint: install it", "error: No interpreter found for Python 3.10"),
        ("it stopped\nwithout a reason\n", "without a reason"),
        ("", "no output"),
    ],
)  # fmt: skip
def test_the_line_that_says_most_about_a_failure_is_told(output: str, told: str) -> None:
    assert model._last(output) == told

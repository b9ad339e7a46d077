"""Rasa's environment and model: whether they are there and fit, and how they are made and started.

A model is named after everything that went into it, so it is stale exactly when a file of its training changed.
"""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hub.errors import StartupError

ROOT = Path(__file__).resolve().parents[1]
RASA = ROOT / "bot" / "rasa"
MODELS = RASA / "models"
PYTHON = RASA / ".venv" / "bin" / "python"
_STAMP = RASA / ".venv" / "synced"  # which lock the environment was made from

_TRAINING_FILES = ("config.yml", "domain.yml", "bot/text.py", "bot/patterns.py", "bot/rasa/uv.lock")
_TRAINING_FOLDERS = (
    ("nlu_data/nlu", "*.yml"),
    ("nlu_data", "*.yml"),
    ("bot/knowledge/data", "*.yml"),
    ("bot/knowledge/data/needs", "*.yml"),
    ("bot/rasa/components", "*.py"),
)
MODELS_KEPT = 2
STILL_AT_IT_S = 10.0  # how often a long step says that it goes on

#: Of the hub's own environment variables none reaches Rasa: it has no business with the hub's secrets. The others
#: would lead uv or Python to the hub's interpreter instead of Rasa's.
_NOT_FOR_CHILDREN = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYENV_VERSION", "UV_PROJECT_ENVIRONMENT")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_LINE = re.compile(r"(error\b|[\w.]+(Error|Exception)\b)", re.IGNORECASE)

Progress = Callable[[str], None]


def training_inputs(root: Path = ROOT) -> list[Path]:
    """Every file a model is made of."""
    found = {root / name for name in _TRAINING_FILES}
    for folder, pattern in _TRAINING_FOLDERS:
        found.update((root / folder).glob(pattern))
    return sorted(found)


def model_name(root: Path = ROOT) -> str:
    """Twelve hex digits that change with any training input."""
    digest = hashlib.sha256()
    for path in training_inputs(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def model_path() -> Path:
    return MODELS / f"{model_name()}.tar.gz"


def is_stale() -> bool:
    """Whether there is no model of the files as they are now."""
    return not model_path().is_file()


def environment_ready() -> bool:
    """Whether Rasa's environment exists and was made from the lock as it is now."""
    return PYTHON.exists() and _STAMP.is_file() and _STAMP.read_text() == _lock_digest()


async def prepare_environment(progress: Progress) -> None:
    """Make or update Rasa's environment with uv.

    Raises:
        StartupError: uv or Python 3.10 is missing, or the installation failed.
    """
    uv = await _uv()
    progress("making Rasa's own environment (Python 3.10, 1.5 GB, once)")
    argv = [uv, "sync", "--frozen", "--quiet", "--directory", str(RASA)]
    code, output = await _run(argv, ROOT, _clean_env(), progress, "still installing Rasa's environment")
    if code != 0:
        if "python" in output.lower() and ("No interpreter" in output or "3.10" in output):
            raise StartupError(
                f"Rasa needs Python 3.10, which uv could not find or download: {_last(output)}"
            )
        raise StartupError(f"Rasa's environment could not be made: {_last(output)}")
    _STAMP.write_text(_lock_digest())


async def train(progress: Progress) -> Path:
    """Train a model of the files as they are now; its path.

    Raises:
        StartupError: training failed, usually for a broken data file.
    """
    target = model_path()
    progress("training the bot (about a minute, once per change of its data)")
    MODELS.mkdir(parents=True, exist_ok=True)
    name = target.name.removesuffix(".tar.gz")
    with tempfile.TemporaryDirectory(dir=MODELS, prefix="training-") as out:
        argv = [str(PYTHON), str(RASA / "serve.py"), "train", "--force"]
        argv += ["--config", str(ROOT / "config.yml"), "--domain", str(ROOT / "domain.yml")]
        argv += ["--data", str(ROOT / "nlu_data" / "nlu"), *map(str, (ROOT / "nlu_data").glob("*.yml"))]
        argv += ["--out", out, "--fixed-model-name", name]
        code, output = await _run(argv, RASA, _rasa_env(), progress, "still training")
        made = Path(out) / target.name
        if code != 0 or not made.is_file():
            raise StartupError(f"the bot could not be trained: {_last(output)}")
        made.replace(target)
    _prune(target)
    return target


def rasa_command(
    port: int, *, secret: str, actions_url: str, model: Path | None = None
) -> tuple[list[str], dict[str, str], Path]:
    """How Rasa is started: argv, environment, working folder. It listens on loopback, calls actions at
    ``actions_url``, and ends when this process does."""
    argv = [str(PYTHON), str(RASA / "serve.py"), "run", "--model", str(model or model_path())]
    argv += ["--interface", "127.0.0.1", "--port", str(port)]
    argv += ["--credentials", str(RASA / "credentials.yml"), "--endpoints", str(RASA / "endpoints.yml")]
    env = _rasa_env() | {"HUB_RASA_SECRET": secret, "HUB_ACTIONS_URL": actions_url}
    return argv, env, RASA


def _clean_env() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_FOR_CHILDREN and not name.startswith("HUB_")
    }


def _rasa_env() -> dict[str, str]:
    return _clean_env() | {"HUB_PARENT_PID": str(os.getpid())}


def _lock_digest() -> str:
    return hashlib.sha256((RASA / "uv.lock").read_bytes()).hexdigest()


async def _uv() -> str:
    """The uv that runs us, or the one on the PATH. A version manager's shim there would bend the environment,
    so uv is asked where it really is."""
    if named := os.environ.get("UV"):
        return named
    if (on_path := shutil.which("uv")) is None:
        raise StartupError("uv is missing: install it with `pip install uv`, or set UV to where it is")
    argv = [on_path, "run", "--no-project", "--quiet", "printenv", "UV"]
    code, output = await _run(argv, ROOT, _clean_env())
    return _last(output) if code == 0 else on_path


async def _run(
    argv: list[str],
    cwd: Path,
    env: Mapping[str, str],
    progress: Progress | None = None,
    still: str = "",
) -> tuple[int, str]:
    """Run a child to its end, however we end; its exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    reading = asyncio.create_task(process.communicate())
    try:
        while not (await asyncio.wait({reading}, timeout=STILL_AT_IT_S))[0]:
            if progress is not None:
                progress(still)
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        await reading
        raise
    printed, _ = reading.result()
    return process.returncode or 0, printed.decode(errors="replace")


def _last(output: str) -> str:
    """The line that says most about a failure: the last one that begins with an exception or "error", else the
    last that names one, else the last."""
    lines = [line.strip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    named = [line for line in lines if _ERROR_LINE.match(line)]
    mentioned = [line for line in lines if "error" in line.lower() or "invalid" in line.lower()]
    return (named or mentioned or lines or ["no output"])[-1]


def _prune(newest: Path) -> None:
    for old in list(_by_age(newest))[MODELS_KEPT - 1 :]:
        old.unlink(missing_ok=True)


def _by_age(newest: Path) -> Iterator[Path]:
    """Models other than ``newest``, youngest first."""
    others = [path for path in MODELS.glob("*.tar.gz") if path != newest]
    yield from sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)

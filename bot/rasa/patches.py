"""What is changed in Rasa 3.6.21 at run time, and why."""

import traceback
from pathlib import Path
from typing import Any, Dict, List

import rasa.utils.endpoints
import rasa.utils.log_utils
import structlog
from jsonschema.validators import validator_for
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction
from rasa.shared.core.events import Event

from bot.rasa.store import TURN

#: Keys of log lines that are about the system, not about a citizen. Everything else is dropped.
_PUBLIC_KEYS = {"event", "event_key", "event_info", "level", "timestamp", "logger", "exc_info", "stack_info"}
#: An action reads memory; the hub gives up on the whole turn after five seconds.
ACTION_TIMEOUT_S = 4


def apply() -> None:
    _precompile_action_schema()
    _remember_failed_actions()
    _keep_texts_out_of_logs()
    rasa.utils.endpoints.DEFAULT_REQUEST_TIMEOUT = ACTION_TIMEOUT_S


def _precompile_action_schema() -> None:
    """Rasa checks the JSON schema itself at every action call: 20 ms of each turn."""
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    def validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate


def _remember_failed_actions() -> None:
    """Rasa logs a failed action and goes on; the channel must answer 500 instead."""
    run = RemoteAction.run

    async def watched(self: RemoteAction, *args: Any, **kwargs: Any) -> List[Event]:
        try:
            return await run(self, *args, **kwargs)
        except ActionExecutionRejection:
            raise
        except Exception:
            turn = TURN.get()
            if turn:
                turn.failed = self.name()
            raise

    RemoteAction.run = watched


def _keep_texts_out_of_logs() -> None:
    """Structured log lines of Rasa carry messages, slots and, with an exception, all local variables."""

    def drop(_logger: Any, _method: str, line: Dict[str, Any]) -> Dict[str, Any]:
        return {key: value for key, value in line.items() if key in _PUBLIC_KEYS}

    def kind_and_place(_logger: Any, _method: str, line: Dict[str, Any]) -> Dict[str, Any]:
        exc_info = line.pop("exc_info", None)
        if isinstance(exc_info, BaseException):
            last = traceback.extract_tb(exc_info.__traceback__)[-1:]
            line["exception"] = (
                f"{type(exc_info).__name__} {[(Path(f.filename).name, f.lineno) for f in last]}"
            )
        return line

    rasa.utils.log_utils._anonymizer = drop
    structlog.processors.dict_tracebacks = kind_and_place

"""All actions in one executor of the Rasa SDK. Importing this takes two seconds, so only who starts the bot's
actions does it."""

from rasa_sdk.executor import ActionExecutor  # type: ignore[import-untyped]

from actions.answer import ActionAnswer
from actions.people import ActionComplaint, ActionEmergency, ActionHandOver
from actions.ports import KnowledgeNow, Tickets
from actions.report import ActionCancelReport, ActionSubmitReport, ValidateReportForm
from actions.status import StatusDesk
from actions.turn import Action


def make_executor(knowledge: KnowledgeNow, tickets: Tickets) -> ActionExecutor:
    """Every action that ``domain.yml`` names."""
    status = StatusDesk(tickets)
    by_intent: dict[str, Action] = {
        "ask_human": ActionHandOver(knowledge),
        "complaint": ActionComplaint(knowledge),
        "emergency": ActionEmergency(knowledge),
    }
    answer = ActionAnswer(knowledge, status, by_intent)
    executor = ActionExecutor()
    for action in (
        *by_intent.values(),
        answer,
        ValidateReportForm(knowledge, answer),
        ActionSubmitReport(knowledge),
        ActionCancelReport(),
    ):
        executor.register_function(action.name, action.run)
    return executor

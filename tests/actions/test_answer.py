"""What the actions make of messages, called as Rasa calls them."""

import pytest

from actions.executor import make_executor
from bot.knowledge import KnowledgeBase
from tests.rasa_fixture import TicketShelf


@pytest.mark.parametrize(
    ("likeliest", "kind"),
    [
        ("report_problem", "report"),
        ("complaint", "complaint"),
        ("ask_human", "human"),
        ("emergency", "emergency"),
        ("ticket_status", "status"),
        ("out_of_scope", "out_of_scope"),
        ("greet", "greet"),
        ("inform", "clarify"),
    ],
)
async def test_what_is_not_sure_follows_the_likeliest_intent(
    knowledge: KnowledgeBase, ticket_shelf: TicketShelf, likeliest: str, kind: str
) -> None:
    executor = make_executor(lambda: knowledge, ticket_shelf)
    message = {
        "text": "xyz",
        "intent": {"name": "nlu_fallback", "confidence": 0.7},
        "intent_ranking": [
            {"name": "nlu_fallback", "confidence": 0.7},
            {"name": likeliest, "confidence": 0.3},
        ],
        "entities": [],
    }
    tracker = {"sender_id": "c_1", "slots": {}, "latest_message": message, "events": []}
    call = {"next_action": "action_answer", "tracker": tracker, "domain": {"version": "3.1"}}
    done = (await executor.run(call)).model_dump()
    if kind == "report":
        assert done["events"] == [{"event": "followup", "timestamp": None, "name": "report_form"}]
    elif kind in ("greet", "out_of_scope"):
        assert done["responses"][0]["response"] == f"utter_{kind}"
    else:
        assert done["responses"][0]["custom"]["kind"] == kind

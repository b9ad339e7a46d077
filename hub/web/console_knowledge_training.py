"""Sentences to train with, kept until a developer takes them over: the bot's sense of intents is Rasa's, which learns
only when it is trained."""

import secrets
from typing import Final

from aiohttp import web

from hub.model import KnowledgeEdit, derived_id
from hub.web.auth import STAFF, form_of, guarded, see_other
from hub.web.console_knowledge import BASE
from hub.web.context import hub_of
from hub.web.knowledge_view import EDITORS, carry_out, knowledge_page, me_of
from hub.web.trail import put_down

INTENTS: Final = {
    "ask_procedure": "Hỏi về thủ tục nói chung",
    "ask_documents": "Hỏi hồ sơ, giấy tờ",
    "ask_fee": "Hỏi lệ phí",
    "ask_time": "Hỏi thời hạn",
    "ask_where": "Hỏi nơi nộp",
    "ask_steps": "Hỏi các bước",
    "ask_online": "Hỏi nộp trực tuyến",
    "ask_form": "Hỏi mẫu đơn",
    "ask_legal_basis": "Hỏi căn cứ pháp lý",
    "ask_eligibility": "Hỏi điều kiện, đối tượng",
    "ask_faq": "Hỏi thông tin chung",
    "report_problem": "Phản ánh sự việc",
    "complaint": "Khiếu nại, than phiền cán bộ",
    "ask_human": "Muốn gặp người",
    "ticket_status": "Hỏi tình trạng phiếu, hồ sơ",
    "emergency": "Khẩn cấp",
    "greet": "Chào hỏi",
    "thanks": "Cảm ơn",
    "bye": "Tạm biệt",
    "affirm": "Đồng ý",
    "deny": "Không đồng ý",
    "cancel": "Hủy, thôi",
    "inform": "Cung cấp thông tin",
    "out_of_scope": "Ngoài phạm vi",
}


async def training_page(request: web.Request) -> web.StreamResponse:
    examples = hub_of(request).knowledge().entries.examples
    return await knowledge_page(
        request,
        "console/knowledge_training.html",
        examples=list(examples.values()),
        intents=INTENTS,
        new_key=lambda: secrets.token_urlsafe(12),
        tab="training",
    )


async def training_file(request: web.Request) -> web.StreamResponse:
    """Examples as Rasa wants them, for ``nlu_data/nlu/console.yml``."""
    by_intent: dict[str, list[str]] = {}
    for one in hub_of(request).knowledge().entries.examples.values():
        by_intent.setdefault(one.intent, []).append(one.text.translate({ord(c): None for c in "[](){}"}))
    lines = ['version: "3.1"', "", "nlu:"]
    for intent in sorted(by_intent):
        lines += [
            f"  - intent: {intent}",
            "    examples: |",
            *(f"      - {text}" for text in sorted(by_intent[intent])),
        ]
    await put_down(request, "export.training")
    return web.Response(
        text="\n".join(lines) + "\n",
        content_type="application/yaml",
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="console.yml"'},
    )


async def remove_example(request: web.Request) -> web.StreamResponse:
    hub, me, form = hub_of(request), me_of(request), await form_of(request)
    before = await hub.store.knowledge_entry("example", request.match_info["example"])
    if before is not None:
        id_ = derived_id("e", me.id, form.get("key", ""))
        edit = KnowledgeEdit(
            id=id_, kind="example", entry=before.id, before=before, after=None, state="applied", by=me.id,
            at=hub.clock.now(),
        )  # fmt: skip
        await carry_out(request, edit)
    return see_other(f"{BASE}/training")


def routes() -> list[web.RouteDef]:
    return [
        *guarded(
            [web.get(f"{BASE}/training", training_page), web.get(f"{BASE}/training.yml", training_file)],
            roles=STAFF,
        ),
        *guarded([web.post(BASE + "/training/{example}/remove", remove_example)], roles=EDITORS),
    ]

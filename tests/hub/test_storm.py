"""Storm mode in front of the bot: asked as citizens write, over a real store."""

from dataclasses import replace

import pytest

from handoff.rules import product
from handoff.storm import Storm
from hub.model import Dialogue
from hub.ports import BotAnswer, Question
from hub.store.sqlite import SqliteStore
from hub.storm import StormBot
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event, turn
from tests.fakes.bots import ScriptedBot

STORM = Storm(
    id="dien",
    topic="Mất điện",
    banner="Đang mất điện diện rộng.",
    answer="Điện lực đang khắc phục.",
    words=("mất điện", "cúp điện"),
    categories=("dien",),
    priority="urgent",
    capacity=20,
)


class Town:
    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store, self.clock, self.inner = store, clock, ScriptedBot()
        self.storm = STORM.model_copy(update={"since": clock.now(), "ends_at": clock.now() + 1_000_000})
        self.bot = StormBot(self.inner, store, lambda: replace(product(), storms=(self.storm,)))
        self.count = 0

    async def says(self, text: str, who: str = "c-1", **question: object) -> BotAnswer:
        """A whole turn: the message arrives, is answered, and what was said stands in the conversation."""
        self.count += 1
        (heard,) = await arrive(
            self.store, event(f"x-{self.count}", text, conversation=who), at=self.clock.now()
        )
        asked = {
            "conversation": heard.conversation,
            "channel": "webchat",
            "text": text,
            "now": self.clock.now(),
        }
        answer = await self.bot.answer(Question.model_validate(asked | question))
        said = turn(
            heard.conversation, f"t-{self.count}", handles=heard.seq, outcome="answered", says=answer.says,
            at=self.clock.now(),
        )  # fmt: skip
        await self.store.commit_turn(said)
        return answer


@pytest.fixture
async def town(store: SqliteStore, clock: FakeClock) -> Town:
    return Town(store, clock)


@pytest.mark.parametrize(
    "text",
    ["Xóm tui mất điện rồi", "mat dien tu sang toi gio", "CÚP ĐIỆN hoài vậy", "nhà em mấtt điện? cúp điện"],
)
async def test_who_writes_about_it_gets_the_prepared_answer(town: Town, text: str) -> None:
    answer = await town.says(text)
    assert answer.says[0].text.startswith(STORM.answer)
    assert answer.says[0].knowledge == ("storm:dien",)
    assert not town.inner.asked


@pytest.mark.parametrize("text", ["làm giấy khai sinh", "mất điện thoại thì báo ai", "điện mất"])
async def test_everything_else_is_the_bots(town: Town, text: str) -> None:
    town.storm = town.storm.model_copy(update={"words": ("mất điện ở",)})
    await town.says(text)
    assert len(town.inner.asked) == 1


async def test_it_is_said_once_then_the_bot_listens(town: Town) -> None:
    await town.says("mất điện rồi")
    await town.says("mất điện ở ấp 3, cột điện ngã")
    assert [asked.text for asked in town.inner.asked] == ["mất điện ở ấp 3, cột điện ngã"]
    assert (await town.says("mất điện", who="c-2")).says[0].text.startswith(STORM.answer), "to others too"


async def test_danger_is_never_answered_from_a_drawer(town: Town) -> None:
    await town.says("mất điện, có người bị điện giật bất tỉnh")
    assert len(town.inner.asked) == 1


async def test_buttons_and_open_forms_are_the_bots(town: Town) -> None:
    await town.says("mất điện", payload="/x")
    form = Dialogue(events=({"event": "active_loop", "name": "report_form"},))
    await town.says("mất điện", who="c-2", dialogue=form)
    assert len(town.inner.asked) == 2


async def test_it_ends_by_itself_and_may_come_again(town: Town, clock: FakeClock) -> None:
    await town.says("mất điện")
    clock.forward(1_000_000)
    await town.says("mất điện")
    assert len(town.inner.asked) == 1
    town.storm = town.storm.model_copy(update={"since": clock.now(), "ends_at": clock.now() + 10})
    assert (await town.says("mất điện")).says[0].text.startswith(STORM.answer)


def test_while_it_rages_its_cases_are_more_urgent_and_operators_are_given_more(clock: FakeClock) -> None:
    now = clock.now()
    known = product()
    field = next(iter(known.categories.values()))
    raging = STORM.model_copy(update={"since": now, "ends_at": now + 10, "categories": (field.group,)})
    rules = replace(known, storms=(raging,))
    assert rules.priority(field.id, "low", now) == "urgent"
    assert rules.priority(field.id, "low", now + 10) == known.priority(field.id, "low")
    assert rules.priority(None, "normal", now) == "normal"
    assert (rules.capacity(5, now), rules.capacity(30, now), rules.capacity(0, now)) == (20, 30, 0)
    assert rules.capacity(5, now + 10) == 5

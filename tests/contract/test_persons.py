"""Which conversations are one person's, in a store."""

from typing import Any

from handoff import persons
from hub.model import Consent, Conversation, ConversationQuery
from hub.ports import Store
from tests.contract.builders import T0, arrive, event, ticket, turn


async def talk(store: Store, n: int, *, at: int = T0, **fields: Any) -> Conversation:
    (message,) = await arrive(store, event(f"x-{n}", conversation=f"c-{n}", **fields), at=at + n)
    found = await store.conversation(message.conversation)
    assert found
    return found


async def group(store: Store, one: Conversation) -> list[str]:
    fresh = await store.conversation(one.id)
    assert fresh
    return [found.key for found in await persons.conversations_of(store, fresh)]


async def suggested(store: Store, one: Conversation) -> list[tuple[str, str]]:
    return [(found.conversation.key, found.why) for found in await persons.suggestions(store, one)]


async def test_joined_conversations_are_found_and_parted_again(store: Store) -> None:
    one, two, three = await talk(store, 1), await talk(store, 2, channel="zalo"), await talk(store, 3)
    assert await group(store, one) == ["c-1"]
    await persons.join(store, one, two, now=T0 + 9)
    fresh = await store.conversation(two.id)
    assert fresh
    assert fresh.version > two.version, "open pages see it"
    await persons.join(store, three, fresh, now=T0 + 9)
    for each in (one, two, three):
        assert await group(store, each) == ["c-3", "c-2", "c-1"]
    joined = await store.conversation(two.id)
    assert joined
    await persons.part(store, joined, now=T0 + 10)
    assert await group(store, two) == ["c-2"]
    assert await group(store, one) == ["c-3", "c-1"]
    left = await store.conversation(three.id)
    assert left
    await persons.part(store, left, now=T0 + 11)
    assert await store.find_conversations(ConversationQuery(person=joined.person), limit=9) == []
    await store.set_person(["none", one.id], "p-1", now=T0 + 12)
    before = await store.conversation(one.id)
    await store.set_person([one.id], "p-1", now=T0 + 13)
    assert await store.conversation(one.id) == before


async def test_one_sender_of_a_channel_is_one_person(store: Store) -> None:
    one = await talk(store, 1, channel="email", sender="a@example.org")
    await talk(store, 2, channel="email", sender="a@example.org")
    await talk(store, 3, channel="webchat", sender="a@example.org")
    assert await group(store, one) == ["c-2", "c-1"]


async def test_a_shared_number_or_address_only_suggests(store: Store) -> None:
    one, two, three = await talk(store, 1), await talk(store, 2, channel="zalo"), await talk(store, 3)
    four = await talk(store, 4, channel="email", sender="a@example.org")
    await store.note_person(one.id, now=T0, contact={"phone": "0900 000 001"})
    await store.note_person(two.id, now=T0, contact={"phone": "+84900000001"})
    opened = ticket(three.id, 3, details={"phone": "0900.000.001"})
    await store.commit_turn(turn(three.id, "t-3", ticket=opened))
    await store.put_consent(
        Consent(id="s-1", conversation=one.id, channel="email", address="A@example.org", agreed_at=T0)
    )
    one = await store.conversation(one.id) or one
    expected = {("c-2", "0900000001"), ("c-3", "0900000001"), ("c-4", "a@example.org")}
    assert set(await suggested(store, one)) == expected
    assert await group(store, one) == ["c-1"], "nothing is joined unasked"
    await persons.join(store, one, two, now=T0 + 9)
    one = await store.conversation(one.id) or one
    assert {key for key, _ in await suggested(store, one)} == {"c-3", "c-4"}
    assert four.person is None


async def test_who_is_erased_belongs_to_nobody(store: Store) -> None:
    one, two = await talk(store, 1), await talk(store, 2, channel="zalo")
    await persons.join(store, one, two, now=T0)
    await store.erase_person(one.id, now=T0 + 9)
    erased = await store.conversation(one.id)
    assert erased
    assert erased.person is None
    assert await group(store, two) == ["c-2"]

"""What citizens attach becomes one job for each message, done by one fetcher at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hub.model import Attachment, MediaJob, Message
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, raw
from tests.contract.test_crash import NOW, deaths, nothing, opened, picture

URL = Attachment(type="image", url="https://example.org/ảnh.jpg", name="ảnh.jpg", size=3)
PART = Attachment(type="file", part="2", name="đơn.pdf")
PLACE = Attachment(type="location", lat=10.46, lon=105.63)
KEPT = URL.model_copy(update={"blob": "b_1", "media_type": "image/jpeg", "size": 2**40})
REFUSED = PART.model_copy(update={"problem": "too_big"})


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


def photo(external_id: str, *attachments: Attachment, **fields: Any) -> Any:
    return event(external_id, attachments=attachments or (URL,), **fields)


async def lease(store: Store, now: int = T0, until: int = T0 + 1_000) -> MediaJob:
    job = await store.lease_media(now=now, until=until)
    assert job is not None
    return job


async def kept(store: Store, message: Message) -> Message:
    return (await store.messages(message.conversation))[message.seq - 1]


# ---- what makes a job


async def test_a_message_with_content_to_fetch_is_a_job_with_its_delivery(store: Store) -> None:
    (message,) = await arrive(store, photo("a", PLACE, URL, PART), raw_id="r-1")
    job = await lease(store)
    assert job.message == message
    assert job.message.attachments == (PLACE, URL, PART)
    assert job.raw == raw("r-1")
    assert job.attempts == 1


async def test_a_delivery_of_many_megabytes_comes_with_the_job(store: Store) -> None:
    delivery = raw("r-1", bytes(range(256)) * 50_000)
    await store.put_raw(delivery)
    await store.take_in(delivery, [photo("a", PART)], refused=0, error=None, now=T0, due_at=T0)
    assert (await lease(store)).raw == delivery


async def test_nothing_to_fetch_is_no_job(store: Store) -> None:
    here = Attachment(type="image", url="https://example.org/a.jpg", blob="b_1")
    lost = Attachment(type="image", url="https://example.org/b.jpg", problem="gone")
    await arrive(store, event("a"), photo("b", PLACE), photo("c", here, lost))
    await arrive(store, photo("d", kind="edit"))
    assert await store.lease_media(now=T0, until=T0 + 1) is None


async def test_a_duplicate_makes_no_second_job(store: Store, other: Store) -> None:
    for n in range(2):
        await arrive(store, photo("a"), photo("a"), raw_id=f"r-{n}")
    job = await lease(store)
    assert job.raw.id == "r-0"
    await arrive(other, photo("a"), raw_id="r-2")
    assert await other.lease_media(now=T0, until=T0 + 1) is None
    assert await store.settle_media(job, [KEPT], now=T0)
    (message,) = await arrive(other, photo("a"), raw_id="r-3")
    assert message.attachments == (KEPT,), "and does not undo what was fetched"
    assert await store.lease_media(now=T0 + 9_999, until=T0 + 10_000) is None


# ---- leasing


async def test_the_oldest_message_comes_first(store: Store) -> None:
    await arrive(store, photo("b"), at=T0 + 1)
    await arrive(store, photo("a"), at=T0)
    await arrive(store, photo("c"), at=T0 + 2)
    first = await lease(store, T0 + 5, T0 + 10)
    assert (await lease(store, T0 + 5, T0 + 20)).message.external_id == "b"
    again = await lease(store, T0 + 10, T0 + 30)
    assert (again.message, again.attempts) == (first.message, 2), "older, though it was tried before"
    assert (await lease(store, T0 + 10, T0 + 30)).message.external_id == "c"


async def test_a_job_is_leased_once(store: Store, other: Store) -> None:
    for n in range(12):
        await arrive(store, photo(f"m{n}", conversation=f"c-{n % 3}"), at=T0 - n)
    jobs = await asyncio.gather(
        *((store, other)[n % 2].lease_media(now=T0, until=T0 + 30_000) for n in range(30))
    )
    leased = [job.message.id for job in jobs if job is not None]
    assert len(leased) == len(set(leased)) == 12


async def test_another_goes_on_where_a_fetcher_died(store: Store, other: Store) -> None:
    (message,) = await arrive(store, photo("a"))
    dead = await lease(store, T0, T0 + 10)
    assert await other.lease_media(now=T0 + 9, until=T0 + 19) is None
    alive = await lease(other, T0 + 10, T0 + 20)
    assert (alive.message, alive.attempts) == (message, 2)
    gone = URL.model_copy(update={"problem": "gone"})
    assert not await store.settle_media(dead, [gone], now=T0 + 11)
    assert await kept(store, message) == message
    assert await other.settle_media(alive, [KEPT], now=T0 + 11)
    assert not await store.settle_media(dead, [gone], now=T0 + 12)
    assert not await store.settle_media(dead, [gone], now=T0 + 12, retry_at=T0 + 13)
    assert (await kept(store, message)).attachments == (KEPT,)
    assert await store.lease_media(now=T0 + 99_999, until=T0 + 100_000) is None


# ---- settling


async def test_what_became_of_it_stands_in_the_message(store: Store, other: Store) -> None:
    (message,) = await arrive(store, photo("a", PLACE, URL, PART, text="ảnh đây"))
    before = await store.conversation(message.conversation)
    assert before is not None
    assert await store.settle_media(await lease(store), [PLACE, KEPT, REFUSED], now=T0 + 5)
    expected = message.model_copy(update={"attachments": (PLACE, KEPT, REFUSED)})
    assert await other.messages(message.conversation) == [expected]
    after = await other.conversation(message.conversation)
    assert after is not None
    assert (after.version, after.touched_at) == (before.version + 1, T0 + 5), "live pages look for that"
    assert await store.touched_since(T0 + 5) == [(message.conversation, after.version)]
    assert await store.lease_media(now=T0 + 99_999, until=T0 + 100_000) is None
    assert not (await store.books(now=T0, grace_ms=60_000)).problems


async def test_what_is_still_wanted_is_tried_again_when_it_is_time(store: Store) -> None:
    (message,) = await arrive(store, photo("a", URL, PART))
    assert await store.settle_media(await lease(store), [URL, REFUSED], now=T0 + 1, retry_at=T0 + 50)
    assert (await kept(store, message)).attachments == (URL, REFUSED)
    assert await store.lease_media(now=T0 + 49, until=T0 + 60) is None
    again = await lease(store, T0 + 50, T0 + 60)
    assert again.attempts == 2
    assert again.message.attachments == (URL, REFUSED)
    assert await store.settle_media(again, [KEPT, REFUSED], now=T0 + 51, retry_at=T0 + 70)
    assert (await kept(store, message)).attachments == (KEPT, REFUSED)
    assert await store.lease_media(now=T0 + 99_999, until=T0 + 100_000) is None, "nothing is wanted any more"


async def test_a_try_in_vain_changes_nothing_that_is_seen(store: Store) -> None:
    (message,) = await arrive(store, photo("a"))
    before = await store.conversation(message.conversation)
    job = await lease(store)
    assert await store.settle_media(job, [URL], now=T0 + 1, retry_at=T0 + 50)
    assert not await store.settle_media(job, [URL], now=T0 + 1, retry_at=T0 + 50), "it was given back"
    assert await store.conversation(message.conversation) == before
    assert (await kept(store, message)) == message
    last = await lease(store, T0 + 50)
    assert await store.settle_media(last, [URL], now=T0 + 51)
    assert await store.lease_media(now=T0 + 99_999, until=T0 + 100_000) is None, "given up"


async def test_of_two_who_settle_at_once_one_did(store: Store, other: Store) -> None:
    (message,) = await arrive(store, photo("a"))
    job = await lease(store)
    done = await asyncio.gather(*((store, other)[n % 2].settle_media(job, [KEPT], now=T0) for n in range(6)))
    assert any(done)
    assert (await kept(store, message)).attachments == (KEPT,)


async def test_settling_while_the_conversation_goes_on(store: Store, other: Store) -> None:
    messages = [(await arrive(store, photo(f"m{n}"), at=T0 + n))[0] for n in range(10)]

    async def fetch(mine: Store) -> None:
        while job := await mine.lease_media(now=T0 + 100, until=T0 + 30_000):
            assert await mine.settle_media(job, [KEPT], now=T0 + 100)

    await asyncio.gather(
        fetch(store), fetch(other), *(arrive(store, event(f"x{n}"), at=T0 + 100) for n in range(20))
    )
    found = await other.messages(messages[0].conversation)
    assert [message.seq for message in found] == list(range(1, 31))
    assert all(message.attachments == (KEPT,) for message in found[:10])
    conversation = await other.conversation(messages[0].conversation)
    assert conversation is not None
    assert conversation.version == 40


# ---- stores that die


async def one_photo(store: Store) -> MediaJob:
    await arrive(store, photo("a"), photo("b", URL, PART), raw_id="r-1")
    return await lease(store, NOW, NOW + 1_000)


async def settled(store: Store, job: Any) -> bool:
    return await store.settle_media(job, [KEPT], now=NOW)


async def test_settling_again_after_a_crash_gives_what_no_crash_gives(fresh_url: Callable[[], str]) -> None:
    async for death in deaths(fresh_url, one_photo, settled):
        async with opened(death.url) as store:
            assert await picture(store) in (death.before, death.done)
            await settled(store, death.prepared)
            assert await picture(store) == death.done


async def take_in(store: Store, _: Any) -> Any:
    delivery = raw("r-1", at=NOW)
    await store.put_raw(delivery)
    events = [photo("a"), photo("b", conversation="c-2"), photo("a")]
    return await store.take_in(delivery, events, refused=0, error=None, now=NOW, due_at=NOW)


async def test_a_crash_while_taking_in_loses_no_job_and_makes_none_twice(
    fresh_url: Callable[[], str],
) -> None:
    async for death in deaths(fresh_url, nothing, take_in):
        store = death.witness
        await take_in(store, None)
        jobs = [await lease(store, NOW, NOW + 1_000) for _ in range(2)]
        assert {job.message.external_id for job in jobs} == {"a", "b"}
        assert await store.lease_media(now=NOW, until=NOW + 1_000) is None

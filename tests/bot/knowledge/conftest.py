import pytest

from bot.knowledge import KnowledgeBase, seed_docs
from hub.model import KnowledgeDoc


@pytest.fixture(scope="session")
def docs() -> list[KnowledgeDoc]:
    return seed_docs()


@pytest.fixture(scope="session")
def kb(docs: list[KnowledgeDoc]) -> KnowledgeBase:
    return KnowledgeBase.build(docs, revision=7)

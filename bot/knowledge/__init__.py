"""The knowledge base: procedures, questions, agencies, communes and categories, searched and answered from."""

from bot.knowledge.base import KnowledgeBase
from bot.knowledge.load import DATA, check, seed_docs
from bot.knowledge.model import Answer, Aspect, Hit, Match, Topic
from bot.knowledge.schema import Commune, Faq, Procedure

__all__ = [
    "DATA", "Answer", "Aspect", "Commune", "Faq", "Hit", "KnowledgeBase", "Match", "Procedure", "Topic", "check",
    "seed_docs",
]  # fmt: skip

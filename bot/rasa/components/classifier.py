"""The intent classifier: ``intents.IntentModel`` as a component of Rasa."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Type

import joblib
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.io import read_yaml_file

from bot.rasa.components.features import Words
from bot.rasa.components.intents import IntentModel, Needs, Options, in_words
from bot.rasa.components.tokenizer import NORMAL, VietnameseTokenizer

RANKING = 3
NEEDS = Path(__file__).resolve().parents[2] / "knowledge" / "data" / "needs"
_NO_PROCEDURES = ("faq.yml", "unknown.yml")
_MODEL_FILE = "intents.joblib"


def seed_needs(folder: Path = NEEDS) -> Needs:
    """The need phrases of the knowledge base."""
    procedures: List[str] = []
    others: List[str] = []
    for path in sorted(folder.glob("*.yml")):
        found = others if path.name in _NO_PROCEDURES else procedures
        found += [phrase for phrases in read_yaml_file(path).values() for phrase in phrases]
    return Needs(procedures, others)


def _words(message: Message) -> Words:
    return in_words(token.get(NORMAL) for token in message.get("text_tokens") or [])


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VietnameseIntentClassifier(GraphComponent, IntentClassifier):
    """Names the intent of a message; its confidence is the chance of its kind."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [VietnameseTokenizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"C": Options.C, "seed": Options.seed}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Optional[IntentModel] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> VietnameseIntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [(_words(m), m.get(INTENT)) for m in training_data.intent_examples if m.get(TEXT)]
        options = Options(C=self._config["C"], seed=self._config["seed"])
        self._model = IntentModel.learn(examples, seed_needs(), options)
        with self._storage.write_to(self._resource) as directory:
            joblib.dump(self._model, directory / _MODEL_FILE, compress=3)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> VietnameseIntentClassifier:
        with model_storage.read_from(resource) as directory:
            model = joblib.load(directory / _MODEL_FILE)
        return cls(config, model_storage, resource, model)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            ranked = self._model.rank(_words(message))
            ranking = [{"name": intent, "confidence": chance} for intent, chance in ranked[:RANKING]]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages

"""The intent classifier: a linear model over words and characters, with and without diacritics.

Every example is learned twice, as written and folded, so that "khai sinh can giay to gi" is as good as the
accented sentence. A balanced linear SVM is the most exact of the models that train in seconds; its margins
become probabilities through a softmax whose temperature is fitted on held-out folds.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Text, Tuple, Type

import joblib
import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from bot.rasa.components.tokenizer import NORMAL, VietnameseTokenizer

RANKING = 3
_MODEL_FILE = "intents.joblib"
_DIGIT = re.compile(r"\d")

#: (accented, folded)
Sample = Tuple[str, str]


def _accented(samples: List[Sample]) -> List[str]:
    return [accented for accented, _ in samples]


def _folded(samples: List[Sample]) -> List[str]:
    return [folded for _, folded in samples]


def _features() -> FeatureUnion:
    def view(select: Any, **options: Any) -> Pipeline:
        vectorizer = TfidfVectorizer(lowercase=False, sublinear_tf=True, token_pattern=r"\S+", **options)  # noqa: S106
        return Pipeline([("select", FunctionTransformer(select)), ("tfidf", vectorizer)])

    return FeatureUnion(
        [
            ("words", view(_accented, ngram_range=(1, 2))),
            ("characters", view(_accented, analyzer="char_wb", ngram_range=(2, 5))),
            ("folded words", view(_folded, ngram_range=(1, 2))),
            ("folded characters", view(_folded, analyzer="char_wb", ngram_range=(2, 5))),
        ]
    )


def _sample(message: Message) -> Sample:
    tokens = message.get("text_tokens") or []
    accented = " ".join(token.get(NORMAL) for token in tokens)
    folded = " ".join(token.lemma for token in tokens)
    return _DIGIT.sub("0", accented), _DIGIT.sub("0", folded)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VietnameseIntentClassifier(GraphComponent, IntentClassifier):
    """Names the intent of a message with a calibrated confidence."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [VietnameseTokenizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"C": 0.3, "folds": 4, "random_state": 1022}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Optional[Dict[Text, Any]] = None,
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
        examples = [m for m in training_data.intent_examples if m.get(TEXT)]
        originals = [_sample(message) for message in examples]
        samples = originals + [(folded, folded) for _, folded in originals]
        intents = np.array([message.get(INTENT) for message in examples] * 2)
        # an example and its folded copy must be held out together
        groups = np.array(list(range(len(examples))) * 2)

        features = _features()
        vectors = features.fit_transform(samples)
        svm = LinearSVC(
            C=self._config["C"], class_weight="balanced", random_state=self._config["random_state"]
        )
        folds = GroupKFold(self._config["folds"])
        margins = cross_val_predict(
            svm, vectors, intents, groups=groups, cv=folds, method="decision_function"
        )
        svm.fit(vectors, intents)
        classifier = Pipeline([("features", features), ("svm", svm)])
        right = np.searchsorted(classifier.classes_, intents)
        scale = minimize_scalar(
            lambda s: -log_softmax(s * margins, axis=1)[np.arange(len(right)), right].mean(),
            bounds=(0.1, 50),
            method="bounded",
        ).x
        self._model = {"classifier": classifier, "scale": float(scale)}
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
            ranking = self._rank(_sample(message))
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking[:RANKING], add_to_output=True)
        return messages

    def _rank(self, sample: Sample) -> List[Dict[Text, Any]]:
        classifier, scale = self._model["classifier"], self._model["scale"]
        chances = softmax(scale * classifier.decision_function([sample])[0])
        best_first = np.argsort(-chances)
        return [{"name": str(classifier.classes_[i]), "confidence": float(chances[i])} for i in best_first]

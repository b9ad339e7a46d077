"""Entities from closed lists of the knowledge base: procedures, communes and agencies, by their names."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Text, Tuple, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.io import read_yaml_file

from bot.rasa.components.features import folded
from bot.rasa.components.intents import words_of
from bot.rasa.components.tokenizer import NORMAL, VietnameseTokenizer

DATA = Path(__file__).resolve().parents[2] / "knowledge" / "data"
_FILE = "names.json"
#: Names of one word are names of other things too.
FEWEST_WORDS = 2

#: Words, kind, id.
Name = Tuple[Tuple[str, ...], str, str]


def seed_names(folder: Path = DATA) -> List[Name]:
    """Procedures by name and aliases, communes with and without their kind, agencies by both their names."""
    procedures = read_yaml_file(folder / "procedures.yml")["procedures"]
    places = read_yaml_file(folder / "agencies.yml")
    found = [
        (name, "procedure", one["id"])
        for one in procedures
        for name in (one["name"].replace("Thủ tục ", ""), *one.get("aliases", ()))
    ]
    for commune in places["communes"]:
        found += [(commune["name"], "commune", commune["id"])]
        found += [(commune["name"].split(" ", 1)[1], "commune", commune["id"])]
    for agency in places["agencies"]:
        if agency.get("valid_to") is None and agency.get("kind") != "pattern":
            found += [
                (name, "agency", agency["id"]) for name in (agency["name"], agency.get("short_name")) if name
            ]
    named = [(words_of(name), kind, id_) for name, kind, id_ in found]
    return [name for name in named if len(name[0]) >= FEWEST_WORDS]


class Names:
    """Looks names up, longest first; without their marks only where one thing alone is called so."""

    def __init__(self, names: List[Name]) -> None:
        self._by_words: Dict[Tuple[str, ...], Tuple[str, str]] = {}
        plain: Dict[Tuple[str, ...], set] = defaultdict(set)
        for words, kind, id_ in names:
            self._by_words.setdefault(words, (kind, id_))
            plain[tuple(map(folded, words))].add((kind, id_))
        self._by_plain = {words: next(iter(one)) for words, one in plain.items() if len(one) == 1}
        self._longest = max((len(words) for words, _, _ in names), default=0)

    def found_in(self, words: List[str]) -> Iterator[Tuple[str, str, int, int]]:
        """Kind, id, first word and the word after the last of each name."""
        at = 0
        while at < len(words):
            for size in range(min(self._longest, len(words) - at), FEWEST_WORDS - 1, -1):
                typed = tuple(words[at : at + size])
                # what was typed with marks must agree with them
                known = self._by_words.get(typed) or (
                    self._by_plain.get(typed) if typed == tuple(map(folded, typed)) else None
                )
                if known:
                    yield (*known, at, at + size)
                    at += size
                    break
            else:
                at += 1


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class GazetteerExtractor(GraphComponent, EntityExtractorMixin):
    """Adds what is called by its name, with its place in the text and its id as value."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [VietnameseTokenizer]

    def __init__(self, storage: ModelStorage, resource: Resource, names: Optional[Names] = None) -> None:
        self._storage = storage
        self._resource = resource
        self._names = names

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> GazetteerExtractor:
        return cls(model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        names = seed_names()
        self._names = Names(names)
        with self._storage.write_to(self._resource) as directory:
            (directory / _FILE).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> GazetteerExtractor:
        with model_storage.read_from(resource) as directory:
            names = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        return cls(model_storage, resource, Names([(tuple(words), kind, id_) for words, kind, id_ in names]))

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            tokens: List[Token] = message.get("text_tokens") or []
            words, places = _apart(tokens)
            found = [
                {
                    "entity": kind,
                    "value": id_,
                    "start": places[first][0],
                    "end": places[end - 1][1],
                    "confidence_entity": 1.0,
                }
                for kind, id_, first, end in self._names.found_in(words)
            ]
            entities = message.get(ENTITIES, []) + self.add_extractor_name(found)
            message.set(ENTITIES, entities, add_to_output=True)
        return messages


def _apart(tokens: List[Token]) -> Tuple[List[str], List[Tuple[int, int]]]:
    """Single words with their places; what an abbreviation stands for shares its place."""
    apart = [
        (word, (token.start, token.end)) for token in tokens for word in token.get(NORMAL).lower().split()
    ]
    return [word for word, _ in apart], [place for _, place in apart]

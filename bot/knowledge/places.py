"""Names of communes in running text."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from bot.knowledge.schema import Commune
from bot.knowledge.wording import Token, spelled, split_words

#: Words before a name that say what kind of place it is, and those that merely lead to one. Folded.
_KINDS = {"xa": "xa", "x": "xa", "phuong": "phuong", "p": "phuong"}
_LEADING = {*_KINDS, "o", "tai", "huyen", "tinh", "tp", "thanh", "pho", "thi", "tran", "ben", "duoi"}

_Name = tuple[Token, ...]


class Gazetteer:
    """Finds communes. Without diacritics only where the folded name is unique: Tân Thành and Tân Thạnh are two."""

    def __init__(self, communes: Iterable[Commune]) -> None:
        names = [(commune, tuple(spelled(commune.name)[1:])) for commune in communes]
        self._count = Counter(_folded(name) for _, name in names)
        self._count_of_kind = Counter((commune.kind, _folded(name)) for commune, name in names)
        self._by_first: dict[str, list[tuple[Commune, _Name]]] = defaultdict(list)
        for commune, name in sorted(names, key=lambda pair: -len(pair[1])):
            self._by_first[name[0].word].append((commune, name))
        self._provinces = {_folded(spelled(commune.former_province)) for commune, _ in names}

    def communes_in(self, text: str) -> list[Commune]:
        """Communes named in the text, in order, each once."""
        found = {commune.id: commune for commune, _, _ in self._spans(spelled(text)) if commune}
        return list(found.values())

    def outside(self, text: str) -> str:
        """The text without the communes and provinces it names and the words that lead to them."""
        words, tokens = split_words(text), spelled(text)
        kept = [True] * len(words)
        for _, start, end in self._spans(tokens):
            while start and tokens[start - 1].word in _LEADING:
                start -= 1
            kept[start:end] = [False] * (end - start)
        return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)

    def only_where(self, text: str) -> bool:
        """Whether each place that is named is led to ("phí ở Sa Đéc", "xã Mỹ Hiệp"): it is where something is, not what
        is asked about ("Tràm Chim ở đâu")."""
        tokens = spelled(text)
        spans = list(self._spans(tokens))
        return bool(spans) and all(start and tokens[start - 1].word in _LEADING for _, start, _ in spans)

    def _spans(self, words: list[Token]) -> Iterator[tuple[Commune | None, int, int]]:
        """Places named, as (commune or None for a province, first word, word after the last)."""
        at = 0
        while at < len(words):
            commune, size = self._at(words, at, _KINDS.get(words[at - 1].word) if at else None)
            if commune or size > 1:
                yield commune, at, at + size
            at += size

    def _at(self, words: list[Token], at: int, kind: str | None) -> tuple[Commune | None, int]:
        for commune, name in self._by_first.get(words[at].word, ()):
            typed = words[at : at + len(name)]
            if _folded(typed) != _folded(name) or kind not in (None, commune.kind):
                continue
            if self._is_meant(typed, name, commune, kind):
                return commune, len(name)
        for province in self._provinces:
            if _folded(words[at : at + len(province)]) == province:
                return None, len(province)
        return None, 1

    def _is_meant(self, typed: list[Token], name: _Name, commune: Commune, kind: str | None) -> bool:
        if all(part.form == part.word for part in name):
            return kind is not None  # "ba sao" also says three stars
        if all(given.form == part.form for given, part in zip(typed, name, strict=True)):
            return True
        # Marks that were typed must agree; marks that were left out may be any, if only one place remains.
        agrees = all(set(given.form) <= set(part.form) for given, part in zip(typed, name, strict=True))
        count = self._count_of_kind[commune.kind, _folded(name)] if kind else self._count[_folded(name)]
        return agrees and count == 1


def _folded(name: Iterable[Token]) -> tuple[str, ...]:
    return tuple(token.word for token in name)

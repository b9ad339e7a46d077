"""Vietnamese syllables, written out and folded, with offsets into what the citizen typed."""

from typing import Any, Dict, List, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from bot.text import fold, normal_words

#: Where a token keeps its normal form: abbreviations and Telex undone, lower case, accents kept.
NORMAL = "normal"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class VietnameseTokenizer(Tokenizer):
    """One token per syllable: its text as typed, its ``normal`` form, and that form folded as its lemma."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    def tokenize(self, message: Message, attribute: Text) -> List[Token]:
        text = message.get(attribute)
        tokens = [
            Token(text[start:end], start, end, data={NORMAL: normal.lower()}, lemma=fold(normal))
            for normal, start, end in normal_words(text)
        ]
        # a message of punctuation alone still needs a token
        return tokens or [Token(text, 0, len(text), data={NORMAL: text}, lemma=text)]

"""What is said, cut to what one call to a channel can carry, so that every stored message has one outcome."""

import re
from collections.abc import Iterator, Sequence

from hub.model import Button, Draft, Turn
from hub.ports import Capabilities, Reach

#: Where a text may be cut, best first: between paragraphs, lines, sentences, words.
BORDERS = (re.compile(r"\n\n+"), re.compile(r"\n"), re.compile(r"(?<=[.!?…;:])\s+"), re.compile(r"\s+"))


def fitted(turn: Turn, capabilities: Capabilities, reach: Reach) -> Turn:
    """The turn with its drafts as the channel can carry them. The same turn always gives the same drafts."""
    says = tuple(
        piece
        for draft in turn.says
        if draft.internal or not draft.courtesy or (capabilities.courtesies and not reach.public)
        for piece in pieces(draft, capabilities)
    )
    return turn.model_copy(update={"says": says})


def pieces(draft: Draft, capabilities: Capabilities) -> tuple[Draft, ...]:
    """One draft as messages: the text within the limit, buttons on its last piece, files apart where they must."""
    if draft.internal or draft.said_elsewhere is not None:
        return (draft,)
    apart = draft.attachments if capabilities.attachments_apart and draft.text else ()
    texts = list(split(draft.text, capabilities.max_text)) or [""]
    plain: dict[str, object] = {"buttons": (), "attachments": (), "ask": None}
    out = [draft.model_copy(update={"text": text} | plain) for text in texts[:-1]]
    last: dict[str, object] = {"text": texts[-1]}
    if apart:
        last["attachments"] = ()
    elif capabilities.attachments_apart and len(draft.attachments) > 1:
        apart, last["attachments"] = draft.attachments[1:], draft.attachments[:1]
    out.append(draft.model_copy(update=last))
    out += [draft.model_copy(update=plain | {"text": "", "attachments": (file,)}) for file in apart]
    return tuple(out)


def numbered(text: str, buttons: Sequence[Button]) -> str:
    """The text with its choices as a numbered list, for channels that show no buttons."""
    return "\n".join([text, *(f"{n}. {button.title}" for n, button in enumerate(buttons, start=1))])


def split(text: str, limit: int) -> Iterator[str]:
    """Pieces of at most ``limit`` characters, cut at the best border in the second half of what fits."""
    text = text.strip()
    while len(text) > limit:
        cut = next((at for at in (_last_border(text, border, limit) for border in BORDERS) if at), limit)
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _last_border(text: str, border: re.Pattern[str], limit: int) -> int | None:
    ends = [found.start() for found in border.finditer(text, limit // 2, limit + 1) if found.start() <= limit]
    return ends[-1] if ends else None

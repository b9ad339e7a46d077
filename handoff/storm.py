"""Storm mode: a topic about which everybody writes at once. Prepared in quiet times, switched on in two clicks."""

from hub.model import Priority, Text, Value


class Storm(Value):
    """While it rages, pages show the banner, messages with one of the words get the answer at once, cases of its
    categories are more urgent, and operators are given more of them."""

    id: str
    topic: Text
    banner: Text
    answer: Text = ""  # none: the bot answers as always
    words: tuple[Text, ...] = ()  # as typed by people; compared without case and diacritics
    categories: tuple[str, ...] = ()
    priority: Priority = "high"
    capacity: int | None = (
        None  # cases an operator is given at the same time, where that is more than their own
    )
    since: int | None = None  # None: it is off
    ends_at: int | None = None

    def rages(self, now: int) -> bool:
        return self.since is not None and self.since <= now < (self.ends_at or 0)

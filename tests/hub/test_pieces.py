"""What is said, cut to what a channel can carry."""

from hypothesis import given
from hypothesis import strategies as st

from hub.model import Attachment, Button, Draft, Turn
from hub.pieces import fitted, pieces, split
from hub.ports import Capabilities, Reach

PHOTO = Attachment(type="image", blob="b_1")
FILE = Attachment(type="file", blob="b_2")


def test_a_long_text_is_cut_between_sentences() -> None:
    text = "Hồ sơ gồm tờ khai và giấy chứng sinh. Nộp tại Ủy ban nhân dân xã. Miễn lệ phí nếu đúng hạn."
    assert list(split(text, 60)) == [
        "Hồ sơ gồm tờ khai và giấy chứng sinh.",
        "Nộp tại Ủy ban nhân dân xã. Miễn lệ phí nếu đúng hạn.",
    ]


def test_a_paragraph_is_a_better_border_than_a_sentence() -> None:
    assert list(split("Một. Hai ba bốn.\n\nNăm. Sáu bảy tám chín.", 30)) == [
        "Một. Hai ba bốn.",
        "Năm. Sáu bảy tám chín.",
    ]


@given(st.text(alphabet="aế .\n😀", max_size=400), st.integers(5, 50))
def test_nothing_but_blanks_is_lost_and_every_piece_fits(text: str, limit: int) -> None:
    cut = list(split(text, limit))
    assert all(0 < len(piece) <= limit for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_buttons_come_with_the_last_piece() -> None:
    yes = Button(title="Có", payload="/affirm")
    found = pieces(Draft(text="Câu một dài. Câu hai dài.", buttons=(yes,)), Capabilities(max_text=15))
    assert [(one.text, one.buttons) for one in found] == [("Câu một dài.", ()), ("Câu hai dài.", (yes,))]


def test_files_are_messages_of_their_own_where_the_channel_wants_it() -> None:
    draft = Draft(text="Mẫu đơn đây ạ", attachments=(PHOTO, FILE))
    apart = pieces(draft, Capabilities())
    assert [(one.text, one.attachments) for one in apart] == [
        ("Mẫu đơn đây ạ", ()),
        ("", (PHOTO,)),
        ("", (FILE,)),
    ]
    assert pieces(draft, Capabilities(attachments_apart=False)) == (draft,)


def test_files_without_words_are_still_one_message_each() -> None:
    found = pieces(Draft(text="", attachments=(PHOTO, FILE)), Capabilities())
    assert [one.attachments for one in found] == [(PHOTO,), (FILE,)]


def turn(*says: Draft) -> Turn:
    return Turn(id="t_1", conversation="c_1", actor="system", at=1, handles=0, says=says)


def test_courtesies_are_said_only_where_people_chat_alone() -> None:
    said = turn(Draft(text="Có người tới", courtesy=True), Draft(text="Trả lời"))
    assert len(fitted(said, Capabilities(), Reach()).says) == 2
    for capabilities, reach in (
        (Capabilities(courtesies=False), Reach()),
        (Capabilities(), Reach(public=True)),
    ):
        assert [one.text for one in fitted(said, capabilities, reach).says] == ["Trả lời"]


def test_notes_and_what_was_said_elsewhere_stay_whole() -> None:
    note = Draft(text="x" * 50, internal=True)
    elsewhere = Draft(text="y" * 50, said_elsewhere="m_1")
    assert fitted(turn(note, elsewhere), Capabilities(max_text=10), Reach()).says == (note, elsewhere)

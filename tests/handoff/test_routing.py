"""Which agency a case goes to; what nobody has decided is left to a person."""

from typing import Any

import pytest

from handoff.routing import Category, Route, Router, RoutingRule
from handoff.rules import product

RULES = product()
HERE, THERE = "phuong-my-tho", "phuong-cao-lanh"


def router(*rules: dict[str, Any]) -> Router:
    return Router(RULES.categories, RULES.agencies, [RoutingRule(**rule) for rule in rules])


def test_the_data_name_one_agency_for_some_and_leave_the_others_to_a_person() -> None:
    assert router().route("dien-mat-dien", None).agency == "dt-dien-luc"
    lamp = router().route("chieu-sang", HERE)
    assert lamp.agency is None
    assert lamp.candidates == (f"dt-ubnd-xa@{HERE}", "dt-don-vi-do-thi")
    assert "xã, phường" in router().route("chieu-sang", None).why
    assert router().route(None, HERE) == Route(agency=None, candidates=(), why="Chưa xác định lĩnh vực.")


@pytest.mark.parametrize(
    ("category", "commune", "agency"),
    [
        ("chieu-sang", HERE, "dt-so-xay-dung"),
        ("chieu-sang", THERE, f"dt-ubnd-xa@{THERE}"),
        ("chieu-sang", None, None),
        ("thoat-nuoc", HERE, "dt-cap-nuoc"),
        ("dat-dai-hoi-dap", HERE, f"dt-cong-an-xa@{HERE}"),
        ("dat-dai-hoi-dap", THERE, "dt-vp-ubnd"),
        ("dien-mat-dien", HERE, "dt-dien-luc"),
    ],
)
def test_the_most_specific_rule_counts(category: str, commune: str | None, agency: str | None) -> None:
    table = router(
        {"agency": "dt-vp-ubnd"},
        {"commune": HERE, "agency": "dt-cong-an-xa"},
        {"category": "ha-tang-do-thi", "agency": "dt-cap-nuoc"},
        {"category": "chieu-sang", "agency": "dt-ubnd-xa"},
        {"category": "chieu-sang", "commune": HERE, "agency": "dt-so-xay-dung"},
    )
    assert table.route(category, commune).agency == agency


def test_a_rule_to_nowhere_leaves_it_to_a_person() -> None:
    table = router(
        {"category": "chieu-sang", "agency": "dt-khong-co"},
        {"category": "vien-thong", "agency": "dt-vien-thong"},
    )
    assert table.route("chieu-sang", HERE).agency is None
    assert table.route("vien-thong", HERE).agency is None, "which of the companies, a person says"


def test_a_complaint_goes_past_whom_it_is_about() -> None:
    table = router({"category": "can-bo-gio-giac", "agency": "dt-ttpvhcc-xa"})
    centre, people = f"dt-ttpvhcc-xa@{HERE}", f"dt-ubnd-xa@{HERE}"
    assert table.route("can-bo-gio-giac", HERE).agency == centre
    above = table.route("can-bo-gio-giac", HERE, complaint=True, about=centre)
    assert above.agency == people, "the one above it"
    none = table.route("can-bo-gio-giac", HERE, complaint=True, about=people)
    assert none.agency is None, "nobody is above it: a person decides"
    assert none.candidates == ("dt-vp-ubnd",), "neither it nor a part of it"
    elsewhere = table.route("can-bo-gio-giac", HERE, complaint=True, about=f"dt-ubnd-xa@{THERE}")
    assert elsewhere.agency == centre
    assert table.route("can-bo-gio-giac", HERE, complaint=True).agency is None, "about whom?"


def test_no_complaint_about_anybody_ever_goes_to_them() -> None:
    for about in (unit.id for unit in RULES.agencies.all()):
        for category in RULES.categories.values():
            for commune in (None, HERE):
                found = RULES.router.route(category.id, commune, complaint=True, about=about)
                for one in (found.agency, *found.candidates):
                    assert one is None or not RULES.agencies.within(one, about), (category, about)


def test_commune_units_are_named_after_their_commune() -> None:
    agencies = RULES.agencies
    unit = agencies.get(f"dt-phong-kinh-te-xa@{HERE}")
    assert unit is not None
    assert unit.name == "Phòng Kinh tế, Hạ tầng và Đô thị phường Mỹ Tho"
    assert unit.parent == f"dt-ubnd-xa@{HERE}"
    assert agencies.get("dt-ubnd-xa@khong-co") is None
    assert agencies.get("dt2020-so-tttt") is None, "no longer there"
    ids = [unit.id for unit in agencies.all()]
    assert len(ids) == len(set(ids))
    assert "dt-ubnd-xa" not in ids
    assert sum(id_.startswith("dt-ubnd-xa@") for id_ in ids) == 102


def test_every_category_has_its_hours() -> None:
    assert len(RULES.categories) == 74
    assert {one.hours for one in RULES.categories.values()} == {8, 48}
    assert RULES.hours(None) == 8, "nobody knows yet what it is: the shorter promise"
    assert RULES.priority("dien-su-co-nguy-hiem", "normal") == "urgent"
    assert RULES.priority(None, "high") == "high"
    assert isinstance(RULES.categories["lua-dao"], Category)
    assert RULES.sensitive("lua-dao")

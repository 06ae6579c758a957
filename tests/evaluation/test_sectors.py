from __future__ import annotations

import pytest

from cxnlp.evaluation.gold import Example
from cxnlp.evaluation.sectors import sector_names, sector_of


@pytest.mark.parametrize(
    ("industry", "sector"),
    [
        ("airlines", "travel & transport"),
        ("bus and coach", "travel & transport"),
        ("trains & buses", "travel & transport"),
        ("car_rental", "travel & transport"),
        ("hotels & travel booking", "travel & transport"),
        ("mobile banking app", "apps & software"),
        ("saas support", "apps & software"),
        ("it helpdesk", "apps & software"),
        ("match-3 game", "apps & software"),
        ("apparel", "retail & delivery"),
        ("appliances", "telecom, energy & home"),
        ("banks", "banking & insurance"),
        ("pensions", "banking & insurance"),
        ("business banking", "banking & insurance"),
        ("travel insurance", "banking & insurance"),
        ("mobile operator", "telecom, energy & home"),
        ("home_repair", "telecom, energy & home"),
        ("dentists", "health & care"),
        ("GP practice", "health & care"),
        ("care homes", "health & care"),
        ("car dealers", "public & other services"),
        ("vets", "health & care"),
        ("bookshop", "retail & delivery"),
        ("baby products", "retail & delivery"),
        ("carpets & flooring", "retail & delivery"),
        ("convenience store", "retail & delivery"),
        ("parcel & courier", "retail & delivery"),
        ("hotel booking site", "hospitality & leisure"),
        ("bed & breakfast", "hospitality & leisure"),
        ("bowling & soft play", "hospitality & leisure"),
        ("golf club", "hospitality & leisure"),
        ("fitness & gym app", "apps & software"),
        ("university & online course", "public & other services"),
        ("training provider", "public & other services"),
        ("local council", "public & other services"),
    ],
)
def test_an_industry_belongs_to_its_sector(industry: str, sector: str) -> None:
    assert sector_of(Example("x", "own", "x", industry=industry)) == sector
    assert sector in sector_names()


@pytest.mark.parametrize(
    ("dataset", "sector"), [("cfpb", "banking & insurance"), ("uci_yelp", "hospitality & leisure")]
)
def test_a_data_set_belongs_to_its_sector(dataset: str, sector: str) -> None:
    assert sector_of(Example("x", dataset, "x")) == sector

from __future__ import annotations

import time

import pytest

from cxnlp.sources.live.mail import written

OLDER = "> Dear Kim,\n> we are sorry for the long wait.\n>\n> Anna, Acme"
OWN = "Still no refund.\nThree weeks!"


@pytest.mark.parametrize(
    "below",
    [
        f"On Mon, 2 Mar 2026 at 10:11, Acme Support <help@acme.example> wrote:\n{OLDER}",
        f"On Mon, 2 Mar 2026 at 10:11, Acme Support\n<help@acme.example> wrote:\n\n{OLDER}",
        "On Mon, 2 Mar 2026 at 10:11, Acme Support wrote:\n\nDear Kim,\nwe are sorry.",
        f"Am 02.03.2026 um 10:11 schrieb Acme:\n{OLDER}",
        "-----Original Message-----\nFrom: Acme\nSent: Monday\nTo: Kim\n\nWe are sorry.",
        "____________\nFrom: Acme <help@acme.example>\nSent: 2 March 2026\nTo: Kim\nSubject: RE: x\n\nHi",
        "*From:* Acme\n*Date:* 2 March\n*To:* Kim\n\nWe are sorry.",
    ],
)
def test_the_older_message_is_left_out(below: str) -> None:
    left = written(f"{OWN}\n\n{below}")
    assert left.rstrip("_\n ") == OWN


def test_answers_between_quoted_lines_are_kept() -> None:
    text = "On 2 March 2026 Acme wrote:\n> Did you get the parcel?\nNo.\n> And the letter?\nNor that."
    assert written(text) == "No.\nNor that."


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        "",
        "> 5 days is too long",
        "Thanks for nothing. On Monday I wrote:\nyou never answered.\n> 5 days is too long",
        "On 2 March 2026 I wrote:\nplease call me. Nobody did.",
        "From: London\nTo: Leeds. The courier was rude.",
        "I ordered two things:\na lamp and a chair",
        "On Mon, 2 Mar 2026 Acme wrote:",
        f"On 2 March 2026 Acme wrote:\n{OLDER}",
    ],
)
def test_what_a_customer_wrote_stays(text: str) -> None:
    assert written(text) == text


@pytest.mark.parametrize(
    "hostile",
    ["On " * 60_000, "On a\n" * 40_000, "From: a\n" * 20_000, "> a\n" * 40_000, " " * 200_000, "1:\n" * 60_000,
     ("On 2026 " + "wrote " * 60 + "\n") * 400, ("<a@" * 130 + "\n") * 500, "-" * 200_000],
)  # fmt: skip
def test_hostile_mail_takes_no_time(hostile: str) -> None:
    started = time.process_time()
    written(hostile)
    assert time.process_time() - started < 2

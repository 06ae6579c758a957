from __future__ import annotations

import pytest

from cxnlp.text.checksums import CHECKS


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ("card", "4111 1111 1111 1111"),
        ("iban", "GB29NWBK60161331926819"),
        ("nhs_number", "9434765919"),
        ("cpf", "390.533.447-05"),
        ("dni", "12345678Z"),
        ("nir", "269054958815780"),
        ("pesel", "44051401359"),
        ("personnummer", "811218-9876"),
        ("ean13", "756.9217.0769.85"),
        ("aadhaar", "2341 2341 2346"),
    ],
)
def test_one_wrong_digit_breaks_a_checksum(rule: str, number: str) -> None:
    assert CHECKS[rule](number) == len(number)
    for place, mark in enumerate(number):
        if mark.isdigit() and place > 3:
            wrong = number[:place] + str((int(mark) + 1) % 10) + number[place + 1 :]
            assert CHECKS[rule](wrong) == 0, wrong


def test_what_follows_a_number_is_left_out() -> None:
    assert CHECKS["iban"]("GB29 NWBK 6016 1331 9268 19 and more") == len("GB29 NWBK 6016 1331 9268 19")
    assert CHECKS["card"]("4111 1111 1111 1111 12") == len("4111 1111 1111 1111")
    assert CHECKS["national_phone"]("020 7946 0958 3") == len("020 7946 0958")

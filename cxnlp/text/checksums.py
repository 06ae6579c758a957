"""Whether a match is what its form says: checksums and limits that numbers must keep.

A rule takes the text of a match and returns where the thing itself ends in it, 0 if there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_DATE = re.compile(
    r"(?<![\d./-])(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/. ])\d{1,2}\2(?:19|20)\d{2}|\d{1,2}([/.-])\d{1,2}\3\d{2})"
    r"(?![./-]?\d)"
)
_YEARS = re.compile(r"(?:(?:19|20)\d{2}[ ./-]{1,3})+(?:19|20)\d{2}\Z")
_BARE_DOMAIN = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,24}/?\Z", re.IGNORECASE)
_GROUPS = re.compile(r"\d+")

# Lengths of IBANs by country (SWIFT IBAN registry, release 99).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_VERHOEFF_ROUND = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def digits(text: str) -> list[int]:
    """Return the digits of a text."""
    return [int(mark) for mark in text if mark.isdecimal()]


def luhn(numbers: list[int]) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    doubled = (sum(divmod(2 * number, 10)) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _card(text: str) -> int:
    """Return the end of a payment card number: 13-19 digits in groups of three or more, first digit 2-6, Luhn."""
    groups = list(_GROUPS.finditer(text))
    for last in range(len(groups), 0, -1):
        numbers = digits(text[: groups[last - 1].end()])
        short = any(len(group.group()) < 3 for group in groups[: last - 1])
        if 13 <= len(numbers) <= 19 and not short and 2 <= numbers[0] <= 6 and luhn(numbers):
            return groups[last - 1].end()
    return 0


def _iban(text: str) -> int:
    """Return the end of an IBAN: as long as its country's, and 1 modulo 97 (ISO 13616)."""
    length = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    places = [place for place, mark in enumerate(text) if mark.isalnum()]
    if not length or len(places) < length:
        return 0
    end = places[length - 1] + 1
    account = "".join(text[place] for place in places[:length]).upper()
    if text[end : end + 1].isalnum() or not account.isascii():
        return 0
    return end if int("".join(str(int(mark, 36)) for mark in account[4:] + account[:4])) % 97 == 1 else 0


def _nhs_number(text: str) -> bool:
    """Whether the tenth digit is the check digit, modulo 11."""
    numbers = digits(text)
    check = 11 - sum(number * weight for number, weight in zip(numbers[:9], range(10, 1, -1), strict=True)) % 11
    return len(set(numbers)) > 1 and check % 11 == numbers[9] and check != 10


def _cpf(text: str) -> bool:
    numbers = digits(text)

    def check(count: int) -> int:
        total = sum(number * (count + 1 - place) for place, number in enumerate(numbers[:count]))
        return total * 10 % 11 % 10

    return len(set(numbers)) > 1 and (check(9), check(10)) == (numbers[9], numbers[10])


def _dni(text: str) -> bool:
    marks = "".join(mark for mark in text.upper() if mark.isalnum())
    number = int(marks[:-1].translate(str.maketrans("XYZ", "012")))
    return _DNI_LETTERS[number % 23] == marks[-1]


def _codice_fiscale(text: str) -> bool:
    values = [int(mark, 36) - 10 if mark.isalpha() else int(mark) for mark in text.upper()]
    total = sum(_FISCAL_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values[:15]))
    return total % 26 == values[15]


def _nir(text: str) -> bool:
    marks = "".join(text.upper().split()).replace("2A", "19").replace("2B", "18")
    return marks.isdecimal() and 97 - int(marks[:13]) % 97 == int(marks[13:])


def _pesel(text: str) -> bool:
    numbers = digits(text)
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    month = (numbers[2] * 10 + numbers[3]) % 20
    total = sum(number * weight for number, weight in zip(numbers[:10], weights, strict=True))
    return 1 <= month <= 12 and -total % 10 == numbers[10]


def _personnummer(text: str) -> bool:
    return luhn(digits(text)[-10:])


def _ean13(text: str) -> bool:
    numbers = digits(text)
    return -sum(number * (3 if place % 2 else 1) for place, number in enumerate(numbers[:12])) % 10 == numbers[12]


def _aadhaar(text: str) -> bool:
    """Whether the last digit is the check digit of Verhoeff's scheme, in the dihedral group of order ten."""
    check = 0
    turn = list(range(10))
    for number in reversed(digits(text)):
        check = _dihedral(check, turn[number])
        turn = [turn[_VERHOEFF_ROUND[value]] for value in range(10)]
    return check == 0


def _dihedral(one: int, other: int) -> int:
    if one < 5:
        return (one + other) % 5 if other < 5 else 5 + (one + other - 5) % 5
    return 5 + (one - other) % 5 if other < 5 else (one - other) % 5


def _ip_address(text: str) -> bool:
    return all(int(part) < 256 and (part == "0" or part[0] != "0") for part in text.split("."))


def _private_url(text: str) -> bool:
    """Whether a web address is more than a domain."""
    return not _BARE_DOMAIN.match(text)


def _international_phone(text: str) -> int:
    return _phone_end(text, least=8, most=(15,))


def _national_phone(text: str) -> int:
    return _phone_end(text, least=9, most=(11, 12))


def _local_phone(text: str) -> int:
    return _phone_end(text, least=7, most=(11, 13))


def _phone_end(text: str, *, least: int, most: tuple[int, ...]) -> int:
    """Return the end of whole groups with enough digits (E.164: at most 15), 0 for dates, years or one digit again.

    As many groups as stay within the first bound, else within the next; a digit alone after a number is not its own.
    """
    ends: list[tuple[int, int]] = []
    count = 0
    for group in _GROUPS.finditer(text):
        alone = len(group.group()) == 1
        if alone and count >= least:
            break
        count += len(group.group())
        if not alone and text[group.end() : group.end() + 1] not in {".", "/", "-"}:
            ends.append((count, group.end()))
    fitting = [[end for count, end in ends if least <= count <= bound] for bound in most]
    end = next((some[-1] for some in fitting if some), 0)
    number = text[:end]
    return 0 if len(set(digits(number))) < 3 or _DATE.search(number) or _YEARS.match(number) else end


def _whole(holds: Callable[[str], bool]) -> Callable[[str], int]:
    return lambda text: len(text) if holds(text) else 0


CHECKS: Mapping[str, Callable[[str], int]] = {
    "aadhaar": _whole(_aadhaar),
    "card": _card,
    "codice_fiscale": _whole(_codice_fiscale),
    "cpf": _whole(_cpf),
    "dni": _whole(_dni),
    "ean13": _whole(_ean13),
    "iban": _iban,
    "ip_address": _whole(_ip_address),
    "international_phone": _international_phone,
    "local_phone": _local_phone,
    "national_phone": _national_phone,
    "nhs_number": _whole(_nhs_number),
    "nir": _whole(_nir),
    "personnummer": _whole(_personnummer),
    "pesel": _whole(_pesel),
    "private_url": _whole(_private_url),
}
"""The rules by the names that data/text/patterns.toml uses."""

"""What an agent hears who answers a number they are looked for at: for whom the call is and who calls. Pure."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat

LANGUAGES = ("en", "tr", "az", "fa")
MAX_NAME = 60
"""A longer name would leave no time for the number and the key."""
_SENTENCES = {
    "en": ("A call for {}.", "From {}.", "The caller's number is withheld.", "To take it, press 1."),
    "tr": ("{} için çağrı.", "Arayan: {}.", "Arayanın numarası gizli.", "Çağrıyı almak için 1'e basın."),
    "az": ("{} üçün zəng.", "Zəng edən: {}.", "Zəng edənin nömrəsi gizlidir.", "Zəngi götürmək üçün 1-i basın."),
    "fa": (
        "تماس برای {}.", "تماس‌گیرنده: {}.", "شمارهٔ تماس‌گیرنده پنهان است.", "برای پاسخ دادن، عدد یک را فشار دهید.",
    ),
}  # fmt: skip


def who_calls(language: str, name: str, number: str, home: str) -> str:
    """The sentences to speak, in English for a language we have none of. `name` is the queue's or the brand's, `number`
    (E.164) the customer's, empty when they withhold it; `home` is the company's number they called."""
    for_whom, caller, withheld, key = _SENTENCES.get(language, _SENTENCES["en"])
    said = [for_whom.format(name[:MAX_NAME])] if name else []
    said.append(caller.format(digits(number, home)) if number else withheld)
    return " ".join([*said, key])


def digits(number: str, home: str) -> str:
    """A number digit by digit, in the groups its country writes it in, with a pause after each; within the country of
    `home` as it is dialled there."""
    try:
        parsed = phonenumbers.parse(number, None)
        abroad = parsed.country_code != phonenumbers.parse(home, None).country_code
    except phonenumbers.NumberParseException:
        return " ".join(re.sub(r"\D", "", number))
    form = PhoneNumberFormat.INTERNATIONAL if abroad else PhoneNumberFormat.NATIONAL
    groups = re.findall(r"\d+", phonenumbers.format_number(parsed, form))
    return ", ".join(" ".join(group) for group in groups)

"""What a callback offer says by itself where the flow's author wrote nothing. Other languages hear English."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "offer": "All our agents are busy. You can hang up and be called back without losing your place in line. "
        "To be called at the number you are calling from, press 1. For another number, press 2. To wait, press 3.",
        "offer_unknown": "All our agents are busy. You can hang up and be called back without losing your place in "
        "line. To be called back, press 2. To wait, press 3.",
        "number": "Please enter the number we shall call, with its country code, and then press the hash key.",
        "wrong": "This is not a number we can call.",
        "confirm": "We will call {number}. If this is right, press 1. To enter another number, press 2.",
        "made": "Thank you. You keep your place in line, and we will call you. Goodbye.",
        "known": "You have asked us to call this number already. You keep your earlier place in line, and we will "
        "call you. Goodbye.",
    },
    "tr": {
        "offer": "Tüm temsilcilerimiz meşgul. Telefonu kapatabilirsiniz, sıranızı kaybetmeden sizi arayalım. "
        "Aradığınız numaradan aranmak için 1'e, başka bir numara için 2'ye, beklemek için 3'e basın.",
        "offer_unknown": "Tüm temsilcilerimiz meşgul. Telefonu kapatabilirsiniz, sıranızı kaybetmeden sizi arayalım. "
        "Geri aranmak için 2'ye, beklemek için 3'e basın.",
        "number": "Lütfen arayacağımız numarayı ülke koduyla girin ve kare tuşuna basın.",
        "wrong": "Bu, arayabileceğimiz bir numara değil.",
        "confirm": "{number} numarasını arayacağız. Doğruysa 1'e, başka bir numara girmek için 2'ye basın.",
        "made": "Teşekkür ederiz. Sıranız korunuyor, sizi arayacağız. Hoşça kalın.",
        "known": "Bu numarayı aramamızı daha önce istemişsiniz. Önceki sıranız korunuyor, sizi arayacağız. "
        "Hoşça kalın.",
    },
    "az": {
        "offer": "Bütün əməkdaşlarımız məşğuldur. Dəstəyi asa bilərsiniz, növbənizi itirmədən sizə zəng edərik. "
        "Zəng etdiyiniz nömrəyə zəng üçün 1, başqa nömrə üçün 2, gözləmək üçün 3 düyməsini basın.",
        "offer_unknown": "Bütün əməkdaşlarımız məşğuldur. Dəstəyi asa bilərsiniz, növbənizi itirmədən sizə zəng "
        "edərik. Geri zəng üçün 2, gözləmək üçün 3 düyməsini basın.",
        "number": "Zəhmət olmasa, zəng edəcəyimiz nömrəni ölkə kodu ilə daxil edin və panjur düyməsini basın.",
        "wrong": "Bu, zəng edə biləcəyimiz nömrə deyil.",
        "confirm": "{number} nömrəsinə zəng edəcəyik. Düzdürsə 1, başqa nömrə daxil etmək üçün 2 düyməsini basın.",
        "made": "Təşəkkür edirik. Növbəniz saxlanılır, sizə zəng edəcəyik. Sağ olun.",
        "known": "Bu nömrəyə zəng etməyimizi artıq istəmisiniz. Əvvəlki növbəniz saxlanılır, sizə zəng edəcəyik. "
        "Sağ olun.",
    },
    "fa": {
        "offer": "همه همکاران ما مشغول هستند. می‌توانید قطع کنید تا بدون از دست دادن نوبت با شما تماس بگیریم. "
        "برای تماس با همین شماره عدد یک، برای شماره دیگر عدد دو و برای انتظار عدد سه را فشار دهید.",
        "offer_unknown": "همه همکاران ما مشغول هستند. می‌توانید قطع کنید تا بدون از دست دادن نوبت با شما تماس بگیریم. "
        "برای تماس عدد دو و برای انتظار عدد سه را فشار دهید.",
        "number": "لطفاً شماره‌ای را که باید با آن تماس بگیریم با کد کشور وارد کنید و سپس کلید مربع را فشار دهید.",
        "wrong": "این شماره‌ای نیست که بتوانیم با آن تماس بگیریم.",
        "confirm": "با شماره {number} تماس می‌گیریم. اگر درست است عدد یک و برای شماره دیگر عدد دو را فشار دهید.",
        "made": "سپاسگزاریم. نوبت شما حفظ می‌شود و با شما تماس می‌گیریم. خدانگهدار.",
        "known": "پیش‌تر خواسته‌اید با این شماره تماس بگیریم. نوبت قبلی شما حفظ می‌شود و با شما تماس می‌گیریم. خدانگهدار.",
    },
}


def words(key: str, language: str, number: str = "") -> tuple[str, str]:
    """One of the sentences: (text, language it is in). A number is said digit by digit."""
    spoken = language if language in _WORDS else "en"
    return _WORDS[spoken][key].replace("{number}", " ".join(number.removeprefix("+"))), spoken

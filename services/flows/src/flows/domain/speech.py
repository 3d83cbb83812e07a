"""What a run says by itself: position and expected wait, and the sentences of a polite end.

The flow's author writes everything else. A language without sentences of its own hears English.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class WaitEstimate:
    """How long a contact may still wait, as routing tells it; `expected` None: it can't be told."""

    position: int = 0
    expected: timedelta | None = None
    low: timedelta | None = None
    high: timedelta | None = None


@dataclass(frozen=True)
class Told:
    """What a waiting caller was told: their place, 0 when it isn't known, and the longest wait in minutes, as it is
    said; None when none could be told."""

    position: int
    minutes: int | None

    def nearer_than(self, before: Told) -> bool:
        """Whether it is good news after `before`: better in the place or in the wait, and worse in neither. A place
        that isn't known compares with none; a wait that can't be told is longer than any."""
        mine = math.inf if self.minutes is None else self.minutes
        theirs = math.inf if before.minutes is None else before.minutes
        places = (self.position, before.position) if self.position and before.position else (0, 0)
        return mine <= theirs and places[0] <= places[1] and (mine < theirs or places[0] < places[1])


_SENTENCES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "next": "You are next in line.",
        "place": "You are number {position} in line.",
        "under_minute": "The expected wait is less than one minute.",
        "one": "The expected wait is about one minute.",
        "about": "The expected wait is about {high} minutes.",
        "between": "The expected wait is between {low} and {high} minutes.",
        "over_hour": "The expected wait is more than one hour.",
        "unknown": "We can't tell the waiting time right now. Thank you for your patience.",
        "nobody_free": "We are sorry, nobody is free to take your call right now. Please call again later. Goodbye.",
        "closed": "We are closed right now. Please call again when we are open. Goodbye.",
        "no_choice": "We did not receive your choice. Please call again. Goodbye.",
        "called_back": "This is the call back you asked for. One moment, please: we are connecting you.",
        "leave_message": "Nobody can take your call right now. Please leave a message after the tone.",
        "message_taken": "Thank you, we have your message. Goodbye.",
        "failed": "We are sorry, something went wrong on our side. Please call again later. Goodbye.",
    },
    "tr": {
        "next": "Sırada ilk sizsiniz.",
        "place": "Sıra numaranız {position}.",
        "under_minute": "Tahmini bekleme süreniz bir dakikadan azdır.",
        "one": "Tahmini bekleme süreniz yaklaşık bir dakikadır.",
        "about": "Tahmini bekleme süreniz yaklaşık {high} dakikadır.",
        "between": "Tahmini bekleme süreniz {low} ile {high} dakika arasındadır.",
        "over_hour": "Tahmini bekleme süreniz bir saatten fazladır.",
        "unknown": "Şu anda bekleme süresini söyleyemiyoruz. Sabrınız için teşekkür ederiz.",
        "nobody_free": "Üzgünüz, şu anda çağrınızı yanıtlayabilecek kimse yok. "
        "Lütfen daha sonra tekrar arayın. Hoşça kalın.",
        "closed": "Şu anda kapalıyız. Lütfen açık olduğumuz saatlerde tekrar arayın. Hoşça kalın.",
        "no_choice": "Seçiminizi alamadık. Lütfen tekrar arayın. Hoşça kalın.",
        "called_back": "Bu, istediğiniz geri aramadır. Lütfen hattan ayrılmayın, sizi bağlıyoruz.",
        "leave_message": "Şu anda çağrınızı yanıtlayamıyoruz. Lütfen sinyal sesinden sonra mesajınızı bırakın.",
        "message_taken": "Teşekkür ederiz, mesajınızı aldık. Hoşça kalın.",
        "failed": "Üzgünüz, bizden kaynaklanan bir sorun oluştu. Lütfen daha sonra tekrar arayın. Hoşça kalın.",
    },
    "az": {
        "next": "Növbədə birincisiniz.",
        "place": "Növbədə sıra nömrəniz {position}.",
        "under_minute": "Təxmini gözləmə müddəti bir dəqiqədən azdır.",
        "one": "Təxmini gözləmə müddəti bir dəqiqəyə yaxındır.",
        "about": "Təxmini gözləmə müddəti {high} dəqiqəyə yaxındır.",
        "between": "Təxmini gözləmə müddəti {low} ilə {high} dəqiqə arasındadır.",
        "over_hour": "Təxmini gözləmə müddəti bir saatdan çoxdur.",
        "unknown": "Hazırda gözləmə müddətini deyə bilmirik. Səbriniz üçün təşəkkür edirik.",
        "nobody_free": "Üzr istəyirik, hazırda zənginizə cavab verə biləcək əməkdaş yoxdur. "
        "Zəhmət olmasa, daha sonra yenidən zəng edin. Sağ olun.",
        "closed": "Hazırda iş saatimiz deyil. Zəhmət olmasa, iş saatlarında yenidən zəng edin. Sağ olun.",
        "no_choice": "Seçiminizi ala bilmədik. Zəhmət olmasa, yenidən zəng edin. Sağ olun.",
        "called_back": "Bu, istədiyiniz geri zəngdir. Zəhmət olmasa, xətdə qalın, sizi birləşdiririk.",
        "leave_message": "Hazırda zənginizə cavab verə bilmirik. "
        "Zəhmət olmasa, səs siqnalından sonra mesajınızı buraxın.",
        "message_taken": "Təşəkkür edirik, mesajınızı aldıq. Sağ olun.",
        "failed": "Üzr istəyirik, bizim tərəfdə xəta baş verdi. Zəhmət olmasa, daha sonra yenidən zəng edin. Sağ olun.",
    },
    "fa": {
        "next": "شما نفر بعدی در صف هستید.",
        "place": "شما نفر شماره {position} در صف هستید.",
        "under_minute": "زمان انتظار تقریبی کمتر از یک دقیقه است.",
        "one": "زمان انتظار تقریبی حدود یک دقیقه است.",
        "about": "زمان انتظار تقریبی حدود {high} دقیقه است.",
        "between": "زمان انتظار تقریبی بین {low} تا {high} دقیقه است.",
        "over_hour": "زمان انتظار تقریبی بیش از یک ساعت است.",
        "unknown": "در حال حاضر نمی‌توانیم زمان انتظار را اعلام کنیم. از شکیبایی شما سپاسگزاریم.",
        "nobody_free": "متأسفیم، در حال حاضر کسی برای پاسخ‌گویی به تماس شما آزاد نیست. "
        "لطفاً بعداً دوباره تماس بگیرید. خدانگهدار.",
        "closed": "در حال حاضر تعطیل هستیم. لطفاً در ساعت کاری دوباره تماس بگیرید. خدانگهدار.",
        "no_choice": "انتخاب شما را دریافت نکردیم. لطفاً دوباره تماس بگیرید. خدانگهدار.",
        "called_back": "این همان تماسی است که درخواست کرده بودید. لطفاً پشت خط بمانید، در حال وصل کردن شما هستیم.",
        "leave_message": "در حال حاضر نمی‌توانیم به تماس شما پاسخ دهیم. لطفاً پس از شنیدن بوق پیام خود را بگذارید.",
        "message_taken": "سپاسگزاریم، پیام شما را دریافت کردیم. خدانگهدار.",
        "failed": "متأسفیم، مشکلی از سوی ما پیش آمد. لطفاً بعداً دوباره تماس بگیرید. خدانگهدار.",
    },
}


def sentence(key: str, language: str) -> tuple[str, str]:
    """One of the fixed sentences: (text, language it is in)."""
    spoken = language if language in _SENTENCES else "en"
    return _SENTENCES[spoken][key], spoken


def in_every_language(key: str) -> dict[str, str]:
    """One of the fixed sentences, by language."""
    return {language: sentences[key] for language, sentences in _SENTENCES.items()}


def announcement(estimate: WaitEstimate, language: str) -> tuple[str, str]:
    """Position and expected wait in one breath: (text, language it is in).

    Times are given as the range they were estimated with, outwards to whole minutes below ten minutes and to
    five above, so that what is said stays true: nobody can promise "three minutes".
    """
    spoken = language if language in _SENTENCES else "en"
    sentences = _SENTENCES[spoken]
    place = "next" if estimate.position <= 1 else "place"
    key, low, high = _range(estimate)
    parts = (sentences[place].format(position=estimate.position), sentences[key].format(low=low, high=high))
    # A caller without a known place is told the time only.
    return " ".join(parts if estimate.position > 0 else parts[1:]), spoken


def told(estimate: WaitEstimate) -> Told:
    """What of an estimate is said, rounded as it is said."""
    key, _, high = _range(estimate)
    return Told(max(0, estimate.position), None if key == "unknown" else high)


def _range(estimate: WaitEstimate) -> tuple[str, int, int]:
    if estimate.expected is None:
        return "unknown", 0, 0
    low = estimate.expected if estimate.low is None else min(estimate.low, estimate.expected)
    high = estimate.expected if estimate.high is None else max(estimate.high, estimate.expected)
    if high <= _MINUTE:
        return "under_minute", 0, 1
    if low >= 60 * _MINUTE:
        return "over_hour", 60, 60
    grain = 1 if high <= 10 * _MINUTE else 5
    first = math.floor(low / (grain * _MINUTE)) * grain
    last = math.ceil(high / (grain * _MINUTE)) * grain
    if first == 0:
        first = 1
    if first >= last:
        return ("one" if last == 1 else "about"), first, last
    return "between", first, last

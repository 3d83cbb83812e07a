"""Flows to begin with, spoken in all four languages. A template is a function of its parameters.

`{brand_name}` stays a placeholder unless the parameter of that name is given, so one flow can serve several brands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from flows.domain.definitions import (
    Action,
    Choice,
    Definition,
    HangUp,
    Hours,
    Menu,
    Queue,
    Say,
    Step,
    Survey,
    Utterance,
    Voicemail,
)  # fmt: skip
from flows.domain.flows import TemplateNotFound, require_parameters

OPTIONAL_PARAMETERS = ("brand_name", "language")
"""What every template takes besides its own parameters."""

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "greeting": {
        "en": "Welcome to {brand_name}.",
        "tr": "{brand_name} çağrı merkezine hoş geldiniz.",
        "az": "{brand_name} çağrı mərkəzinə xoş gəlmisiniz.",
        "fa": "به مرکز تماس {brand_name} خوش آمدید.",
    },
    "menu": {
        "en": "For customer service, press 1. For sales, press 2. To hear this again, press 9.",
        "tr": "Müşteri hizmetleri için 1'i tuşlayın. Satış için 2'yi tuşlayın. Tekrar dinlemek için 9'u tuşlayın.",
        "az": "Müştəri xidməti üçün 1 düyməsini basın. Satış üçün 2 düyməsini basın. "
        "Yenidən dinləmək üçün 9 düyməsini basın.",
        "fa": "برای خدمات مشتریان، عدد ۱ را فشار دهید. برای فروش، عدد ۲ را فشار دهید. "
        "برای شنیدن دوباره، عدد ۹ را فشار دهید.",
    },
    "invalid": {
        "en": "This choice is not available.",
        "tr": "Bu seçenek mevcut değil.",
        "az": "Belə seçim yoxdur.",
        "fa": "این گزینه موجود نیست.",
    },
    "connecting": {
        "en": "Please hold the line. We are connecting you to the next free agent.",
        "tr": "Lütfen hattan ayrılmayın. Sizi ilk müsait temsilcimize bağlıyoruz.",
        "az": "Zəhmət olmasa, xətdə qalın. Sizi ilk boş operatora birləşdiririk.",
        "fa": "لطفاً پشت خط بمانید. شما را به اولین کارشناس آزاد وصل می‌کنیم.",
    },
    "closed": {
        "en": "Thank you for calling {brand_name}. We are closed at the moment. "
        "Please call again during our business hours. Goodbye.",
        "tr": "{brand_name} firmasını aradığınız için teşekkür ederiz. Şu anda mesai saatleri dışındayız. "
        "Lütfen mesai saatlerimizde tekrar arayın. Hoşça kalın.",
        "az": "{brand_name} şirkətinə zəng etdiyiniz üçün təşəkkür edirik. Hazırda iş saatlarından kənardayıq. "
        "Zəhmət olmasa, iş saatlarımızda yenidən zəng edin. Sağ olun.",
        "fa": "از تماس شما با {brand_name} سپاسگزاریم. در حال حاضر خارج از ساعات کاری هستیم. "
        "لطفاً در ساعات کاری دوباره تماس بگیرید. خدانگهدار.",
    },
    "message": {
        "en": "You have reached {brand_name}. We can't take your call right now. "
        "Please leave your name, your number and a short message after the tone.",
        "tr": "{brand_name} firmasını aradınız. Şu anda çağrınızı yanıtlayamıyoruz. "
        "Lütfen sinyal sesinden sonra adınızı, numaranızı ve kısa bir mesaj bırakın.",
        "az": "{brand_name} şirkətinə zəng etmisiniz. Hazırda zənginizə cavab verə bilmirik. "
        "Zəhmət olmasa, səs siqnalından sonra adınızı, nömrənizi və qısa bir mesaj buraxın.",
        "fa": "شما با {brand_name} تماس گرفته‌اید. در حال حاضر نمی‌توانیم پاسخ دهیم. "
        "لطفاً پس از شنیدن بوق، نام، شماره و پیام کوتاه خود را بگذارید.",
    },
    "rate": {
        "en": "How satisfied are you with this conversation? Press a key from 1, not at all, to 5, very satisfied.",
        "tr": "Bu görüşmeden ne kadar memnun kaldınız? 1 hiç, 5 çok memnun olmak üzere 1 ile 5 arasında bir tuşa "
        "basın.",
        "az": "Bu söhbətdən nə dərəcədə razı qaldınız? 1 heç, 5 çox razı olmaqla 1-dən 5-ə qədər bir düyməni basın.",
        "fa": "از این گفتگو چقدر راضی هستید؟ از ۱، هیچ، تا ۵، بسیار راضی، یک کلید را فشار دهید.",
    },
    "not_an_answer": {
        "en": "Please press a key from 1 to 5.",
        "tr": "Lütfen 1 ile 5 arasında bir tuşa basın.",
        "az": "Zəhmət olmasa, 1-dən 5-ə qədər bir düyməni basın.",
        "fa": "لطفاً از ۱ تا ۵ یک کلید را فشار دهید.",
    },
    "comment": {
        "en": "If you like, tell us why after the tone. To finish, press the hash key or hang up.",
        "tr": "Dilerseniz nedenini sinyal sesinden sonra söyleyin. Bitirmek için kare tuşuna basın ya da kapatın.",
        "az": "İstəsəniz, səbəbini səs siqnalından sonra deyin. Bitirmək üçün diyez düyməsini basın və ya telefonu "
        "asın.",
        "fa": "اگر مایلید دلیلش را پس از بوق بگویید. برای پایان، کلید مربع را فشار دهید یا قطع کنید.",
    },
    "thanks": {
        "en": "Thank you. Goodbye.",
        "tr": "Teşekkür ederiz. Hoşça kalın.",
        "az": "Təşəkkür edirik. Sağ olun.",
        "fa": "سپاسگزاریم. خدانگهدار.",
    },
}

_CHOICES: Mapping[str, Mapping[str, str]] = {
    "service": {"en": "Customer service", "tr": "Müşteri hizmetleri", "az": "Müştəri xidməti", "fa": "خدمات مشتریان"},
    "sales": {"en": "Sales", "tr": "Satış", "az": "Satış", "fa": "فروش"},
    "again": {"en": "Again", "tr": "Tekrar", "az": "Yenidən", "fa": "دوباره"},
}
"""What agents and supervisors read of a menu's choice."""

_STEPS: Mapping[str, Mapping[str, str]] = {
    "greeting": {"en": "Greeting", "tr": "Karşılama", "az": "Salamlama", "fa": "خوشامدگویی"},
    "menu": {"en": "Menu", "tr": "Menü", "az": "Menyu", "fa": "منو"},
    "connecting": {"en": "Connecting", "tr": "Bağlama", "az": "Birləşdirmə", "fa": "وصل‌کردن"},
    "queue": {"en": "Queue", "tr": "Kuyruk", "az": "Növbə", "fa": "صف"},
    "hours": {"en": "Business hours", "tr": "Mesai saatleri", "az": "İş saatları", "fa": "ساعات کاری"},
    "message": {"en": "Message", "tr": "Mesaj", "az": "Mesaj", "fa": "پیام"},
    "closed": {"en": "Closed", "tr": "Kapalı", "az": "Bağlı", "fa": "تعطیل"},
    "rate": {"en": "Satisfaction", "tr": "Memnuniyet", "az": "Razılıq", "fa": "رضایت"},
    "comment": {"en": "Comment", "tr": "Yorum", "az": "Rəy", "fa": "نظر"},
    "thanks": {"en": "Thanks", "tr": "Teşekkür", "az": "Təşəkkür", "fa": "سپاس"},
}


@dataclass(frozen=True)
class Template:
    """A flow to begin with. `parameters` have to be given; OPTIONAL_PARAMETERS may be."""

    template_id: str
    names: Mapping[str, str]
    summaries: Mapping[str, str]
    parameters: tuple[str, ...]
    build: Callable[[Mapping[str, str]], Definition]


def build(template_id: str, parameters: Mapping[str, str], language: str = "") -> Definition:
    """The definition a template gives. TemplateNotFound; InvalidInput for missing or unknown parameters."""
    template = next((item for item in TEMPLATES if item.template_id == template_id), None)
    if template is None:
        raise TemplateNotFound(f"there is no template {template_id[:64]!r}")
    require_parameters(parameters, template.parameters, OPTIONAL_PARAMETERS)
    return template.build({"language": language or "en", **parameters})


def _utterance(key: str, parameters: Mapping[str, str]) -> Utterance:
    brand = parameters.get("brand_name", "").strip().replace("{", "(").replace("}", ")")
    texts = _TEXTS[key]
    if brand:
        texts = {language: text.replace("{brand_name}", brand) for language, text in texts.items()}
    return Utterance(text=dict(texts))


def _word(texts: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    return texts.get(parameters["language"], texts["en"])


def _step(step_id: str, action: Action, parameters: Mapping[str, str]) -> Step:
    return Step(step_id, _word(_STEPS[step_id], parameters), action)


def _say(step_id: str, following: str, parameters: Mapping[str, str]) -> Step:
    return _step(step_id, Say(_utterance(step_id, parameters), following), parameters)


def _queue(parameters: Mapping[str, str]) -> Step:
    action = Queue(parameters["queue_id"], announce_interval=timedelta(seconds=30))
    return _step("queue", action, parameters)


def _simple_queue(parameters: Mapping[str, str]) -> Definition:
    steps = (_say("greeting", "queue", parameters), _queue(parameters))
    return Definition("greeting", steps, parameters["language"])


def _menu_part(parameters: Mapping[str, str]) -> tuple[Step, ...]:
    menu = Menu(
        utterance=_utterance("menu", parameters),
        choices=(
            Choice("1", _word(_CHOICES["service"], parameters), "connecting"),
            Choice("2", _word(_CHOICES["sales"], parameters), "connecting"),
            Choice("9", _word(_CHOICES["again"], parameters), "menu"),
        ),
        attempts=3,
        invalid=_utterance("invalid", parameters),
        # Whoever has no keys, or doesn't understand the menu, is a customer all the same.
        no_match="connecting",
    )
    return (
        _step("menu", menu, parameters),
        _say("connecting", "queue", parameters),
        _queue(parameters),
    )


def _greeting_menu_queue(parameters: Mapping[str, str]) -> Definition:
    steps = (_say("greeting", "menu", parameters), *_menu_part(parameters))
    return Definition("greeting", steps, parameters["language"])


def _hours_menu_queue(parameters: Mapping[str, str]) -> Definition:
    steps = (
        _step("hours", Hours(parameters["business_hours_id"], "greeting", "closed"), parameters),
        _say("greeting", "menu", parameters),
        *_menu_part(parameters),
        _step("closed", HangUp(_utterance("closed", parameters)), parameters),
    )
    return Definition("hours", steps, parameters["language"])


def _hours_queue_voicemail(parameters: Mapping[str, str]) -> Definition:
    queue_id = parameters["queue_id"]
    queue = Queue(queue_id, announce_interval=timedelta(seconds=30), max_wait=timedelta(minutes=5), timed_out="message")
    message = Voicemail(_utterance("message", parameters), "queue_id", queue_id)
    steps = (
        _step("hours", Hours(parameters["business_hours_id"], "greeting", "message"), parameters),
        _say("greeting", "queue", parameters),
        _step("queue", queue, parameters),
        _step("message", message, parameters),
    )
    return Definition("hours", steps, parameters["language"])


def _queue_survey(parameters: Mapping[str, str]) -> Definition:
    queue_id = parameters["queue_id"]
    queue = Queue(queue_id, announce_interval=timedelta(seconds=30), after_agent="rate")
    rate = Survey(
        _utterance("rate", parameters), "satisfaction", 1, 5, attempts=2,
        invalid=_utterance("not_an_answer", parameters), next="comment", no_match="thanks",
    )  # fmt: skip
    comment = Voicemail(
        _utterance("comment", parameters), "queue_id", queue_id, timedelta(minutes=2), end_digit="#", next="thanks"
    )
    steps = (
        _say("greeting", "queue", parameters),
        _step("queue", queue, parameters),
        _step("rate", rate, parameters),
        _step("comment", comment, parameters),
        _step("thanks", HangUp(_utterance("thanks", parameters)), parameters),
    )
    return Definition("greeting", steps, parameters["language"])


TEMPLATES: tuple[Template, ...] = (
    Template(
        "greeting_menu_queue",
        {
            "en": "Greeting, menu and queue",
            "tr": "Karşılama, menü ve kuyruk",
            "az": "Salamlama, menyu və növbə",
            "fa": "خوشامدگویی، منو و صف",
        },
        {
            "en": "Greets the caller, asks what it is about and queues the call with position and expected wait.",
            "tr": "Arayanı karşılar, konusunu sorar; sırasını ve tahmini bekleme süresini söyleyerek kuyruğa alır.",
            "az": "Zəng edəni salamlayır, mövzunu soruşur, sıra nömrəsini və təxmini gözləmə müddətini "
            "deyərək növbəyə qoyur.",
            "fa": "به تماس‌گیرنده خوشامد می‌گوید، موضوع را می‌پرسد و با اعلام نوبت و زمان انتظار او را در صف می‌گذارد.",
        },
        ("queue_id",),
        _greeting_menu_queue,
    ),
    Template(
        "hours_menu_queue",
        {
            "en": "Business hours, menu and queue",
            "tr": "Mesai saatleri, menü ve kuyruk",
            "az": "İş saatları, menyu və növbə",
            "fa": "ساعات کاری، منو و صف",
        },
        {
            "en": "Tells callers outside business hours that you are closed; greets, asks and queues the others.",
            "tr": "Mesai saatleri dışında kapalı olduğunuzu söyler; diğer arayanları karşılar, sorar ve kuyruğa alır.",
            "az": "İş saatlarından kənarda bağlı olduğunuzu deyir; digər zəng edənləri salamlayır, soruşur və "
            "növbəyə qoyur.",
            "fa": "خارج از ساعات کاری تعطیل بودن را اعلام می‌کند؛ به دیگران خوشامد می‌گوید، می‌پرسد و در صف می‌گذارد.",
        },
        ("queue_id", "business_hours_id"),
        _hours_menu_queue,
    ),
    Template(
        "hours_queue_voicemail",
        {
            "en": "Business hours, queue and voicemail",
            "tr": "Mesai saatleri, kuyruk ve sesli mesaj",
            "az": "İş saatları, növbə və səsli mesaj",
            "fa": "ساعات کاری، صف و پیام صوتی",
        },
        {
            "en": "Queues callers within business hours; takes a message outside them and after five minutes in line.",
            "tr": "Mesai saatlerinde arayanları kuyruğa alır; mesai dışında ve beş dakika bekleyince mesaj alır.",
            "az": "İş saatlarında zəng edənləri növbəyə qoyur; iş saatlarından kənarda və beş dəqiqə gözlədikdən "
            "sonra mesaj qəbul edir.",
            "fa": "در ساعات کاری تماس‌گیرندگان را در صف می‌گذارد؛ خارج از آن و پس از پنج دقیقه انتظار پیام می‌گیرد.",
        },
        ("queue_id", "business_hours_id"),
        _hours_queue_voicemail,
    ),
    Template(
        "simple_queue",
        {"en": "Greeting and queue", "tr": "Karşılama ve kuyruk", "az": "Salamlama və növbə", "fa": "خوشامدگویی و صف"},
        {
            "en": "Greets the caller and queues the call at once.",
            "tr": "Arayanı karşılar ve hemen kuyruğa alır.",
            "az": "Zəng edəni salamlayır və dərhal növbəyə qoyur.",
            "fa": "به تماس‌گیرنده خوشامد می‌گوید و بی‌درنگ او را در صف می‌گذارد.",
        },
        ("queue_id",),
        _simple_queue,
    ),
    Template(
        "queue_survey",
        {
            "en": "Greeting, queue and survey after the agent",
            "tr": "Karşılama, kuyruk ve temsilciden sonra anket",
            "az": "Salamlama, növbə və agentdən sonra sorğu",
            "fa": "خوشامدگویی، صف و نظرسنجی پس از کارشناس",
        },
        {
            "en": "Queues the caller; once the agent has hung up asks from 1 to 5 how satisfied they are, and for a "
            "comment.",
            "tr": "Arayanı kuyruğa alır; temsilci kapatınca memnuniyetini 1-5 arasında ve bir yorum ister.",
            "az": "Zəng edəni növbəyə qoyur; agent asdıqdan sonra razılığını 1-dən 5-ə qədər və rəyini soruşur.",
            "fa": "تماس‌گیرنده را در صف می‌گذارد؛ پس از قطع کارشناس رضایت او را از ۱ تا ۵ و نظرش را می‌پرسد.",
        },
        ("queue_id",),
        _queue_survey,
    ),
)
"""Every template, in the order they are offered."""

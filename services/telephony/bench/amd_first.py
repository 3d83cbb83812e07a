"""The family that numbers are chosen by: what people and machines say, in four languages, and what lines do to it."""

from __future__ import annotations

from amd_families import Family

_HELLO = {
    "en": ("Hello?", "Hello.", "Yes?", "Hi.", "Hello, yes?", "Yeah, hello?", "Hi, hello?", "Hello there."),
    "tr": ("Alo?", "Efendim?", "Buyurun.", "Alo, efendim?", "Evet?", "Alo, buyurun?", "Merhaba.", "Selam."),
    "az": ("Alo?", "Bəli?", "Eşidirəm.", "Alo, bəli?", "Salam.", "Buyurun.", "Hə, alo?", "Bəli, eşidirəm."),
    "fa": ("الو؟", "بله؟", "بفرمایید.", "سلام.", "جانم؟", "الو، بله؟", "الو، سلام.", "بله، بفرمایید."),
}
_NAME = {
    "en": (
        "Nova, good morning.", "Good afternoon, Nova.", "Sarah speaking.", "This is John.", "Miller.",
        "Hello, this is Anna.", "John Carter.", "Good morning, Emma here.",
    ),
    "tr": (
        "Nova, günaydın.", "İyi günler, Nova.", "Ayşe ben.", "Ahmet Yılmaz.", "Buyurun, Nova.", "Mehmet, efendim?",
        "Zeynep Kaya.", "Günaydın, ben Elif.",
    ),
    "az": (
        "Nova, sabahınız xeyir.", "Salam, Nova.", "Mən Leyla.", "Elçin Məmmədov.", "Nova, eşidirəm.", "Aysel, bəli?",
        "Rəşad Əliyev.", "Salam, Nigar.",
    ),
    "fa": (
        "نوا، صبح بخیر.", "سلام، نوا.", "علی هستم.", "سارا احمدی.", "نوا، بفرمایید.", "رضا، بله؟", "مریم کریمی.",
        "سلام، لیلا هستم.",
    ),
}  # fmt: skip
_SENTENCE = {
    "en": (
        "Good morning, Nova, this is Sarah, how can I help?", "Hello, who is calling, please?",
        "Nova customer service, good afternoon.", "Yes, hello, Miller here, good evening.",
    ),
    "tr": (
        "Nova, günaydın, ben Ayşe, nasıl yardımcı olabilirim?", "Alo, kiminle görüşüyorum?",
        "Nova müşteri hizmetleri, iyi günler.", "Evet, buyurun, ben Ahmet Yılmaz.",
    ),
    "az": (
        "Nova, sabahınız xeyir, mən Leyla, necə kömək edə bilərəm?", "Alo, kimdir danışan?",
        "Nova müştəri xidməti, salam.", "Bəli, eşidirəm, mən Elçin Məmmədov.",
    ),
    "fa": (
        "نوا، صبح بخیر، سارا هستم، چه کمکی از من برمی‌آید؟", "الو، شما؟ بفرمایید، کی هستید؟",
        "خدمات مشتریان نوا، روز بخیر.", "بله، بفرمایید، علی احمدی هستم.",
    ),
}  # fmt: skip
_OPENING = {
    "en": ("Hello.", "Hi, this is Tom.", "Hi there.", "You have reached John Carter."),
    "tr": ("Merhaba.", "Merhaba, ben Mehmet.", "İyi günler.", "Ahmet Yılmaz'ı aradınız."),
    "az": ("Salam.", "Salam, mən Rəşad.", "Xoş gəlmisiniz.", "Siz Elçin Məmmədova zəng etdiniz."),
    "fa": ("سلام.", "سلام، من رضا هستم.", "روز بخیر.", "شما با علی احمدی تماس گرفته‌اید."),
}
_GREETING = {
    "en": (
        "Hi, you've reached Sarah. I can't come to the phone right now. Please leave a message after the beep.",
        "The person you are calling is not available. Please leave your message after the tone.",
        "You have reached the voice mail of John Miller. Please leave your name and number and I will call you back.",
        "Thank you for calling Nova. Our office is closed now. Please call again tomorrow or leave a message.",
        "Your call has been forwarded to an automated voice messaging system. At the tone, please record your message.",
        "Sorry, nobody is at home. Say who you are and what it is about, and we will call back as soon as we can.",
    ),
    "tr": (
        "Merhaba, Ayşe'yi aradınız. Şu anda telefona cevap veremiyorum. Lütfen sinyal sesinden sonra mesaj bırakın.",
        "Aradığınız kişiye şu anda ulaşılamıyor. Lütfen bip sesinden sonra mesajınızı bırakınız.",
        "Ahmet Yılmaz'ın telesekreterine ulaştınız. Adınızı ve numaranızı bırakın, sizi en kısa zamanda ararım.",
        "Nova'yı aradığınız için teşekkür ederiz. Ofisimiz şu anda kapalıdır. Lütfen yarın tekrar arayın.",
        "Çağrınız sesli mesaj sistemine yönlendirildi. Sinyal sesinden sonra mesajınızı kaydedebilirsiniz.",
        "Şu anda evde kimse yok. Kim olduğunuzu ve konuyu söyleyin, size geri döneceğiz.",
    ),
    "az": (
        "Salam, siz Leylaya zəng etdiniz. Mən indi telefona cavab verə bilmirəm. Siqnaldan sonra mesaj qoyun.",
        "Zəng etdiyiniz abunəçi hazırda cavab verə bilmir. Zəhmət olmasa siqnaldan sonra mesajınızı qoyun.",
        "Elçin Məmmədovun səsli poçtuna düşmüsünüz. Adınızı və nömrənizi deyin, mən sizə zəng edəcəyəm.",
        "Novaya zəng etdiyiniz üçün təşəkkür edirik. Ofisimiz hazırda bağlıdır. Sabah yenidən zəng edin.",
        "Zənginiz səsli poçt sisteminə yönləndirildi. Siqnaldan sonra mesajınızı yaza bilərsiniz.",
        "İndi evdə heç kim yoxdur. Kim olduğunuzu və nə istədiyinizi deyin, sizə zəng edərik.",
    ),
    "fa": (
        "سلام، شما با سارا تماس گرفته‌اید. الان نمی‌توانم جواب بدهم. لطفا بعد از شنیدن صدای بوق پیغام بگذارید.",
        "مشترک مورد نظر در دسترس نمی‌باشد. لطفا پیام خود را پس از صدای بوق بگذارید.",
        "شما با پیغامگیر علی احمدی تماس گرفته‌اید. نام و شماره خود را بگویید تا با شما تماس بگیرم.",
        "از تماس شما با نوا سپاسگزاریم. دفتر ما در حال حاضر بسته است. لطفا فردا دوباره تماس بگیرید.",
        "تماس شما به صندوق صوتی منتقل شد. پس از شنیدن بوق پیام خود را ضبط کنید.",
        "الان کسی خانه نیست. بگویید چه کسی هستید و چه کار دارید تا با شما تماس بگیریم.",
    ),
}
_SHORT_GREETING = {
    "en": (
        "Hi, it's Anna, please leave me a message.", "This is Tom. Leave a message after the tone.",
        "Please leave a message after the beep.", "You've reached Emma, speak after the beep.",
    ),
    "tr": (
        "Ben Elif, lütfen bana mesaj bırakın.", "Mehmet burada değil, mesaj bırakın.",
        "Lütfen sinyal sesinden sonra konuşun.", "Zeynep'i aradınız, mesajınızı bırakın.",
    ),
    "az": (
        "Mən Nigaram, mənə mesaj qoyun, sağ olun.", "Rəşad burada deyil, mesaj qoyun.",
        "Siqnaldan sonra danışın, zəhmət olmasa.", "Ayselə zəng etdiniz, mesajınızı deyin.",
    ),
    "fa": (
        "من لیلا هستم، لطفا برایم پیغام بگذارید.", "رضا نیست، بعد از بوق پیغام بگذارید.",
        "لطفا بعد از صدای بوق صحبت کنید.", "با مریم تماس گرفته‌اید، پیام بگذارید.",
    ),
}  # fmt: skip
_ANNOUNCEMENT = {
    "en": (
        "The number you have dialled is not in service. Please check the number and dial again.",
        "All circuits are busy now. Please try your call again later.",
    ),
    "tr": (
        "Aradığınız numara kullanılmamaktadır. Lütfen numarayı kontrol edip tekrar arayınız.",
        "Şu anda tüm hatlarımız doludur. Lütfen daha sonra tekrar arayınız.",
    ),
    "az": (
        "Yığdığınız nömrə istifadədə deyil. Zəhmət olmasa nömrəni yoxlayıb yenidən zəng edin.",
        "Hazırda bütün xətlər məşğuldur. Zəhmət olmasa bir az sonra zəng edin.",
    ),
    "fa": (
        "شماره مورد نظر در شبکه موجود نمی‌باشد. لطفا شماره را بررسی و دوباره تماس بگیرید.",
        "در حال حاضر تمام خطوط اشغال است. لطفا بعدا تماس بگیرید.",
    ),
}

FAMILY = Family(
    name="first", seed=20_262, size=2,
    hello=_HELLO, name_said=_NAME, sentence=_SENTENCE, opening=_OPENING, greeting=_GREETING,
    short_greeting=_SHORT_GREETING, announcement=_ANNOUNCEMENT,
    voices=("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5"),
    rates=(135, 150, 165, 180, 195), pitches=(30, 40, 50, 60, 70),
    person_waits=(2.4, 0.17), machine_waits=(1.8, 0.22), silent_first=(1.2, 2.4), pause=(0.2, 0.65),
    before_beep=(0.15, 1.2), levels=(-30.0, -16.0), ratios=(30.0, 25.0, 20.0, 15.0, 10.0),
    loud_ratios=(12.0, 10.0, 8.0, 5.0),
    rooms=("none", "white", "pink", "babble"), losses=(0.0, 0.0, 0.01, 0.03, 0.05), burst=1.5,
    echo_after=(0.04, 0.2), echo_level=(-30.0, -18.0), ringing=((425.0,), (440.0, 480.0)),
    ringing_rest=(0.1, 0.6), comfort_noise=(-62.0, -54.0),
    beeps=(440.0, 500.0, 620.0, 800.0, 850.0, 950.0, 1_000.0, 1_000.0, 1_400.0, 1_750.0, 1_850.0),
    beep_seconds=(0.15, 1.0),
    roots=(196.0, 220.0, 261.6, 293.7, 329.6), beat=0.25, decay=3.0, clipped=(0.04, 0.12), child=(1.2, 1.3),
)  # fmt: skip

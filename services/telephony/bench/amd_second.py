"""The family that figures are reported on. Nothing is chosen by it: `fit_amd` refuses to run where it was loaded.

Other sentences, voices, speeds, waits, noises, losses, echoes, ringing, music and beeps than `amd_tuned`.
"""

from __future__ import annotations

from amd_families import Family

_HELLO = {
    "en": ("Hallo?", "Yep?", "Hey.", "Good evening.", "Go ahead.", "Who's this?", "Hello, hello?", "Speaking."),
    "tr": ("Efendim, alo?", "Söyle.", "İyi akşamlar.", "Kimsiniz?", "Dinliyorum.", "Ha, alo?", "Buyur.", "Günaydın."),
    "az": (
        "Ay alo?",
        "Sabahınız xeyir.",
        "Kimdir?",
        "Buyur.",
        "Dinləyirəm.",
        "Bəli, salam.",
        "Axşamınız xeyir.",
        "Hə?",
    ),
    "fa": ("جان؟", "بگو.", "الو الو؟", "عصر بخیر.", "شما؟", "بله بله.", "سلام، بفرما.", "گوش می‌دم."),
}  # fmt: skip
_NAME = {
    "en": (
        "Smith and Sons.", "Peter Brown speaking.", "Hello, Kate here.", "Front desk, good evening.", "Oliver Grant.",
        "Yes, Daniel speaking.", "Lakeside Clinic, hello.", "Mum's phone, hello?",
    ),
    "tr": (
        "Deniz Eczanesi, buyurun.", "Hakan Demir.", "Alo, ben Selin.", "Resepsiyon, iyi akşamlar.",
        "Efendim, Murat ben.",
        "Burak, dinliyorum.", "Güneş Oteli.", "Fatma Hanım'ın telefonu.",
    ),
    "az": (
        "Dəniz mağazası, buyurun.", "Kamran Quliyev.", "Alo, mən Günel.", "Qəbul otağı, salam.", "Tural eşidir.",
        "Bəli, Səbinə danışır.", "Xəzər klinikası.", "Fərid, dinləyirəm.",
    ),
    "fa": (
        "داروخانه دریا، بفرمایید.", "حسین مرادی.", "الو، من نرگس هستم.", "پذیرش، عصر بخیر.", "بله، کامران هستم.",
        "شرکت آفتاب، سلام.", "فرهاد، گوش می‌دم.", "منزل رضایی، بفرمایید.",
    ),
}  # fmt: skip
_SENTENCE = {
    "en": (
        "Good morning, Smith and Sons, Peter speaking.", "Hello, you're talking to Kate from the Lakeside Clinic.",
        "Hi, sorry, I was just on my way out, who is it?", "Good evening, front desk, what can I do for you?",
        "Yes hello, this is the Grant family, Oliver speaking.",
    ),
    "tr": (
        "Günaydın, Deniz Eczanesi, ben Selin, buyurun.", "Merhaba, Güneş Oteli, size nasıl yardımcı olayım?",
        "Alo, kusura bakmayın, tam çıkıyordum, kimsiniz?", "İyi akşamlar, resepsiyon, buyurun efendim.",
        "Evet buyurun, Demir ailesi, ben Hakan.",
    ),
    "az": (
        "Sabahınız xeyir, Dəniz mağazası, mən Günel, buyurun.", "Salam, Xəzər klinikası, sizə necə kömək edim?",
        "Alo, bağışlayın, indi çıxırdım, kimdir?", "Axşamınız xeyir, qəbul otağı, buyurun.",
        "Bəli buyurun, Quliyevlərin evidir, mən Kamran.",
    ),
    "fa": (
        "صبح بخیر، داروخانه دریا، نرگس هستم، بفرمایید.", "سلام، شرکت آفتاب، چطور می‌توانم کمکتان کنم؟",
        "الو، ببخشید، داشتم می‌رفتم بیرون، شما؟", "عصر بخیر، پذیرش، بفرمایید در خدمتم.",
        "بله بفرمایید، منزل مرادی، من حسین هستم.",
    ),
}  # fmt: skip
_OPENING = {
    "en": ("Hey.", "Good day.", "Hey, it's Rachel.", "Oliver Grant's phone.", "Welcome to Lakeside Clinic."),
    "tr": (
        "Merhabalar.",
        "İyi günler dileriz.",
        "Selam, ben Burak.",
        "Hakan Demir'in telefonu.",
        "Güneş Oteli'ne hoş geldiniz.",
    ),
    "az": (
        "Salamlar.",
        "Hər vaxtınız xeyir.",
        "Salam, Tural mənəm.",
        "Kamran Quliyevin telefonu.",
        "Xəzər klinikasıdır.",
    ),
    "fa": ("درود.", "وقت بخیر.", "سلام، من فرهادم.", "تلفن حسین مرادی.", "به شرکت آفتاب خوش آمدید."),
}  # fmt: skip
_GREETING = {
    "en": (
        "Hey, this is Rachel, I'm busy or asleep. Talk after the beep and I'll ring you when I'm up again.",
        "We're sorry, the customer you have called can't take your call. Record your message at the tone.",
        "Welcome to Lakeside Clinic. All our lines are taken. Leave your name and your date of birth after the signal.",
        "This is the mailbox of Peter Brown at Smith and Sons. I am travelling this week. My colleagues will help you.",
        "You're through to the Grants. We're probably in the garden. Do leave us a word and we'll phone you tonight.",
        "The mobile subscriber is switched off at the moment. To be told when it is on again, press one.",
    ),
    "tr": (
        "Selam, ben Burak, şimdi konuşamam. Bipten sonra konuş, müsait olunca seni ararım.",
        "Üzgünüz, aradığınız abone çağrınıza yanıt veremiyor. Sinyalden sonra mesajınızı kaydedin.",
        "Güneş Oteli'ne hoş geldiniz. Bütün temsilcilerimiz meşgul. Sinyalden sonra adınızı ve oda "
        "numaranızı söyleyin.",
        "Burası Selin Kaya'nın posta kutusu. Bu hafta izindeyim. Acil durumda arkadaşlarımı arayabilirsiniz.",
        "Demir ailesine ulaştınız. Herhalde bahçedeyiz. Bize bir not bırakın, akşama sizi ararız.",
        "Aradığınız mobil abone telefonunu kapatmıştır. Açıldığında haber almak için biri tuşlayın.",
    ),
    "az": (
        "Salam, Tural danışır, indi işim var. Siqnaldan sonra danış, boş olanda zəng edərəm.",
        "Üzr istəyirik, abunəçi zənginizi qəbul edə bilmir. Siqnaldan sonra mesajınızı yazdırın.",
        "Xəzər klinikasına xoş gəlmisiniz. Bütün əməkdaşlarımız məşğuldur. Siqnaldan sonra adınızı söyləyin.",
        "Bu Günel Əliyevanın poçt qutusudur. Bu həftə məzuniyyətdəyəm. Təcili olanda həmkarlarıma zəng edin.",
        "Quliyevlərə zəng etmisiniz. Yəqin ki, bağdayıq. Bizə bir söz deyin, axşam sizi yığarıq.",
        "Zəng etdiyiniz mobil telefon söndürülüb. Qoşulanda xəbər tutmaq üçün biri basın.",
    ),
    "fa": (
        "سلام، من فرهادم، الان سرم شلوغ است. بعد از بوق حرف بزن، وقت کردم زنگ می‌زنم.",
        "متاسفیم، مشترک قادر به پاسخگویی نیست. پیغام خود را بعد از شنیدن بوق ضبط کنید.",
        "به شرکت آفتاب خوش آمدید. همه کارشناسان ما مشغول هستند. بعد از بوق نام و شماره خود را بگویید.",
        "این صندوق صوتی نرگس کریمی است. این هفته در سفرم. در موارد ضروری با همکارانم تماس بگیرید.",
        "منزل مرادی است. حتما در باغ هستیم. حرفتان را بگویید، شب به شما زنگ می‌زنیم.",
        "دستگاه مشترک مورد نظر خاموش است. برای آگاهی از روشن شدن آن عدد یک را بزنید.",
    ),
}  # fmt: skip
_SHORT_GREETING = {
    "en": (
        "Rachel here, talk after the beep.", "Not in, say it to the machine.", "Brown, I'm out, leave a note please.",
        "It's Kate's mailbox, go ahead after the beep.", "Record your message now.",
    ),
    "tr": (
        "Ben Selin, bipten sonra konuş.", "Yokuz, makineye söyleyin.", "Hakan, dışarıdayım, not bırakın lütfen.",
        "Burak'ın kutusu, bipten sonra buyurun.", "Şimdi mesajınızı kaydedin.",
    ),
    "az": (
        "Mən Günel, siqnaldan sonra danış.", "Evdə yoxuq, maşına deyin.", "Kamran, çöldəyəm, qeyd qoyun.",
        "Turalın qutusu, siqnaldan sonra buyurun.", "İndi mesajınızı yazdırın.",
    ),
    "fa": (
        "نرگسم، بعد از بوق حرف بزن.", "نیستیم، به دستگاه بگویید.", "مرادی، بیرونم، یادداشت بگذارید.",
        "صندوق فرهاد، بعد از بوق بفرمایید.", "حالا پیغامتان را ضبط کنید.",
    ),
}  # fmt: skip
_ANNOUNCEMENT = {
    "en": (
        "The number you have dialled has been changed. Please consult the directory.",
        "Your call cannot be completed as dialled. Please hang up and try once more.",
        "This customer does not accept calls at present.",
    ),
    "tr": (
        "Aradığınız numara değişmiştir. Lütfen rehbere danışınız.",
        "Çağrınız bu şekilde tamamlanamıyor. Lütfen kapatıp bir daha deneyiniz.",
        "Bu abone şu sıralar çağrı kabul etmemektedir.",
    ),
    "az": (
        "Zəng etdiyiniz nömrə dəyişdirilib. Sorğu kitabçasına baxın.",
        "Zənginiz bu şəkildə tamamlana bilmir. Dəstəyi asıb bir daha cəhd edin.",
        "Bu abunəçi hal-hazırda zəng qəbul etmir.",
    ),
    "fa": (
        "شماره‌ای که گرفته‌اید تغییر کرده است. لطفا از راهنما بپرسید.",
        "تماس شما به این صورت برقرار نمی‌شود. لطفا قطع کنید و یک بار دیگر بگیرید.",
        "این مشترک در حال حاضر تماس نمی‌پذیرد.",
    ),
}

FAMILY = Family(
    name="second", seed=81_907_113, size=2,
    hello=_HELLO, name_said=_NAME, sentence=_SENTENCE, opening=_OPENING, greeting=_GREETING,
    short_greeting=_SHORT_GREETING, announcement=_ANNOUNCEMENT,
    voices=(
        "Andy", "Annie", "Lee", "Mario", "Alicia", "adam", "aunty", "belinda", "david", "edward", "grandma", "grandpa",
        "ian", "john", "linda", "max", "miguel", "norbert", "pablo", "quincy", "rob", "sandro", "shelby", "steph",
        "travis", "victor", "zac", "klatt4", "m8",
    ),
    rates=(124, 141, 152, 163, 172, 186, 203, 218), pitches=(25, 34, 43, 52, 61, 72),
    person_waits=(2.0, 0.22), machine_waits=(1.6, 0.27), silent_first=(1.6, 2.6), pause=(0.25, 0.8),
    before_beep=(0.1, 1.6), levels=(-32.0, -14.0), ratios=(33.0, 27.0, 21.0, 17.0, 12.0),
    loud_ratios=(13.0, 9.0, 7.0, 5.5),
    rooms=("none", "white", "brown", "hum", "babble"), losses=(0.0, 0.0, 0.005, 0.02, 0.04), burst=2.2,
    echo_after=(0.06, 0.28), echo_level=(-28.0, -15.0), ringing=((400.0, 450.0), (450.0,), (400.0, 425.0), (440.0,)),
    ringing_rest=(0.15, 0.8), comfort_noise=(-66.0, -50.0),
    beeps=(420.0, 470.0, 550.0, 680.0, 780.0, 890.0, 980.0, 1_020.0, 1_200.0, 1_330.0, 1_500.0, 1_620.0, 1_950.0),
    beep_seconds=(0.17, 1.3), roots=(174.6, 207.7, 246.9, 277.2, 311.1), beat=0.32, decay=1.6, clipped=(0.05, 0.16),
    child=(1.18, 1.38),
)  # fmt: skip

"""The family that figures are reported on. Nothing is chosen by it: `fit_amd` refuses to run where it was loaded.

Other sentences, voices, speeds, waits, noises, losses, echoes, ringing, music and beeps than those of `amd_first` and
`amd_second`.
"""

from __future__ import annotations

from amd_families import Family

_HELLO = {
    "en": (
        "Yes, hello?", "Hiya.", "Good afternoon.", "Morning.", "Hi, who is it?", "Yeah?", "Hello, yeah?",
        "Hi, yes?", "Hm?",
    ),
    "tr": (
        "Evet, alo?", "Alo, kim o?", "Efendim canım?", "Alo alo?", "Alo, merhaba.", "Ha?", "Ne var?",
        "Ee, alo?", "Konuşun.",
    ),
    "az": (
        "Bəli bəli?", "Bəli, buyurun.", "Alo, kimdi?", "Can?", "Salam, buyurun.", "Alo, salam.", "Nədi?",
        "Hə, eşidirəm.", "Alo alo?",
    ),
    "fa": (
        "الو، جانم؟", "سلام، بله؟", "شب بخیر.", "الو، کیه؟", "بله، الو؟", "جانم، بفرما.", "ها، بگو.", "ها؟",
        "بفرما.",
    ),
}  # fmt: skip
_NAME = {
    "en": (
        "Harper Motors, hello.", "Grace Whitfield.", "Hello, Leo speaking.", "Reception, how do you do?",
        "Yes, it's Martha.", "Blue Door Bakery.", "Hi, you've got Simon.", "Good day, Doctor Wells.", "Ruby here.",
    ),
    "tr": (
        "Yıldız Oto, merhaba.", "Cem Arslan.", "Efendim, ben Derya.", "Danışma, buyurun.", "Evet, Kerem.",
        "Mavi Kapı Fırını.", "Alo, Gül burada.", "İyi günler, Doktor Aydın.", "Onur konuşuyor.",
    ),
    "az": (
        "Ulduz avto, salam.", "Orxan Hüseynov.", "Bəli, mən Aytən.", "Məlumat şöbəsi, buyurun.", "Hə, Vüsaldır.",
        "Mavi çörəkxana.", "Alo, Lalə danışır.", "Xeyir olsun, həkim Rzayev.", "Emin burdadır.",
    ),
    "fa": (
        "نمایشگاه ستاره، سلام.", "امیر جعفری.", "بله، من شیرین هستم.", "اطلاعات، بفرمایید.", "آره، سعیدم.",
        "نانوایی سحر.", "الو، پروین هستم.", "روز بخیر، دکتر نوری.", "بهرام صحبت می‌کنه.",
    ),
}  # fmt: skip
_SENTENCE = {
    "en": (
        "Harper Motors, you're speaking with Leo, what can I help you with?", "Hello, Ruby here, who am I talking to?",
        "Good afternoon, Doctor Wells's practice, Martha speaking.", "Hi, I can hardly hear you, who is that?",
        "Blue Door Bakery, good morning, what would you like?", "Hello, this is Grace, I was expecting your call.",
    ),
    "tr": (
        "Yıldız Oto, ben Kerem, size nasıl yardım edebilirim?", "Alo, ben Gül, kiminle konuşuyorum acaba?",
        "İyi günler, Doktor Aydın'ın muayenehanesi, ben Derya.", "Alo, sesiniz çok az geliyor, kim arıyor?",
        "Mavi Kapı Fırını, günaydın, ne istersiniz?", "Merhaba, ben Cem, aramanızı bekliyordum.",
    ),
    "az": (
        "Ulduz avto, mən Vüsal, sizə nə ilə kömək edə bilərəm?", "Alo, mən Laləyəm, kiminlə danışıram?",
        "Hər vaxtınız xeyir, həkim Rzayevin qəbulu, mən Aytən.", "Alo, səsiniz zəif gəlir, kim zəng edir?",
        "Mavi çörəkxana, sabahınız xeyir, nə istəyirsiniz?", "Salam, mən Orxan, zənginizi gözləyirdim.",
    ),
    "fa": (
        "نمایشگاه ستاره، سعید هستم، چه کاری می‌تونم براتون بکنم؟", "الو، پروین هستم، با کی صحبت می‌کنم؟",
        "روز بخیر، مطب دکتر نوری، شیرین هستم.", "الو، صداتون خیلی ضعیف میاد، شما کی هستید؟",
        "نانوایی سحر، صبح بخیر، چی میل دارید؟", "سلام، امیر هستم، منتظر تماستون بودم.",
    ),
}  # fmt: skip
_OPENING = {
    "en": (
        "Hello there, friend.", "Hi, Simon here.", "Grace Whitfield's mailbox.", "This is Harper Motors.",
        "Thanks for calling.",
    ),
    "tr": ("Selamlar.", "Alo, ben Onur.", "Cem Arslan'ın kutusu.", "Burası Yıldız Oto.", "Aradığınız için sağ olun."),
    "az": ("Salam, dostum.", "Alo, mən Emin.", "Orxan Hüseynovun qutusu.", "Bura Ulduz avtodur.",
           "Zəng üçün sağ olun."),
    "fa": ("سلام دوست من.", "الو، من بهرامم.", "صندوق امیر جعفری.", "اینجا نمایشگاه ستاره است.", "ممنون از تماستون."),
}  # fmt: skip
_GREETING = {
    "en": (
        "Hello, Simon here. I missed you, sorry about that. Tell me what you need and I'll get back to you tomorrow.",
        "The subscriber you dialled is out of coverage. You may leave a voice message once you hear the signal.",
        "You've called Harper Motors outside our opening hours. We're here from eight to five. Do write us a message.",
        "Grace Whitfield can't take your call. Press hash to page her, or wait for the tone and speak.",
        "Hi, it's Ruby and Leo. We're off hiking. Leave your number twice, slowly, and one of us will call.",
        "This call is being answered by a digital assistant. Please state your name and the reason for calling.",
    ),
    "tr": (
        "Alo, ben Onur. Aramanı kaçırdım, kusura bakma. Ne istediğini söyle, yarın sana dönerim.",
        "Aradığınız abone kapsama alanı dışındadır. Sinyali duyunca sesli mesaj bırakabilirsiniz.",
        "Yıldız Oto'yu çalışma saatleri dışında aradınız. Sekizden beşe kadar buradayız. Bize yazabilirsiniz.",
        "Cem Arslan çağrınızı alamıyor. Kendisine haber vermek için kareye basın ya da bekleyip konuşun.",
        "Merhaba, biz Gül ile Kerem. Yürüyüşe çıktık. Numaranızı iki kez, yavaşça söyleyin, birimiz arar.",
        "Bu çağrıyı dijital bir asistan yanıtlıyor. Lütfen adınızı ve arama nedeninizi belirtin.",
    ),
    "az": (
        "Alo, mən Emin. Zəngini buraxdım, bağışla. Nə lazımdır de, sabah sənə zəng vuraram.",
        "Zəng etdiyiniz abunəçi əhatə dairəsindən kənardadır. Siqnalı eşidəndə səsli mesaj qoya bilərsiniz.",
        "Ulduz avtoya iş saatlarından kənar zəng etmisiniz. Səkkizdən beşə qədər buradayıq. Bizə yazın.",
        "Orxan Hüseynov zəngi qəbul edə bilmir. Ona xəbər vermək üçün kvadratı basın, ya da gözləyib danışın.",
        "Salam, biz Lalə ilə Vüsalıq. Gəzintiyə çıxmışıq. Nömrənizi iki dəfə, yavaş deyin, birimiz zəng edər.",
        "Bu zəngə rəqəmsal köməkçi cavab verir. Zəhmət olmasa adınızı və zəngin səbəbini bildirin.",
    ),
    "fa": (
        "الو، من بهرامم. نتونستم جواب بدم، ببخشید. بگو چی لازم داری، فردا بهت زنگ می‌زنم.",
        "مشترک مورد نظر خارج از محدوده است. پس از شنیدن علامت می‌توانید پیام صوتی بگذارید.",
        "بیرون از ساعت کار با نمایشگاه ستاره تماس گرفته‌اید. از هشت تا پنج اینجا هستیم. برای ما بنویسید.",
        "امیر جعفری نمی‌تواند پاسخ دهد. برای خبر دادن به او مربع را بزنید یا صبر کنید و صحبت کنید.",
        "سلام، پروین و سعید هستیم. رفتیم کوه. شماره‌تون رو دو بار، آهسته بگید، یکی از ما زنگ می‌زنه.",
        "به این تماس یک دستیار دیجیتال پاسخ می‌دهد. لطفا نام و علت تماس خود را بیان کنید.",
    ),
}  # fmt: skip
_SHORT_GREETING = {
    "en": (
        "It's Leo, I'm not around, leave word.", "Martha's voice mail, speak up after the tone.",
        "Nobody here, try later.", "Simon can't talk now, send a text instead.", "Say something after the signal.",
    ),
    "tr": (
        "Ben Kerem, şu an yokum, haber bırak.", "Derya'nın sesli mesajı, sinyalden sonra konuşun.",
        "Kimse yok, sonra tekrar deneyin.", "Onur konuşamıyor, yazarsan iyi olur.", "Sinyalden sonra bir şey söyleyin.",
    ),
    "az": (
        "Mən Vüsal, indi yoxam, xəbər qoy.", "Aytənin səsli poçtu, siqnaldan sonra danışın.",
        "Heç kim yoxdur, sonra yoxlayın.", "Emin danışa bilmir, yazsan yaxşıdır.", "Siqnaldan sonra bir söz deyin.",
    ),
    "fa": (
        "سعیدم، الان نیستم، خبر بگذار.", "پیغامگیر شیرین، بعد از علامت صحبت کنید.",
        "کسی نیست، بعدا دوباره امتحان کنید.", "بهرام نمی‌تونه حرف بزنه، پیامک بده.", "بعد از علامت چیزی بگید.",
    ),
}  # fmt: skip
_ANNOUNCEMENT = {
    "en": (
        "This number is no longer assigned. Please make sure that you have the right one.",
        "The network is overloaded at this time. Please wait a few minutes before you try again.",
        "Calls from your line to this destination are barred.",
    ),
    "tr": (
        "Bu numara artık kullanımda değildir. Lütfen doğru numarayı aradığınızdan emin olun.",
        "Şebeke şu anda yoğundur. Lütfen birkaç dakika bekleyip yeniden deneyiniz.",
        "Hattınızdan bu yöne arama yapılamaz.",
    ),
    "az": (
        "Bu nömrə artıq heç kimə aid deyil. Xahiş edirik, nömrənin düzgünlüyünə əmin olun.",
        "Şəbəkə hazırda yüklüdür. Xahiş edirik, bir neçə dəqiqə gözləyib təkrar zəng edin.",
        "Sizin xəttdən bu istiqamətə zəng bağlıdır.",
    ),
    "fa": (
        "این شماره دیگر واگذار نشده است. خواهشمندیم از درستی آن مطمئن شوید.",
        "شبکه در این لحظه شلوغ است. خواهشمندیم چند دقیقه صبر و دوباره تلاش کنید.",
        "تماس از خط شما به این مقصد مسدود است.",
    ),
}  # fmt: skip

FAMILY = Family(
    name="held out", seed=4_402_651, size=2,
    hello=_HELLO, name_said=_NAME, sentence=_SENTENCE, opening=_OPENING, greeting=_GREETING,
    short_greeting=_SHORT_GREETING, announcement=_ANNOUNCEMENT,
    voices=(
        "Alex", "Andrea", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Marco", "Michael", "Mike", "Reed",
        "anika", "announcer", "antonio", "benjamin", "boris", "caleb", "ed", "gustave", "iven", "iven3", "kaukovalta",
        "klatt", "klatt3", "klatt6", "marcelo", "michel", "paul", "pedro", "robert", "steph2",
    ),
    rates=(128, 139, 147, 158, 169, 178, 191, 210), pitches=(28, 37, 46, 55, 64, 75),
    person_waits=(2.2, 0.2), machine_waits=(2.0, 0.23), silent_first=(1.4, 2.5), pause=(0.22, 0.75),
    before_beep=(0.12, 1.4), levels=(-31.0, -15.0), ratios=(32.0, 26.0, 22.0, 16.0, 11.0),
    loud_ratios=(12.5, 9.5, 7.5, 5.0),
    rooms=("none", "white", "pink", "brown", "hum", "babble"), losses=(0.0, 0.0, 0.01, 0.025, 0.05), burst=1.9,
    echo_after=(0.05, 0.24), echo_level=(-29.0, -16.0), ringing=((420.0,), (430.0, 470.0), (410.0, 440.0), (455.0,)),
    ringing_rest=(0.12, 0.7), comfort_noise=(-64.0, -52.0),
    beeps=(400.0, 460.0, 530.0, 640.0, 720.0, 830.0, 920.0, 1_050.0, 1_250.0, 1_380.0, 1_560.0, 1_700.0, 1_900.0),
    beep_seconds=(0.16, 1.2), roots=(185.0, 233.1, 254.0, 269.0, 349.2), beat=0.28, decay=2.2, clipped=(0.05, 0.14),
    child=(1.19, 1.34),
)  # fmt: skip

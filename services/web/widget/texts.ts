/** What the widget says, in the brand's language. Small on purpose: it travels with every client's page. */

export type Language = "en" | "tr" | "az" | "fa";

const en = {
  call: "Call us",
  calling: "Calling…",
  microphone: "Allow the microphone, please.",
  menu: "Connected. Listen, and choose with the keypad.",
  queued: "You are in the queue. We stay on the line.",
  answered: "You are talking to us.",
  held: "One moment, please.",
  ended: "The call has ended.",
  refused: "All our lines are busy right now. Please try again in a few minutes.",
  lost: "The connection was lost. We are trying to get it back…",
  hangUp: "Hang up",
  mute: "Mute",
  unmute: "Unmute",
  keypad: "Keypad",
  close: "Close",
  again: "Call again",
  name: "Your name (optional)",
  number: "Your number (optional)",
  key: "Key",
  welcome: "This page stands for a client's own site. Press the button to call as one of their customers.",
  notCallable: "Nobody can be called here yet: give the brand a number that leads to a published flow.",
  unknown: "There is no such page. Check the address.",
  errors: {
    refused: "The microphone is blocked. Allow it in the address bar, then call again.",
    missing: "No microphone was found. Plug one in, then call again.",
    busy: "Another program holds the microphone. Close it, then call again.",
    insecure: "Calls need a secure address (https). Tell the owner of this page.",
    unsupported: "This browser can't make calls. Use a current Chrome, Edge, Firefox or Safari.",
    failed: "The call could not be set up. Please try again.",
  },
};

export type Texts = typeof en;

const tr: Texts = {
  call: "Bizi arayın",
  calling: "Aranıyor…",
  microphone: "Lütfen mikrofona izin verin.",
  menu: "Bağlandı. Dinleyin ve tuş takımıyla seçin.",
  queued: "Sıradasınız. Hatta kalıyoruz.",
  answered: "Bizimle konuşuyorsunuz.",
  held: "Bir dakika lütfen.",
  ended: "Görüşme sona erdi.",
  refused: "Şu anda tüm hatlarımız dolu. Lütfen birkaç dakika sonra yeniden deneyin.",
  lost: "Bağlantı koptu. Yeniden kuruyoruz…",
  hangUp: "Kapat",
  mute: "Sesi kapat",
  unmute: "Sesi aç",
  keypad: "Tuş takımı",
  close: "Kapat",
  again: "Yeniden ara",
  name: "Adınız (isteğe bağlı)",
  number: "Numaranız (isteğe bağlı)",
  key: "Tuş",
  welcome:
    "Bu sayfa, bir müşterinizin kendi sitesi yerine geçer. Onların müşterisi olarak aramak için düğmeye basın.",
  notCallable: "Burası henüz aranamıyor: markaya yayımlanmış bir akışa giden bir numara verin.",
  unknown: "Böyle bir sayfa yok. Adresi denetleyin.",
  errors: {
    refused: "Mikrofon engellendi. Adres çubuğundan izin verip yeniden arayın.",
    missing: "Mikrofon bulunamadı. Bir tane takıp yeniden arayın.",
    busy: "Mikrofonu başka bir program kullanıyor. Onu kapatıp yeniden arayın.",
    insecure: "Arama için güvenli bir adres (https) gerekir. Sayfanın sahibine bildirin.",
    unsupported: "Bu tarayıcı arama yapamıyor. Güncel bir Chrome, Edge, Firefox ya da Safari kullanın.",
    failed: "Arama kurulamadı. Lütfen yeniden deneyin.",
  },
};

const az: Texts = {
  call: "Bizə zəng edin",
  calling: "Zəng edilir…",
  microphone: "Zəhmət olmasa, mikrofona icazə verin.",
  menu: "Qoşuldu. Dinləyin və düymələrlə seçin.",
  queued: "Növbədəsiniz. Xətdə qalırıq.",
  answered: "Bizimlə danışırsınız.",
  held: "Bir dəqiqə, zəhmət olmasa.",
  ended: "Zəng bitdi.",
  refused: "Hazırda bütün xətlərimiz məşğuldur. Bir neçə dəqiqədən sonra yenidən cəhd edin.",
  lost: "Bağlantı kəsildi. Bərpa edirik…",
  hangUp: "Dəstəyi as",
  mute: "Səsi bağla",
  unmute: "Səsi aç",
  keypad: "Düymələr",
  close: "Bağla",
  again: "Yenidən zəng et",
  name: "Adınız (istəyə bağlı)",
  number: "Nömrəniz (istəyə bağlı)",
  key: "Düymə",
  welcome:
    "Bu səhifə müştərinizin öz saytını əvəz edir. Onların müştərisi kimi zəng etmək üçün düyməni basın.",
  notCallable: "Bura hələ zəng etmək olmur: brendə dərc olunmuş axına aparan nömrə verin.",
  unknown: "Belə səhifə yoxdur. Ünvanı yoxlayın.",
  errors: {
    refused: "Mikrofon bloklanıb. Ünvan sətrində icazə verin və yenidən zəng edin.",
    missing: "Mikrofon tapılmadı. Qoşun və yenidən zəng edin.",
    busy: "Mikrofonu başqa proqram istifadə edir. Onu bağlayın və yenidən zəng edin.",
    insecure: "Zəng üçün təhlükəsiz ünvan (https) lazımdır. Səhifənin sahibinə bildirin.",
    unsupported: "Bu brauzer zəng edə bilmir. Yeni Chrome, Edge, Firefox və ya Safari işlədin.",
    failed: "Zəng qurulmadı. Yenidən cəhd edin.",
  },
};

const fa: Texts = {
  call: "تماس با ما",
  calling: "در حال تماس…",
  microphone: "لطفاً اجازهٔ میکروفون را بدهید.",
  menu: "وصل شد. گوش کنید و با صفحه‌کلید برگزینید.",
  queued: "در صف هستید. روی خط می‌مانیم.",
  answered: "در حال گفت‌وگو با ما هستید.",
  held: "یک لحظه لطفاً.",
  ended: "تماس پایان یافت.",
  refused: "همهٔ خط‌های ما اکنون مشغول است. لطفاً چند دقیقهٔ دیگر دوباره تماس بگیرید.",
  lost: "ارتباط قطع شد. در حال برقراری دوباره…",
  hangUp: "پایان تماس",
  mute: "بی‌صدا",
  unmute: "باصدا",
  keypad: "صفحه‌کلید",
  close: "بستن",
  again: "تماس دوباره",
  name: "نام شما (اختیاری)",
  number: "شمارهٔ شما (اختیاری)",
  key: "کلید",
  welcome: "این صفحه به‌جای وبگاه مشتری شماست. برای تماس به‌عنوان مشتری آن‌ها دکمه را بزنید.",
  notCallable: "هنوز نمی‌توان تماس گرفت: به برند شماره‌ای بدهید که به یک جریان منتشرشده برسد.",
  unknown: "چنین صفحه‌ای نیست. نشانی را بررسی کنید.",
  errors: {
    refused: "میکروفون بسته است. در نوار نشانی اجازه دهید و دوباره تماس بگیرید.",
    missing: "میکروفونی یافت نشد. یکی وصل کنید و دوباره تماس بگیرید.",
    busy: "برنامهٔ دیگری میکروفون را گرفته است. آن را ببندید و دوباره تماس بگیرید.",
    insecure: "تماس به نشانی امن (https) نیاز دارد. به صاحب صفحه بگویید.",
    unsupported: "این مرورگر نمی‌تواند تماس بگیرد. از کروم، اج، فایرفاکس یا سافاری تازه استفاده کنید.",
    failed: "تماس برقرار نشد. لطفاً دوباره کوشش کنید.",
  },
};

const ALL: Record<Language, Texts> = { en, tr, az, fa };

export function textsOf(language: string): { language: Language; texts: Texts } {
  const known = (language in ALL ? language : "en") as Language;
  return { language: known, texts: ALL[known] };
}

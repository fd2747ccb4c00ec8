//! What the pages say on which people let an app in, and those that say why one gets no answer.

use super::Done;
use crate::domain::locale::Locale;

pub(crate) struct Words {
    /// `{app}` is its name.
    pub title: &'static str,
    /// `{email}` is the account.
    pub lead: &'static str,
    /// `{host}` is where the answer goes.
    pub leads_to: &'static str,
    pub unverified: &'static str,
    pub may: &'static str,
    pub openid: &'static str,
    pub profile: &'static str,
    pub email: &'static str,
    pub offline_access: &'static str,
    pub tutor: &'static str,
    pub admin: &'static str,
    /// `{resource}` is its address.
    pub resource: &'static str,
    pub accept: &'static str,
    pub decline: &'static str,
    pub withdraw_later: &'static str,
    /// The button of a page whose form goes to the app by itself where scripts run.
    pub back_title: &'static str,
    pub back: &'static str,
    pub unknown_app: Done,
    pub bad_address: Done,
    pub gone: Done,
    pub too_many: Done,
    pub bad_request: Done,
}

pub(crate) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &EN,
        Locale::German => &DE,
        Locale::Arabic => &AR,
    }
}

static EN: Words = Words {
    title: "Let {app} use your account?",
    lead: "You are signed in as {email}.",
    leads_to: "You are sent on to {host}.",
    unverified: "Your school has not checked this app. Go on only if you trust whoever sent you \
                 here.",
    may: "It may:",
    openid: "know that it is you",
    profile: "see your name and picture",
    email: "see your e-mail address",
    offline_access: "do this while you are away, until you withdraw it",
    tutor: "read your lessons and chats, and ask the tutor as you",
    admin: "do what your staff role allows",
    resource: "use {resource} as you",
    accept: "Allow",
    decline: "Do not allow",
    withdraw_later: "You can withdraw this at any time on your account page.",
    back_title: "Back to the app",
    back: "Continue",
    unknown_app: Done {
        title: "This app is not known here",
        text: "Go back to the app and tell whoever runs it.",
    },
    bad_address: Done {
        title: "The app asks to be answered at the wrong place",
        text: "It is not an address that the app registered, so nothing was sent there. Tell \
               whoever runs the app.",
    },
    gone: Done {
        title: "This request is over",
        text: "It was answered before, or it took too long. Go back to the app and start again.",
    },
    too_many: Done {
        title: "Too many ask from here at once",
        text: "Wait a minute, then go back to the app and start again.",
    },
    bad_request: Done {
        title: "The app's request cannot be read",
        text: "Go back to the app and start again ({code}).",
    },
};

static DE: Words = Words {
    title: "Darf {app} dein Konto benutzen?",
    lead: "Du bist angemeldet als {email}.",
    leads_to: "Du wirst weitergeleitet zu {host}.",
    unverified: "Deine Schule hat diese App nicht geprüft. Mach nur weiter, wenn du dem vertraust, \
                 der dich hierher geschickt hat.",
    may: "Sie darf dann:",
    openid: "wissen, dass du es bist",
    profile: "deinen Namen und dein Bild sehen",
    email: "deine E-Mail-Adresse sehen",
    offline_access: "das auch tun, wenn du nicht da bist, bis du es zurücknimmst",
    tutor: "deine Lektionen und Chats lesen und den Tutor in deinem Namen fragen",
    admin: "tun, was deine Rolle an der Schule erlaubt",
    resource: "{resource} in deinem Namen benutzen",
    accept: "Erlauben",
    decline: "Nicht erlauben",
    withdraw_later: "Du kannst das jederzeit auf deiner Kontoseite zurücknehmen.",
    back_title: "Zurück zur App",
    back: "Weiter",
    unknown_app: Done {
        title: "Diese App ist hier nicht bekannt",
        text: "Geh zurück zur App und sag denen Bescheid, die sie betreiben.",
    },
    bad_address: Done {
        title: "Die App will ihre Antwort an der falschen Stelle",
        text: "Diese Adresse hat die App nicht registriert, darum wurde nichts dorthin geschickt. \
               Sag denen Bescheid, die die App betreiben.",
    },
    gone: Done {
        title: "Diese Anfrage ist vorbei",
        text: "Sie wurde schon beantwortet, oder es hat zu lange gedauert. Geh zurück zur App und \
               fang neu an.",
    },
    too_many: Done {
        title: "Von hier kommen zu viele Anfragen auf einmal",
        text: "Warte eine Minute, geh dann zurück zur App und fang neu an.",
    },
    bad_request: Done {
        title: "Die Anfrage der App ist nicht lesbar",
        text: "Geh zurück zur App und fang neu an ({code}).",
    },
};

static AR: Words = Words {
    title: "هل تسمح لـ {app} باستخدام حسابك؟",
    lead: "أنت مسجّل الدخول باسم {email}.",
    leads_to: "ستُنقل إلى {host}.",
    unverified: "لم تفحص مدرستك هذا التطبيق. تابع فقط إذا كنت تثق بمن أرسلك إلى هنا.",
    may: "يمكنه عندئذ:",
    openid: "معرفة أنك أنت",
    profile: "رؤية اسمك وصورتك",
    email: "رؤية عنوان بريدك الإلكتروني",
    offline_access: "فعل ذلك في غيابك أيضًا إلى أن تسحب الإذن",
    tutor: "قراءة دروسك ومحادثاتك وسؤال المعلّم باسمك",
    admin: "فعل ما يسمح به دورك في المدرسة",
    resource: "استخدام {resource} باسمك",
    accept: "السماح",
    decline: "عدم السماح",
    withdraw_later: "يمكنك سحب الإذن في أي وقت من صفحة حسابك.",
    back_title: "العودة إلى التطبيق",
    back: "متابعة",
    unknown_app: Done {
        title: "هذا التطبيق غير معروف هنا",
        text: "ارجع إلى التطبيق وأخبر من يديره.",
    },
    bad_address: Done {
        title: "يطلب التطبيق الرد في مكان غير صحيح",
        text: "هذا العنوان ليس مما سجّله التطبيق، لذلك لم يُرسل إليه شيء. أخبر من يدير التطبيق.",
    },
    gone: Done {
        title: "انتهى هذا الطلب",
        text: "سبق الرد عليه، أو استغرق وقتًا طويلًا. ارجع إلى التطبيق وابدأ من جديد.",
    },
    too_many: Done {
        title: "طلبات كثيرة جدًا من هنا في وقت واحد",
        text: "انتظر دقيقة، ثم ارجع إلى التطبيق وابدأ من جديد.",
    },
    bad_request: Done {
        title: "طلب التطبيق غير مقروء",
        text: "ارجع إلى التطبيق وابدأ من جديد ({code}).",
    },
};

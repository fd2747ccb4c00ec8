//! What the pages for devices without a browser say. `{email}` and `{app}` stand for what is escaped
//! and filled in.

use super::{Ask, Done};
use crate::domain::locale::Locale;

pub(crate) struct Words {
    pub enter: Ask,
    pub code: &'static str,
    pub wrong: &'static str,
    pub wait: &'static str,
    pub confirm: Ask,
    pub asks_for: &'static str,
    pub openid: &'static str,
    pub profile: &'static str,
    pub email: &'static str,
    pub offline_access: &'static str,
    pub tutor: &'static str,
    pub admin: &'static str,
    pub asked_from: &'static str,
    pub unknown: &'static str,
    pub warning: &'static str,
    pub decline: &'static str,
    pub accepted: Done,
    pub declined: Done,
    pub refused: &'static str,
    pub acting: &'static str,
    pub foreign_page: &'static str,
    pub bad_request: &'static str,
    pub failed: &'static str,
}

pub(crate) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &ENGLISH,
        Locale::German => &GERMAN,
        Locale::Arabic => &ARABIC,
    }
}

static ENGLISH: Words = Words {
    enter: Ask {
        title: "Connect a device",
        lead: "Type the code that your device or program shows.",
        button: "Continue",
    },
    code: "Code",
    wrong: "No device waits under this code. Look at the device again: a code is good for ten \
            minutes, and once.",
    wait: "Too many wrong codes came from your network. Wait a minute, then try again.",
    confirm: Ask {
        title: "Connect this device?",
        lead: "{app} on another device wants to use your account {email}.",
        button: "Connect the device",
    },
    asks_for: "It asks for",
    openid: "knowing who you are",
    profile: "your name and picture",
    email: "your email address",
    offline_access: "staying connected when you have signed out here",
    tutor: "your lessons and your conversations with the tutor",
    admin: "your rights as staff",
    asked_from: "It asked from",
    unknown: "unknown",
    warning: "Do you have this device before you, and does it show this code? If somebody sent you \
              the code or a link, decline: that person would get into your account.",
    decline: "Decline",
    accepted: Done {
        title: "The device is connected",
        text: "Go back to the device: it goes on by itself. You can close this page.",
    },
    declined: Done {
        title: "The device was declined",
        text: "It gets nothing of yours. You can close this page.",
    },
    refused: "That did not work",
    acting: "You are acting as somebody else. Stop that to connect a device.",
    foreign_page: "This was not asked for by a page of ours. Go back and try again.",
    bad_request: "The address that led here is damaged. Type the code that your device shows.",
    failed: "Something went wrong on our side. Try again in a moment.",
};

static GERMAN: Words = Words {
    enter: Ask {
        title: "Ein Gerät verbinden",
        lead: "Gib den Code ein, den dein Gerät oder Programm zeigt.",
        button: "Weiter",
    },
    code: "Code",
    wrong: "Unter diesem Code wartet kein Gerät. Sieh noch einmal auf das Gerät: Ein Code gilt zehn \
            Minuten und nur einmal.",
    wait: "Aus deinem Netz kamen zu viele falsche Codes. Warte eine Minute und versuche es noch \
           einmal.",
    confirm: Ask {
        title: "Dieses Gerät verbinden?",
        lead: "{app} auf einem anderen Gerät will dein Konto {email} benutzen.",
        button: "Gerät verbinden",
    },
    asks_for: "Es bittet um",
    openid: "zu wissen, wer du bist",
    profile: "deinen Namen und dein Bild",
    email: "deine E-Mail-Adresse",
    offline_access: "verbunden zu bleiben, wenn du dich hier abgemeldet hast",
    tutor: "deine Lektionen und deine Gespräche mit dem Tutor",
    admin: "deine Rechte als Lehrkraft oder Verwaltung",
    asked_from: "Es hat gefragt von",
    unknown: "unbekannt",
    warning: "Hast du dieses Gerät vor dir, und zeigt es diesen Code? Wenn dir jemand den Code oder \
              einen Link geschickt hat, lehne ab: Diese Person käme sonst in dein Konto.",
    decline: "Ablehnen",
    accepted: Done {
        title: "Das Gerät ist verbunden",
        text: "Geh zum Gerät zurück: Es macht von selbst weiter. Du kannst diese Seite schließen.",
    },
    declined: Done {
        title: "Das Gerät wurde abgelehnt",
        text: "Es bekommt nichts von dir. Du kannst diese Seite schließen.",
    },
    refused: "Das hat nicht geklappt",
    acting: "Du handelst als jemand anderes. Beende das, um ein Gerät zu verbinden.",
    foreign_page: "Darum hat keine unserer Seiten gebeten. Geh zurück und versuche es noch einmal.",
    bad_request: "Die Adresse, die hierher führte, ist beschädigt. Gib den Code ein, den dein Gerät \
                  zeigt.",
    failed: "Bei uns ist etwas schiefgegangen. Versuche es gleich noch einmal.",
};

static ARABIC: Words = Words {
    enter: Ask {
        title: "ربط جهاز",
        lead: "اكتب الرمز الذي يعرضه جهازك أو برنامجك.",
        button: "متابعة",
    },
    code: "الرمز",
    wrong: "لا يوجد جهاز ينتظر بهذا الرمز. انظر إلى الجهاز مرة أخرى: الرمز صالح لعشر دقائق ولمرة \
            واحدة.",
    wait: "وصلت رموز خاطئة كثيرة من شبكتك. انتظر دقيقة ثم حاول مرة أخرى.",
    confirm: Ask {
        title: "هل تريد ربط هذا الجهاز؟",
        lead: "التطبيق {app} على جهاز آخر يريد استخدام حسابك {email}.",
        button: "ربط الجهاز",
    },
    asks_for: "يطلب",
    openid: "معرفة من أنت",
    profile: "اسمك وصورتك",
    email: "عنوان بريدك الإلكتروني",
    offline_access: "البقاء مرتبطًا بعد تسجيل خروجك هنا",
    tutor: "دروسك ومحادثاتك مع المعلم",
    admin: "صلاحياتك كموظف",
    asked_from: "طلب من",
    unknown: "غير معروف",
    warning: "هل هذا الجهاز أمامك ويعرض هذا الرمز؟ إذا أرسل لك أحد الرمز أو رابطًا فارفض: وإلا دخل \
              ذلك الشخص إلى حسابك.",
    decline: "رفض",
    accepted: Done {
        title: "تم ربط الجهاز",
        text: "عد إلى الجهاز: سيتابع من تلقاء نفسه. يمكنك إغلاق هذه الصفحة.",
    },
    declined: Done {
        title: "تم رفض الجهاز", text: "لن يحصل على شيء منك. يمكنك إغلاق هذه الصفحة."
    },
    refused: "لم ينجح ذلك",
    acting: "أنت تتصرف باسم شخص آخر. أوقف ذلك لتربط جهازًا.",
    foreign_page: "لم تطلب ذلك أي من صفحاتنا. ارجع وحاول مرة أخرى.",
    bad_request: "العنوان الذي قادك إلى هنا تالف. اكتب الرمز الذي يعرضه جهازك.",
    failed: "حدث خطأ لدينا. حاول مرة أخرى بعد لحظة.",
};

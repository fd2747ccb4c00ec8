//! What the pages of signing out at an app's wish say. `{email}` and `{app}` stand for what is
//! escaped and filled in.

use super::Done;
use crate::domain::locale::Locale;

pub(crate) struct Words {
    pub title: &'static str,
    pub lead: &'static str,
    pub by_app: &'static str,
    pub sign_out: &'static str,
    pub stay: &'static str,
    pub done: Done,
    pub back: &'static str,
    pub refused: &'static str,
    pub bad_request: &'static str,
    pub bad_hint: &'static str,
    pub bad_client: &'static str,
    pub bad_address: &'static str,
    pub foreign_page: &'static str,
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
    title: "Sign out?",
    lead: "You are signed in as {email}. Signing out also ends what you opened with this account \
           in other apps of this browser.",
    by_app: "{app} asks for this.",
    sign_out: "Sign out",
    stay: "Stay signed in",
    done: Done { title: "You are signed out", text: "Nobody is signed in in this browser now." },
    back: "Back to {app}",
    refused: "You were not signed out",
    bad_request: "The address that led here is damaged. Go back and try again.",
    bad_hint: "The app that led here did not prove that it means your sign-in. Go back and try \
               again, or sign out on our start page.",
    bad_client: "The app that led here is not known to us, or it is not the one that you signed \
                 in to. Sign out on our start page.",
    bad_address: "The app that led here wants you to be sent to an address that it has not \
                  registered. Sign out on our start page.",
    foreign_page: "This was not asked for by a page of ours. Go back and try again.",
    failed: "Something went wrong on our side, and you may still be signed in. Try again in a \
             moment.",
};

static GERMAN: Words = Words {
    title: "Abmelden?",
    lead: "Du bist als {email} angemeldet. Das Abmelden beendet auch, was du mit diesem Konto in \
           anderen Apps dieses Browsers geöffnet hast.",
    by_app: "{app} bittet darum.",
    sign_out: "Abmelden",
    stay: "Angemeldet bleiben",
    done: Done {
        title: "Du bist abgemeldet",
        text: "In diesem Browser ist jetzt niemand angemeldet.",
    },
    back: "Zurück zu {app}",
    refused: "Du wurdest nicht abgemeldet",
    bad_request: "Die Adresse, die hierher führte, ist beschädigt. Geh zurück und versuche es noch \
                  einmal.",
    bad_hint: "Die App, die hierher führte, hat nicht belegt, dass sie deine Anmeldung meint. Geh \
               zurück und versuche es noch einmal, oder melde dich auf unserer Startseite ab.",
    bad_client: "Die App, die hierher führte, kennen wir nicht, oder du hast dich bei einer \
                 anderen angemeldet. Melde dich auf unserer Startseite ab.",
    bad_address: "Die App, die hierher führte, will dich an eine Adresse schicken, die sie nicht \
                  hinterlegt hat. Melde dich auf unserer Startseite ab.",
    foreign_page: "Darum hat keine unserer Seiten gebeten. Geh zurück und versuche es noch einmal.",
    failed: "Bei uns ist etwas schiefgegangen, und du bist vielleicht noch angemeldet. Versuche es \
             gleich noch einmal.",
};

static ARABIC: Words = Words {
    title: "هل تريد تسجيل الخروج؟",
    lead: "لقد سجّلت الدخول باسم {email}. تسجيل الخروج ينهي أيضًا ما فتحته بهذا الحساب في تطبيقات \
           أخرى في هذا المتصفح.",
    by_app: "التطبيق {app} يطلب ذلك.",
    sign_out: "تسجيل الخروج",
    stay: "البقاء مسجّل الدخول",
    done: Done {
        title: "تم تسجيل خروجك", text: "لا أحد مسجّل الدخول في هذا المتصفح الآن."
    },
    back: "العودة إلى {app}",
    refused: "لم يتم تسجيل خروجك",
    bad_request: "العنوان الذي قادك إلى هنا تالف. ارجع وحاول مرة أخرى.",
    bad_hint: "التطبيق الذي قادك إلى هنا لم يثبت أنه يقصد جلستك. ارجع وحاول مرة أخرى، أو سجّل \
               الخروج من صفحتنا الرئيسية.",
    bad_client: "التطبيق الذي قادك إلى هنا غير معروف لدينا، أو ليس هو الذي سجّلت الدخول إليه. سجّل \
                 الخروج من صفحتنا الرئيسية.",
    bad_address: "التطبيق الذي قادك إلى هنا يريد إرسالك إلى عنوان لم يسجّله. سجّل الخروج من صفحتنا \
                  الرئيسية.",
    foreign_page: "لم تطلب ذلك أي من صفحاتنا. ارجع وحاول مرة أخرى.",
    failed: "حدث خطأ لدينا، وربما ما زلت مسجّل الدخول. حاول مرة أخرى بعد لحظة.",
};

//! What the page says on which people sign in for an app.

use crate::domain::locale::Locale;

pub(crate) struct Words {
    pub title: &'static str,
    /// `{app}` is its name.
    pub lead: &'static str,
    pub email: &'static str,
    pub password: &'static str,
    pub button: &'static str,
    pub create: &'static str,
    pub forgot: &'static str,
    /// Passkeys and providers, on a page that needs scripts.
    pub other_ways: &'static str,
    pub wrong: &'static str,
    pub locked: &'static str,
    pub banned: &'static str,
    pub busy: &'static str,
    pub code_title: &'static str,
    pub code_lead: &'static str,
    pub code: &'static str,
    pub verify: &'static str,
    pub wrong_code: &'static str,
    /// The first step must be done again.
    pub code_over: &'static str,
    pub select_title: &'static str,
    /// `{email}` is the account.
    pub signed_in_as: &'static str,
    pub go_on: &'static str,
    pub another: &'static str,
}

pub(crate) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &EN,
        Locale::German => &DE,
        Locale::Arabic => &AR,
    }
}

static EN: Words = Words {
    title: "Sign in",
    lead: "to go on to {app}",
    email: "E-mail",
    password: "Password",
    button: "Sign in",
    create: "Create an account",
    forgot: "Forgot your password?",
    other_ways: "Other ways to sign in",
    wrong: "The address or the password is wrong.",
    locked: "Too many tries. Wait a while, then try again.",
    banned: "This account is banned. Ask your school.",
    busy: "There is a lot going on just now. Try again in a moment.",
    code_title: "One more step",
    code_lead: "Type the code that your authenticator app shows, or one of your recovery codes.",
    code: "Code",
    verify: "Verify",
    wrong_code: "The code is wrong, or was used before.",
    code_over: "That took too long, or too many tries. Sign in again.",
    select_title: "Choose an account",
    signed_in_as: "You are signed in as {email}.",
    go_on: "Continue",
    another: "Use another account",
};

static DE: Words = Words {
    title: "Anmelden",
    lead: "und weiter zu {app}",
    email: "E-Mail",
    password: "Passwort",
    button: "Anmelden",
    create: "Konto anlegen",
    forgot: "Passwort vergessen?",
    other_ways: "Andere Wege, sich anzumelden",
    wrong: "Die Adresse oder das Passwort stimmt nicht.",
    locked: "Zu viele Versuche. Warte eine Weile und versuche es dann noch einmal.",
    banned: "Dieses Konto ist gesperrt. Frag deine Schule.",
    busy: "Gerade ist viel los. Versuche es gleich noch einmal.",
    code_title: "Noch ein Schritt",
    code_lead: "Gib den Code ein, den deine Authenticator-App zeigt, oder einen deiner \
                Wiederherstellungscodes.",
    code: "Code",
    verify: "Bestätigen",
    wrong_code: "Der Code stimmt nicht oder wurde schon benutzt.",
    code_over: "Das hat zu lange gedauert, oder es waren zu viele Versuche. Melde dich neu an.",
    select_title: "Konto wählen",
    signed_in_as: "Du bist angemeldet als {email}.",
    go_on: "Weiter",
    another: "Ein anderes Konto benutzen",
};

static AR: Words = Words {
    title: "تسجيل الدخول",
    lead: "للمتابعة إلى {app}",
    email: "البريد الإلكتروني",
    password: "كلمة المرور",
    button: "تسجيل الدخول",
    create: "إنشاء حساب",
    forgot: "هل نسيت كلمة المرور؟",
    other_ways: "طرق أخرى لتسجيل الدخول",
    wrong: "العنوان أو كلمة المرور غير صحيحة.",
    locked: "محاولات كثيرة جدًا. انتظر قليلًا ثم حاول مرة أخرى.",
    banned: "هذا الحساب محظور. اسأل مدرستك.",
    busy: "الخادم مشغول الآن. حاول مرة أخرى بعد لحظات.",
    code_title: "خطوة أخرى",
    code_lead: "اكتب الرمز الذي يعرضه تطبيق المصادقة، أو أحد رموز الاسترداد.",
    code: "الرمز",
    verify: "تأكيد",
    wrong_code: "الرمز غير صحيح، أو سبق استخدامه.",
    code_over: "استغرق ذلك وقتًا طويلًا أو محاولات كثيرة. سجّل الدخول من جديد.",
    select_title: "اختر حسابًا",
    signed_in_as: "أنت مسجّل الدخول باسم {email}.",
    go_on: "متابعة",
    another: "استخدام حساب آخر",
};

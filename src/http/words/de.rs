use super::{Ask, Done, Words};

pub(super) static WORDS: Words = Words {
    start_page: "Zur Startseite",
    go_on: "Weiter, wohin Sie wollten",
    verify: Ask {
        title: "Bestätigen Sie Ihre E-Mail-Adresse",
        lead: "Ein Klick, und Ihre Lektionen und der Tutor stehen Ihnen als {email} offen.",
        button: "Meine Adresse bestätigen",
    },
    verified: Done { title: "Ihre Adresse ist bestätigt", text: "Ihre Kurse stehen Ihnen offen." },
    confirm_change: Ask {
        title: "E-Mail-Adresse ändern?",
        lead: "Das Konto {email} soll auf {new} umgestellt werden. Danach kommt eine Mail an die \
               neue Adresse.",
        button: "Ja, Adresse ändern",
    },
    change_mailed: Done {
        title: "Sehen Sie jetzt in das andere Postfach",
        text: "Wir haben an die neue Adresse geschrieben. Öffnen Sie den Link dort, dann wird das \
               Konto umgestellt.",
    },
    take_address: Ask {
        title: "Bestätigen Sie Ihre neue E-Mail-Adresse",
        lead: "Das Konto {email} wird auf {new} umgestellt. Ihre anderen Geräte werden abgemeldet.",
        button: "Diese Adresse verwenden",
    },
    address_taken: Done {
        title: "Ihre Adresse wurde geändert",
        text: "Ab jetzt melden Sie sich mit der neuen an.",
    },
    choose_password: Ask {
        title: "Wählen Sie ein neues Passwort",
        lead: "Für das Konto {email}. Alle Ihre Geräte werden abgemeldet.",
        button: "Passwort setzen",
    },
    new_password: "Neues Passwort",
    again: "Noch einmal dasselbe",
    rules: "Mindestens 12 Zeichen, mit einem Großbuchstaben, einem Kleinbuchstaben, einer Ziffer \
            und einem anderen Zeichen.",
    differ: "Die beiden Passwörter sind verschieden.",
    too_short: "Das Passwort ist zu kurz: nehmen Sie mindestens 12 Zeichen.",
    too_plain: "Nehmen Sie einen Großbuchstaben, einen Kleinbuchstaben, eine Ziffer und ein anderes \
                Zeichen.",
    too_common: "Dieses Passwort wird als eines der ersten probiert. Wählen Sie ein anderes.",
    too_long: "Das Passwort ist zu lang.",
    password_chosen: Done {
        title: "Ihr Passwort wurde geändert",
        text: "Melden Sie sich mit dem neuen an.",
    },
    delete: Ask {
        title: "Konto löschen?",
        lead: "Das Konto {email} und alles, was dazu gehört, auch Ihre Gespräche, wird endgültig \
               gelöscht.",
        button: "Mein Konto endgültig löschen",
    },
    deleted: Done { title: "Ihr Konto wurde gelöscht", text: "Es ist nichts davon übrig." },
    last_admin: Done {
        title: "Ihr Konto bleibt",
        text: "Sie sind der letzte Admin. Machen Sie zuerst jemand anderen dazu.",
    },
    sign_in_first: Done {
        title: "Melden Sie sich zuerst an",
        text: "Dieser Link geht dort, wo Sie angemeldet sind. Melden Sie sich an und öffnen Sie ihn \
               noch einmal.",
    },
    expired: Done {
        title: "Dieser Link geht nicht",
        text: "Dieser Link ist älter als eine Stunde. Lassen Sie sich einen neuen schicken.",
    },
    invalid: Done {
        title: "Dieser Link geht nicht",
        text: "Dieser Link gilt nicht, oder er wurde schon benutzt. Lassen Sie sich einen neuen \
               schicken.",
    },
    failed: Done {
        title: "Etwas ist schiefgegangen",
        text: "Das hat nicht geklappt ({code}). Gehen Sie zurück und versuchen Sie es noch einmal.",
    },
};

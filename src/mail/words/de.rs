use super::{Notices, Said, Ways, Words};

pub(super) static WORDS: Words = Words {
    hello: "Guten Tag {name},",
    hello_nobody: "Guten Tag,",
    automatic: "Diese Mail hat der Server Ihrer Kurse geschrieben. Antworten darauf liest niemand.",
    verify_email: Said {
        subject: "Bestätigen Sie Ihre E-Mail-Adresse",
        lead: "Öffnen Sie diesen Link innerhalb einer Stunde, um Ihre E-Mail-Adresse zu \
               bestätigen:",
        button: "Meine Adresse bestätigen",
        rest: "Wenn Sie sich nicht angemeldet haben, brauchen Sie nichts zu tun.",
    },
    reset_password: Said {
        subject: "Wählen Sie ein neues Passwort",
        lead: "Öffnen Sie diesen Link innerhalb einer Stunde, um ein neues Passwort zu wählen:",
        button: "Neues Passwort wählen",
        rest: "Wenn Sie das nicht wollten, brauchen Sie nichts zu tun: Ihr Passwort gilt \
               weiter.",
    },
    no_password: Said {
        subject: "Ihr Konto hat kein Passwort",
        lead: "Jemand hat ein neues Passwort für Ihr Konto angefordert. Es hat keines: Sie melden sich \
               mit {detail} an. Es wurde nichts geändert. Hier melden Sie sich an:",
        button: "Anmelden",
        rest: "Wenn Sie das nicht waren, brauchen Sie nichts zu tun.",
    },
    sign_in_code: Said {
        subject: "Ihr Code für die Anmeldung",
        lead: "Ihr Code ist {detail}. Er gilt fünf Minuten lang und einmal.",
        button: "",
        rest: "Wenn Sie sich nicht gerade anmelden, kennt jemand Ihr Passwort: wählen Sie sofort ein \
               neues. Von uns wird niemand Sie je nach diesem Code fragen.",
    },
    account_exists: Said {
        subject: "Sie haben schon ein Konto",
        lead: "Jemand wollte mit Ihrer Adresse ein Konto anlegen. Sie haben schon eines; melden \
               Sie sich hier an:",
        button: "Anmelden",
        rest: "Wenn Sie das nicht waren, brauchen Sie nichts zu tun.",
    },
    change_email_confirmation: Said {
        subject: "Wollen Sie Ihre E-Mail-Adresse ändern?",
        lead: "Jemand, der als Sie angemeldet ist, will Ihr Konto auf {detail} umstellen. Wenn \
               Sie das sind, öffnen Sie diesen Link innerhalb einer Stunde; danach kommt eine \
               Mail an die neue Adresse:",
        button: "Ja, Adresse ändern",
        rest: "Wenn Sie das nicht sind, öffnen Sie ihn nicht und wählen Sie sofort ein neues \
               Passwort.",
    },
    change_email_verification: Said {
        subject: "Bestätigen Sie Ihre neue E-Mail-Adresse",
        lead: "Öffnen Sie diesen Link innerhalb einer Stunde, dann ist {detail} die Adresse \
               Ihres Kontos:",
        button: "Diese Adresse verwenden",
        rest: "Wenn Sie davon nichts wissen, brauchen Sie nichts zu tun.",
    },
    email_changed: Said {
        subject: "Ihre E-Mail-Adresse wurde geändert",
        lead: "Ihr Konto hat jetzt die Adresse {detail}. Hierher kommt keine Mail mehr, und \
               Ihre anderen Geräte wurden abgemeldet.",
        button: "",
        rest: "Wenn Sie das nicht waren, schreiben Sie sofort Ihrer Schule.",
    },
    password_changed: Said {
        subject: "Ihr Passwort wurde geändert",
        lead: "Das Passwort Ihres Kontos wurde geändert, und Ihre anderen Geräte wurden \
               abgemeldet.",
        button: "",
        rest: "Wenn Sie das nicht waren, lassen Sie sich auf der Anmeldeseite sofort ein neues \
               geben und schreiben Sie Ihrer Schule.",
    },
    account_locked: Said {
        subject: "Jemand probiert Ihr Passwort",
        lead: "Für Ihr Konto wurden zu viele falsche Passwörter eingegeben. In den nächsten 30 \
               Minuten wird kein Passwort angenommen; wo Sie angemeldet sind, bleiben Sie es.",
        button: "",
        rest: "Wenn Sie das waren, lassen Sie sich auf der Anmeldeseite ein neues Passwort \
               geben: damit kommen Sie sofort hinein. Wenn nicht, brauchen Sie nichts zu tun.",
    },
    delete_account: Said {
        subject: "Wollen Sie Ihr Konto löschen?",
        lead: "Öffnen Sie diesen Link innerhalb einer Stunde auf dem Gerät, auf dem Sie \
               angemeldet sind, um Ihr Konto mit allem, was dazu gehört, endgültig zu löschen:",
        button: "Mein Konto löschen",
        rest: "Wenn Sie das nicht wollten, öffnen Sie ihn nicht und wählen Sie sofort ein \
               neues Passwort.",
    },
    security_notice: Said {
        subject: "An Ihrer Anmeldung hat sich etwas geändert",
        lead: "{detail}",
        button: "",
        rest: "Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort und schreiben Sie \
               Ihrer Schule.",
    },
    notices: Notices {
        app_added: "Ein zweiter Faktor wurde eingerichtet: von nun an wird ein Code Ihrer Authenticator-App verlangt.",
        mail_codes_added: "Ein zweiter Faktor wurde eingerichtet: von nun an kann Ihnen bei der Anmeldung ein Code geschickt werden.",
        factors_removed: "Der zweite Faktor wurde entfernt: zur Anmeldung genügt ein Passwort.",
        codes_made: "Es wurden neue Wiederherstellungscodes erstellt. Die alten gelten nicht mehr.",
        code_used: "Ein Wiederherstellungscode wurde benutzt.",
        passkey_added: "Ein Passkey wurde hinzugefügt: mit ihm kann man sich anmelden.",
        passkey_removed: "Ein Passkey wurde entfernt.",
        linked: "Ein Konto bei {provider} wurde verknüpft: mit ihm kann man sich anmelden.",
    },
    ways: Ways { passkey: "einem Passkey", school: "der Anmeldung Ihrer Schule" },
};

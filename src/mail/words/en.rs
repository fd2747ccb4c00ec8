use super::{Notices, Said, Ways, Words};

pub(super) static WORDS: Words = Words {
    hello: "Hello {name},",
    hello_nobody: "Hello,",
    automatic: "This mail was written by the server of your courses. Nobody reads answers to it.",
    verify_email: Said {
        subject: "Verify your email address",
        lead: "Open this link within an hour to verify your email address:",
        button: "Verify my address",
        rest: "If you did not sign up, you need do nothing.",
    },
    reset_password: Said {
        subject: "Choose a new password",
        lead: "Open this link within an hour to choose a new password:",
        button: "Choose a new password",
        rest: "If you did not ask for it, you need do nothing: your password stands.",
    },
    no_password: Said {
        subject: "Your account has no password",
        lead: "Somebody asked for a new password for your account. It has none: you sign in with \
               {detail}. Nothing was changed. Sign in here:",
        button: "Sign in",
        rest: "If it was not you, you need do nothing.",
    },
    sign_in_code: Said {
        subject: "Your code for signing in",
        lead: "Your code is {detail}. It is good for five minutes, and once.",
        button: "",
        rest: "If you are not signing in, somebody knows your password: choose a new one at once. Nobody \
               of ours will ever ask you for this code.",
    },
    account_exists: Said {
        subject: "You have an account already",
        lead: "Somebody tried to sign up with your address. You have an account already; sign \
               in here:",
        button: "Sign in",
        rest: "If it was not you, you need do nothing.",
    },
    change_email_confirmation: Said {
        subject: "Do you want to change your email address?",
        lead: "Somebody signed in as you wants to move your account to {detail}. If it was \
               you, open this link within an hour; a mail to the new address follows:",
        button: "Yes, change my address",
        rest: "If it was not you, do not open it, and choose a new password at once.",
    },
    change_email_verification: Said {
        subject: "Verify your new email address",
        lead: "Open this link within an hour, and {detail} is the address of your account:",
        button: "Use this address",
        rest: "If you know nothing of it, you need do nothing.",
    },
    email_changed: Said {
        subject: "Your email address was changed",
        lead: "Your account now has the address {detail}. Mail no longer comes here, and your \
               other devices were signed out.",
        button: "",
        rest: "If it was not you, write to your school at once.",
    },
    password_changed: Said {
        subject: "Your password was changed",
        lead: "The password of your account was changed, and your other devices were signed \
               out.",
        button: "",
        rest: "If it was not you, ask for a new password on the sign-in page at once, and \
               write to your school.",
    },
    account_locked: Said {
        subject: "Somebody tries your password",
        lead: "There were too many wrong passwords for your account. For the next 30 minutes \
               no password is accepted; where you are signed in, you stay so.",
        button: "",
        rest: "If it was you, ask for a new password on the sign-in page: that lets you in at \
               once. If it was not, you need do nothing.",
    },
    delete_account: Said {
        subject: "Do you want to delete your account?",
        lead: "Open this link within an hour, on the device where you are signed in, to delete \
               your account and all that belongs to it for good:",
        button: "Delete my account",
        rest: "If you did not ask for it, do not open it, and choose a new password at once.",
    },
    security_notice: Said {
        subject: "Something changed in how you sign in",
        lead: "{detail}",
        button: "",
        rest: "If it was not you, choose a new password at once, and write to your school.",
    },
    notices: Notices {
        app_added: "A second factor was set up: from now on a code of your authenticator app is asked for.",
        mail_codes_added: "A second factor was set up: from now on a code can be mailed to you when you sign in.",
        factors_removed: "The second factor was taken away: a password alone signs in.",
        codes_made: "New recovery codes were made. The old ones are worth nothing.",
        code_used: "A recovery code was used.",
        passkey_added: "A passkey was added: it signs in.",
        passkey_removed: "A passkey was removed.",
        linked: "An account at {provider} was linked: it signs in.",
    },
    ways: Ways { passkey: "a passkey", school: "the sign-in of your school" },
};

use super::{Ask, Done, Words};

pub(super) static WORDS: Words = Words {
    start_page: "Go to the start page",
    go_on: "Go on to where you were going",
    verify: Ask {
        title: "Verify your email address",
        lead: "One click, and your lessons and the tutor are open to you as {email}.",
        button: "Verify my address",
    },
    verified: Done { title: "Your address is verified", text: "Your courses are open to you." },
    confirm_change: Ask {
        title: "Change your email address?",
        lead: "The account {email} is to move to {new}. A mail to the new address follows.",
        button: "Yes, change my address",
    },
    change_mailed: Done {
        title: "Now look into the other mailbox",
        text: "We have written to the new address. Open the link there, and the account moves.",
    },
    take_address: Ask {
        title: "Verify your new email address",
        lead: "The account {email} moves to {new}. Your other devices are signed out.",
        button: "Use this address",
    },
    address_taken: Done {
        title: "Your address was changed",
        text: "From now on you sign in with the new one.",
    },
    choose_password: Ask {
        title: "Choose a new password",
        lead: "For the account {email}. All your devices are signed out.",
        button: "Set the password",
    },
    new_password: "New password",
    again: "The same again",
    rules: "At least 12 characters, with an upper-case letter, a lower-case letter, a digit and \
            another character.",
    differ: "The two passwords differ.",
    too_short: "The password is too short: use at least 12 characters.",
    too_plain: "Use an upper-case letter, a lower-case letter, a digit and another character.",
    too_common: "This is one of the passwords that are tried first. Choose another.",
    too_long: "The password is too long.",
    password_chosen: Done { title: "Your password was changed", text: "Sign in with the new one." },
    delete: Ask {
        title: "Delete your account?",
        lead: "The account {email} and all that belongs to it, your conversations too, go for \
               good.",
        button: "Delete my account for good",
    },
    deleted: Done { title: "Your account was deleted", text: "Nothing of it is left." },
    last_admin: Done {
        title: "Your account stays",
        text: "You are the last admin. Make somebody else an admin first.",
    },
    sign_in_first: Done {
        title: "Sign in first",
        text: "This link works where you are signed in. Sign in, then open it again.",
    },
    expired: Done {
        title: "This link does not work",
        text: "This link is older than an hour. Ask for a new one.",
    },
    invalid: Done {
        title: "This link does not work",
        text: "This link is not valid, or it was used. Ask for a new one.",
    },
    failed: Done {
        title: "Something went wrong",
        text: "That did not work ({code}). Go back and try again.",
    },
};

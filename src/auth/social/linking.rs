//! Whether somebody whom a provider vouches for is somebody whom we know: rules alone.
//!
//! The provider's subject decides. An address only ever leads into an account if both sides say that
//! it is verified and the provider's word on it counts (attacks D8, D9).

use super::Profile;
use crate::{config::LinkByEmail, domain::email::Email, store::users::User};

/// What is done with somebody whose account at the provider is nobody's here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Her account here, by its verified address.
    Link,
    /// A new account.
    Create(Email),
    /// The account of this address is not shown to be hers.
    NotLinked,
    /// As [`Decision::NotLinked`]; but the address is shown to be hers and not to be the account's:
    /// whoever made that loses it (pre-hijacking).
    Wipe,
    NoEmail,
    Closed,
}

/// What the operator allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub link: LinkByEmail,
    pub sign_up: bool,
}

pub(super) fn decide(profile: &Profile, found: Option<&User>, rules: Rules) -> Decision {
    let email = profile.email.as_deref().and_then(|text| Email::parse(text).ok());
    let Some(email) = email else { return Decision::NoEmail };
    let counts = match rules.link {
        LinkByEmail::Authoritative => profile.authoritative,
        LinkByEmail::Verified => true,
        LinkByEmail::Never => false,
    };
    let hers = profile.email_verified && counts;
    match found {
        Some(user) if hers && user.email_verified => Decision::Link,
        Some(_) if hers => Decision::Wipe,
        Some(_) => Decision::NotLinked,
        None if !rules.sign_up => Decision::Closed,
        None => Decision::Create(email),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::role::Role, store::users::tests::person};

    fn profile(verified: bool, authoritative: bool) -> Profile {
        Profile {
            subject: "1".to_owned(),
            email: Some("Ada@School.example".to_owned()),
            email_verified: verified,
            authoritative,
            ..Profile::default()
        }
    }

    /// Attack D8, each way: who is linked by an address, who is not, who loses the account.
    #[test]
    fn an_address_links_only_if_both_sides_verified_it_and_the_providers_word_counts() {
        use LinkByEmail::{Authoritative, Never, Verified};
        for (link, verified, authoritative, here_verified, decision) in [
            (Authoritative, true, true, true, Decision::Link),
            (Authoritative, true, false, true, Decision::NotLinked),
            (Authoritative, false, true, true, Decision::NotLinked),
            (Authoritative, true, true, false, Decision::Wipe),
            (Authoritative, true, false, false, Decision::NotLinked),
            (Authoritative, false, true, false, Decision::NotLinked),
            (Verified, true, false, true, Decision::Link),
            (Verified, true, false, false, Decision::Wipe),
            (Verified, false, true, true, Decision::NotLinked),
            (Never, true, true, true, Decision::NotLinked),
            (Never, true, true, false, Decision::NotLinked),
        ] {
            let mut ada = person("ada", Role::Student);
            ada.email_verified = here_verified;
            let rules = Rules { link, sign_up: true };
            let decided = decide(&profile(verified, authoritative), Some(&ada), rules);
            assert_eq!(decided, decision, "{link:?} {verified} {authoritative} {here_verified}");
        }
    }

    #[test]
    fn the_unknown_get_an_account_if_they_have_an_address_and_signing_up_is_open() {
        let open = Rules { link: LinkByEmail::Authoritative, sign_up: true };
        let closed = Rules { sign_up: false, ..open };
        let email = Email::parse("ada@school.example").unwrap();

        assert_eq!(decide(&profile(false, false), None, open), Decision::Create(email));
        assert_eq!(decide(&profile(true, true), None, closed), Decision::Closed);
        let silent = Profile { email: None, ..profile(true, true) };
        assert_eq!(decide(&silent, None, open), Decision::NoEmail);
    }
}

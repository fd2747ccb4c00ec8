//! ID tokens of ours that apps show again, to say whose sign-in they mean (`id_token_hint`, OpenID
//! Connect RP-Initiated Logout 1.0 §2). One that has expired says it as well as a fresh one.

use jsonwebtoken::Validation;
use serde::Deserialize;

use crate::{
    auth::{Auth, Identity, jwt},
    domain::ids::{SessionId, UserId},
};

/// The type of ID tokens, where they say one.
const ID_TOKEN: &str = "jwt";

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    sid: Option<SessionId>,
}

/// What an ID token says that we issued.
#[derive(Debug)]
pub(crate) struct Hint {
    subject: UserId,
    session: Option<SessionId>,
    clients: Vec<String>,
    party: Option<String>,
}

impl Hint {
    /// Whether it was issued within this very sign-in of this person.
    pub(crate) fn is_of(&self, who: &Identity) -> bool {
        self.subject == who.user.id && self.session.as_ref().is_none_or(|sid| *sid == who.session)
    }

    /// Whom it is about.
    pub(super) fn into_subject(self) -> String {
        self.subject.as_str().to_owned()
    }

    /// Whether it was issued to this app.
    pub(crate) fn is_for(&self, client: &str) -> bool {
        self.clients.iter().any(|own| own == client)
    }

    /// The one app that it was issued to.
    pub(crate) fn client(&self) -> Option<&str> {
        match (&self.party, self.clients.as_slice()) {
            (Some(party), _) => Some(party),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl Auth {
    /// What the ID token says, if it is one of ours: signed by a key that is still published. Other
    /// kinds of tokens are none, whoever signed them (attack D16).
    pub(crate) async fn open_hint(&self, jwt: &str) -> Option<Hint> {
        let header = jwt::header(jwt)?;
        if jwt::type_of(&header).is_some_and(|typ| typ != ID_TOKEN) {
            return None;
        }
        let (algorithm, key) = self.keys.find(header.kid.as_deref()?).await?;
        let mut rules = Validation::new(algorithm);
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(jwt, &key, &rules).ok()?.claims;
        if claims.iss != self.issuer() {
            return None;
        }
        let clients = match claims.aud {
            Audience::One(one) => vec![one],
            Audience::Many(many) => many,
        };
        let Claims { sub: subject, sid: session, azp: party, .. } = claims;
        Some(Hint { subject, session, clients, party })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::SECOND, oidc::alg::SigningAlg};

    impl Auth {
        pub(crate) fn now_s(&self) -> i64 {
            self.clock.now().0 / SECOND
        }

        /// Any claims as any type of token, with our own key.
        pub(crate) fn sign_for_tests(&self, typ: &str, claims: &serde_json::Value) -> String {
            self.sign(SigningAlg::Rs256, Some(typ), claims).unwrap()
        }

        pub(crate) fn is_signed_by_us(&self, jwt: &str) -> bool {
            let kid = jsonwebtoken::decode_header(jwt).unwrap().kid.unwrap();
            let (algorithm, key) = self.keys.verifier(&kid).unwrap();
            let mut rules = Validation::new(algorithm);
            rules.validate_exp = false;
            rules.validate_aud = false;
            jsonwebtoken::decode::<serde_json::Value>(jwt, &key, &rules).is_ok()
        }
    }
}

//! Secrets that must be read again, kept so that a copy of the database is worth nothing:
//! AES-256-GCM under a key of one purpose, bound to the place where they are kept.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::{AuthError, secret::Secret};
use crate::domain::ids::Ids;

pub(super) struct Sealer(LessSafeKey);

impl Sealer {
    /// `purpose`: what is sealed for one is not opened for another.
    pub(super) fn new(secret: &Secret, purpose: &str) -> Result<Self, AuthError> {
        UnboundKey::new(&AES_256_GCM, &secret.key_for(purpose))
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| AuthError::Broken("AES-256-GCM is not to be had".to_owned()))
    }

    /// `place`: whose it is; opened only there.
    pub(super) fn seal(&self, text: &str, place: &str, ids: &dyn Ids) -> Result<String, AuthError> {
        Ok(STANDARD.encode(self.sealed(text, place, ids)?))
    }

    /// As [`Sealer::seal`], in characters that stand for themselves in a URL.
    pub(super) fn seal_for_url(
        &self,
        text: &str,
        place: &str,
        ids: &dyn Ids,
    ) -> Result<String, AuthError> {
        Ok(URL_SAFE_NO_PAD.encode(self.sealed(text, place, ids)?))
    }

    fn sealed(&self, text: &str, place: &str, ids: &dyn Ids) -> Result<Vec<u8>, AuthError> {
        let mut nonce = [0; NONCE_LEN];
        ids.fill(&mut nonce);
        let mut sealed = text.as_bytes().to_vec();
        let (unique, place) = (Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()));
        self.0
            .seal_in_place_append_tag(unique, place, &mut sealed)
            .map_err(|_| AuthError::Broken("a secret cannot be sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Fails if it was sealed with another server secret, for another place, or changed.
    pub(super) fn open(&self, sealed: &str, place: &str) -> Result<String, AuthError> {
        self.opened(&STANDARD.decode(sealed).map_err(|_| broken())?, place)
    }

    pub(super) fn open_from_url(&self, sealed: &str, place: &str) -> Result<String, AuthError> {
        self.opened(&URL_SAFE_NO_PAD.decode(sealed).map_err(|_| broken())?, place)
    }

    fn opened(&self, bytes: &[u8], place: &str) -> Result<String, AuthError> {
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| broken())?;
        String::from_utf8(opened.to_vec()).map_err(|_| broken())
    }
}

fn broken() -> AuthError {
    AuthError::Broken("a sealed secret does not open: was auth.secret changed?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::tests::SECRET, domain::ids::SeededIds};

    #[test]
    fn what_is_sealed_opens_at_its_own_place_and_for_its_own_purpose() {
        let (secret, ids) = (Secret::new(SECRET).unwrap(), SeededIds::new(1));
        let keeper = Sealer::new(&secret, "a").unwrap();

        let sealed = keeper.seal("JBSWY3DP", "ada", &ids).unwrap();

        assert!(!sealed.contains("JBSWY3DP"));
        assert_eq!(keeper.open(&sealed, "ada").unwrap(), "JBSWY3DP");
        assert!(keeper.open(&sealed, "bob").is_err());
        assert!(Sealer::new(&secret, "b").unwrap().open(&sealed, "ada").is_err());
        for broken in ["", "AAAA", "%", &sealed[..sealed.len() - 4]] {
            assert!(keeper.open(broken, "ada").is_err(), "{broken}");
        }
        assert_ne!(keeper.seal("JBSWY3DP", "ada", &ids).unwrap(), sealed);

        let sealed = keeper.seal_for_url("JBSWY3DP", "ada", &ids).unwrap();
        assert!(sealed.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)));
        assert_eq!(keeper.open_from_url(&sealed, "ada").unwrap(), "JBSWY3DP");
        assert!(keeper.open_from_url(&sealed, "bob").is_err());
    }
}

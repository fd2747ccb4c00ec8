//! Password hashes that other programs made: they are checked as those programs do, and replaced by
//! one of ours at the first sign-in. None is made here.
//!
//! bcrypt cuts a password at 72 bytes; that is kept for its hashes alone, so that people get in once.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time::verify_slices_are_equal, pbkdf2};
use base64::{
    Engine,
    alphabet::STANDARD as LETTERS,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::domain::password::Password;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &LETTERS,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// More work than any program asks for; a hash that does would hold a thread for minutes.
const MOST_ROUNDS: u32 = 20_000_000;
const MOST_BCRYPT_COST: u32 = 16;
/// Better-Auth's: N = 2^14, r = 16, p = 1, 64 bytes.
const SCRYPT: (u8, u32, u32) = (14, 16, 1);
const SCRYPT_KEY: usize = 64;
const LONGEST_KEY: usize = 64;

/// A hash of another program, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Imported {
    /// `$2a$`, `$2b$`, `$2y$`.
    Bcrypt(String),
    /// Better-Auth's `salt:key`. The salt's hexadecimal text is the salt.
    Scrypt { salt: String, key: Vec<u8> },
    /// Django's `pbkdf2_sha256$…`, passlib's and PHC's `$pbkdf2-sha256$…`.
    Pbkdf2 { sha512: bool, rounds: NonZeroU32, salt: Vec<u8>, key: Vec<u8> },
}

impl Imported {
    /// Nothing if it is of none of these kinds, or damaged.
    pub(super) fn read(hash: &str) -> Option<Self> {
        if ["$2a$", "$2b$", "$2y$"].iter().any(|start| hash.starts_with(start)) {
            let parts: bcrypt::HashParts = hash.parse().ok()?;
            let sane = parts.get_cost() <= MOST_BCRYPT_COST;
            return sane.then(|| Self::Bcrypt(hash.to_owned()));
        }
        if hash.starts_with("$pbkdf2-") || hash.starts_with("pbkdf2_") {
            return pbkdf2(hash);
        }
        let (salt, key) = hash.split_once(':')?;
        let key = unhex(key)?;
        let fits = key.len() == SCRYPT_KEY && !salt.is_empty() && unhex(salt).is_some();
        fits.then(|| Self::Scrypt { salt: salt.to_owned(), key })
    }

    /// Whether `password` gave it. All that depends on what is secret is compared in constant time.
    /// A zero byte is never part of it: to HMAC one at the end is nothing (attack A12).
    pub(super) fn matches(&self, password: &Password) -> bool {
        let fits = self.fits(password);
        fits && !password.as_typed().contains(&0)
    }

    fn fits(&self, password: &Password) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password.as_typed(), hash).unwrap_or(false),
            Self::Scrypt { salt, key } => {
                let (log_n, r, p) = SCRYPT;
                let Ok(params) = scrypt::Params::new(log_n, r, p) else { return false };
                let mut ours = [0; SCRYPT_KEY];
                scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut ours).is_ok()
                    && verify_slices_are_equal(&ours, key).is_ok()
            }
            Self::Pbkdf2 { sha512, rounds, salt, key } => {
                let sha256 = pbkdf2::PBKDF2_HMAC_SHA256;
                let kind = if *sha512 { pbkdf2::PBKDF2_HMAC_SHA512 } else { sha256 };
                pbkdf2::verify(kind, *rounds, salt, password.as_typed(), key).is_ok()
            }
        }
    }
}

fn pbkdf2(hash: &str) -> Option<Imported> {
    let django = !hash.starts_with('$');
    let mut parts = hash.trim_start_matches('$').split('$');
    let sha512 = match parts.next()? {
        "pbkdf2_sha256" | "pbkdf2-sha256" => false,
        "pbkdf2_sha512" | "pbkdf2-sha512" => true,
        _ => return None,
    };
    let rounds = parts.next()?;
    // PHC writes `i=1000,l=32`, the others `1000`.
    let rounds = rounds.split(',').find_map(|it| it.strip_prefix("i=")).unwrap_or(rounds);
    let rounds: NonZeroU32 = rounds.parse().ok()?;
    let (salt, key) = (parts.next()?, parts.next()?);
    let salt = if django { salt.as_bytes().to_vec() } else { unbase64(salt)? };
    let key = unbase64(key)?;
    let fits = parts.next().is_none()
        && rounds.get() <= MOST_ROUNDS
        && (16..=LONGEST_KEY).contains(&key.len());
    fits.then_some(Imported::Pbkdf2 { sha512, rounds, salt, key })
}

/// passlib writes `.` for `+`.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('.', "+")).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut digits = text.chars();
    while let Some(high) = digits.next() {
        let byte = high.to_digit(16)? * 16 + digits.next()?.to_digit(16)?;
        bytes.push(u8::try_from(byte).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const PASSWORD: &str = "Owl-Lamp-7 road";
    /// Made by Node: `scryptSync(password.normalize("NFKC"), salt, 64, {N: 16384, r: 16, p: 1})`,
    /// and by Python's `hashlib.scrypt`.
    pub(crate) const BY_BETTER_AUTH: &str = "00112233445566778899aabbccddeeff:\
        c0e4a7d9cb2e37a7b3551da0309c81e64a1caa794d56e06914c7736e507750ef\
        88133dff2de29c6fe2f2e8de172734046dec9cdac10487d013fcc1fccd7f31a5";
    /// Made by libxcrypt, of 72 letters.
    pub(crate) const BY_BCRYPT: &str =
        "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q";

    fn matches(hash: &str, password: &str) -> bool {
        Imported::read(hash).unwrap().matches(&Password::parse(password).unwrap())
    }

    #[test]
    fn a_hash_of_another_program_opens_with_its_password_alone() {
        for hash in [
            BY_BETTER_AUTH,
            // libxcrypt.
            "$2b$05$abcdefghijklmnopqrstuueWhwMaCy2dreGRRRWwVft5p/Zg1U8Um",
            "$2y$05$abcdefghijklmnopqrstuueWhwMaCy2dreGRRRWwVft5p/Zg1U8Um",
            "$2a$05$abcdefghijklmnopqrstuueWhwMaCy2dreGRRRWwVft5p/Zg1U8Um",
            // Python's `hashlib.pbkdf2_hmac`, written as Django, PHC and passlib do.
            "pbkdf2_sha256$1000$seasalt$JwVcTkygFlK1ghgI58pvg1YQj9I4c5zwRSWZhQtBl9Y=",
            "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$\
             8yzAPB6WFBzPAtApwit0WqfpFuNb4X+zSSZ02J4JUdc",
            "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$\
             8yzAPB6WFBzPAtApwit0WqfpFuNb4X.zSSZ02J4JUdc",
            "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODw$\
             q+YF8C0SD/vw5TCGewJvJq3JTL9RafFdvvKkmyf7oKATABIBT1eHJRnQTs/BUY7oS62POax4zGjCe2nh3I9nnw",
        ] {
            assert!(matches(hash, PASSWORD), "{hash}");
            assert!(!matches(hash, "Owl-Lamp-7 roae"), "{hash}");
            assert!(!matches(hash, "Owl-Lamp-7 road\0"), "{hash}");
        }
    }

    #[test]
    fn each_program_folds_what_was_typed_in_its_own_way() {
        // The second letter of "fine" is a ligature, which NFKC folds.
        let typed = "Übung-\u{fb01}ne-7 road";
        let by_better_auth = "00112233445566778899aabbccddeeff:\
            46b4270dfaea0c9e9c1c4f151eee35d92839248878514fdf95da976ed001b277\
            e0e211e5ea3859ccade350cafc6d79be3a543dd5ec4d4d57f2b8a1acea072bab";
        let by_django = "pbkdf2_sha256$1000$seasalt$y/NkkB3QKPOurJFT3Jrwcfx9UYy18bRUzQnvtHJpaJo=";

        assert!(matches(by_better_auth, typed) && matches(by_better_auth, "Übung-fine-7 road"));
        assert!(matches(by_django, typed) && !matches(by_django, "Übung-fine-7 road"));
    }

    /// Attack A12: what bcrypt does not see.
    #[test]
    fn bcrypt_sees_72_bytes() {
        assert!(matches(BY_BCRYPT, &"x".repeat(72)));
        assert!(matches(BY_BCRYPT, &"x".repeat(100)));
        assert!(!matches(BY_BCRYPT, &"x".repeat(71)));
    }

    #[test]
    fn what_is_damaged_or_asks_for_too_much_is_not_read() {
        for bad in [
            "",
            "plain",
            "a:b",
            "00:00",
            "$2x$05$abcdefghijklmnopqrstuueWhwMaCy2dreGRRRWwVft5p/Zg1U8Um",
            "$2b$31$abcdefghijklmnopqrstuueWhwMaCy2dreGRRRWwVft5p/Zg1U8Um",
            "$2b$05$short",
            "pbkdf2_sha1$1000$seasalt$JwVcTkygFlK1ghgI58pvg1YQj9I4c5zwRSWZhQtBl9Y=",
            "pbkdf2_sha256$0$seasalt$JwVcTkygFlK1ghgI58pvg1YQj9I4c5zwRSWZhQtBl9Y=",
            "pbkdf2_sha256$4000000000$seasalt$JwVcTkygFlK1ghgI58pvg1YQj9I4c5zwRSWZhQtBl9Y=",
            "pbkdf2_sha256$1000$seasalt$",
            "$argon2id$v=19$m=64,t=2,p=1$AAAA$AAAA",
        ] {
            assert_eq!(Imported::read(bad), None, "{bad}");
        }
    }
}

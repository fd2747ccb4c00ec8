//! Codes: of the authenticator app (RFC 6238: six digits, 30 seconds, SHA-1, which is what apps
//! understand), and for recovery.

use aws_lc_rs::hmac;
use totp_rs::{Algorithm, Builder, Secret, Totp, TotpError};

use super::{Factors, SERVICE};
use crate::{
    auth::AuthError,
    domain::{
        clock::{Millis, SECOND},
        ids::{Ids, UserId},
    },
};

/// 160 bits, as RFC 4226 §4 recommends.
pub(super) const SECRET_BYTES: usize = 20;
pub(super) const RECOVERY_CODES: usize = 10;
const HALF: usize = 5;
/// Seconds of one step, and how many steps before and after now are taken.
const STEP: u64 = 30;
const SKEW: u16 = 1;
const MAX_SERVICE: usize = 64;

pub(super) fn totp(secret: &str, account: &str, service: &str) -> Result<Totp, TotpError> {
    let secret = Secret::try_from_base32(secret).unwrap_or_else(|_| Secret::new(Box::default()));
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW)
        .with_step_duration(STEP)
        .with_secret(secret)
        .with_account_name(account)
        .with_issuer(Some(service))
        .build()
}

/// The step whose code this is, if it is one of about now.
pub(super) fn step_of(totp: &Totp, code: &str, now: Millis) -> Option<i64> {
    let plain: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.0 / SECOND).ok()?;
    totp.check(&plain, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The name that the app shows: the caller's, if it can stand in an `otpauth` address.
pub(super) fn service(wanted: Option<&str>) -> &str {
    wanted
        .filter(|name| !name.is_empty() && name.len() <= MAX_SERVICE && !name.contains(':'))
        .unwrap_or(SERVICE)
}

impl Factors {
    pub(super) fn open_secret(&self, sealed: &str, owner: &UserId) -> Result<String, AuthError> {
        self.sealer.open(sealed, owner.as_str())
    }

    pub(super) fn seal_secret(
        &self,
        secret: &str,
        owner: &UserId,
        ids: &dyn Ids,
    ) -> Result<String, AuthError> {
        self.sealer.seal(secret, owner.as_str(), ids)
    }

    /// What is kept of a recovery code; spelling does not matter, the owner does.
    pub(super) fn hash_code(&self, owner: &UserId, code: &str) -> String {
        let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let tag = hmac::sign(&self.codes, format!("{owner} {plain}").as_bytes());
        super::trust::hex(tag.as_ref())
    }

    /// What is kept of a mailed code. Six digits are soon tried out: without the server's secret
    /// their hash says nothing.
    pub(super) fn hash_mailed(&self, name: &str, owner: &UserId, code: &str) -> String {
        let plain: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let tag = hmac::sign(&self.mailed, format!("{name} {owner} {plain}").as_bytes());
        super::trust::hex(tag.as_ref())
    }
}

/// Six digits, for a mail.
pub(super) fn mailed_code(ids: &dyn Ids) -> String {
    let mut bytes = [0; 8];
    ids.fill(&mut bytes);
    format!("{:06}", u64::from_le_bytes(bytes) % 1_000_000)
}

/// Ten codes of `xxxxx-xxxxx`, about 59 bits each.
pub(super) fn recovery_codes(ids: &dyn Ids) -> Vec<String> {
    let code = || format!("{}-{}", ids.token(HALF), ids.token(HALF));
    std::iter::repeat_with(code).take(RECOVERY_CODES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = Secret::new(b"12345678901234567890".to_vec().into()).to_base32();
        let totp = totp(&secret, "ada@school.example", "School").unwrap();

        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")]
        {
            let now = Millis(seconds * SECOND);
            assert_eq!(step_of(&totp, code, now), Some(seconds / 30), "{code}");
            assert_eq!(
                step_of(&totp, &format!("{} {}", &code[..3], &code[3..]), now),
                Some(seconds / 30)
            );
            assert_eq!(step_of(&totp, code, Millis((seconds + 61) * SECOND)), None, "{code}");
        }
        for odd in ["", "28708", "2870820", "28708x", "２８７０８２"] {
            assert_eq!(step_of(&totp, odd, Millis(59 * SECOND)), None, "{odd}");
        }
    }
}

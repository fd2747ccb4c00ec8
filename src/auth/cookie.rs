//! The values of signed cookies, exactly as Better-Auth makes them, so that its client and its
//! helpers work: `token.base64(HMAC-SHA256(secret, token))`, percent-encoded.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::secret::Secret;

/// Puts the signature behind `value`. This is also what `set-auth-token` carries.
pub(crate) fn sign(secret: &Secret, value: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, value.as_bytes());
    format!("{value}.{}", STANDARD.encode(tag.as_ref()))
}

/// What [`sign`] signed, or nothing. Compares in constant time.
pub(crate) fn open(secret: &Secret, signed: &str) -> Option<String> {
    let (value, signature) = signed.rsplit_once('.')?;
    let signature = STANDARD.decode(signature).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, value.as_bytes(), &signature).ok()?;
    Some(value.to_owned())
}

/// `encodeURIComponent` for what [`sign`] makes: letters, digits, `.`, and base64.
pub(crate) fn escape(signed: &str) -> String {
    signed.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// Undoes `encodeURIComponent`. Nothing for a value that no such function made.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("better-auth-secret-123456789012345").unwrap()
    }

    /// The value was computed apart from this program, with Python's `hmac` and `urllib.parse`:
    /// `quote(t + "." + b64encode(hmac.new(secret, t, "sha256").digest()), safe="")`.
    #[test]
    fn a_signed_cookie_is_what_better_auth_makes() {
        let signed = sign(&secret(), "AbCdEfGhIjKlMnOpQrStUvWxYz012345");

        assert_eq!(escape(&signed), KNOWN);
        assert_eq!(
            open(&secret(), &unescape(KNOWN).unwrap()).as_deref(),
            Some("AbCdEfGhIjKlMnOpQrStUvWxYz012345")
        );
    }

    const KNOWN: &str =
        "AbCdEfGhIjKlMnOpQrStUvWxYz012345.CpS9FMalxoN9CvW0vbd%2F8XkB%2BaHfWeMGYTlAIQ4o9qY%3D";

    #[test]
    fn a_changed_value_or_signature_opens_nothing() {
        let signed = sign(&secret(), "token");

        assert_eq!(open(&secret(), &signed.replace("token", "tokem")), None);
        assert_eq!(open(&secret(), "token"), None);
        assert_eq!(open(&secret(), "token."), None);
        let other = Secret::new("another-secret-of-at-least-32-bytes").unwrap();
        assert_eq!(open(&other, &signed), None);
    }

    #[test]
    fn a_badly_escaped_value_is_none() {
        assert_eq!(unescape("a%2Bb").as_deref(), Some("a+b"));
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }
}

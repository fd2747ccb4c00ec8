//! What every reader of a signed token looks at before it believes anything.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Header;
use serde::{Deserialize, de::DeserializeOwned};

/// A token of ours is below 1 KiB, those of others seldom above 2; nothing larger is parsed.
pub(super) const MAX_LENGTH: usize = 8 * 1_024;
/// The type of access tokens (RFC 9068 §2.1).
pub(super) const ACCESS: &str = "at+jwt";

/// The header, if it asks for nothing that we do not understand: `crit` names what a verifier must
/// know, and we know none (RFC 7515 §4.1.11); a body that is not encoded (RFC 7797) is refused
/// without `crit` too. Keys that it brings along (jwk, jku, x5u, x5c) are
/// never looked at, and `alg` "none" does not parse.
pub(super) fn header(jwt: &str) -> Option<Header> {
    if jwt.len() > MAX_LENGTH {
        return None;
    }
    let header = jsonwebtoken::decode_header(jwt).ok()?;
    let encoded = header.extras.inner().get("b64").is_none_or(|it| *it == true);
    let plain = header.crit.is_none() && header.enc.is_none() && header.zip.is_none();
    (plain && encoded).then_some(header)
}

/// The type that the header says, in lower case and without the `application/` that may stand
/// before it (RFC 7515 §4.1.9).
pub(super) fn type_of(header: &Header) -> Option<String> {
    let typ = header.typ.as_deref()?.to_ascii_lowercase();
    Some(typ.strip_prefix("application/").map_or_else(|| typ.clone(), str::to_owned))
}

/// Whose token it says it is. Proves nothing: it chooses who checks it.
pub(super) fn claimed_issuer(jwt: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
    }
    claimed::<Claims>(jwt).map(|claims| claims.iss)
}

/// Which app's token it says it is, as a name that the store can be asked for. Proves nothing.
pub(super) fn claimed_client(jwt: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        client_id: String,
    }
    let id = claimed::<Claims>(jwt)?.client_id;
    (!id.chars().any(char::is_control)).then_some(id)
}

fn claimed<T: DeserializeOwned>(jwt: &str) -> Option<T> {
    if jwt.len() > MAX_LENGTH {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

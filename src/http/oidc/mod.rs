//! The OpenID Provider over HTTP, within `/api/auth`: endpoints of RFC 6749 and its kin, and the
//! pages on which people sign in and agree.

pub(crate) mod client_auth;
pub(crate) mod error;
pub(crate) mod params;

//! The provider over HTTP, as its clients see it. Attack ids are those of `oidc.md` §3.

mod clients;
mod discovery;
mod registration;

//! All integration tests in one binary: linking is what costs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should fail there"
)]

mod architecture;
mod away;
mod chaos;
mod database;
mod dependencies;
mod imports;
mod keys;
mod live;
mod load;
mod logout;
mod mail;
mod model;
mod nodes;
mod oidc_tokens;
mod roles;
mod support;
mod terminal;
mod wire;

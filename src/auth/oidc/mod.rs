//! The OpenID Provider's rules: which app may ask for what, who is asked, what is issued.
//!
//! What an app was granted is a session of ours (`client_id` in its row), so that all that ends
//! sessions ends it.

pub(crate) mod client;
pub(crate) mod client_keys;
mod settings;

pub(crate) use settings::Settings;

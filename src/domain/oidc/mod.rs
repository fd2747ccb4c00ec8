//! The OpenID Provider's words: what an app may ask for, what it registered, what was granted.

pub mod alg;
pub mod client;
mod fields;
pub mod granted;
pub mod redirect;
pub mod register;
pub mod reply;
pub mod request;
pub mod scope;

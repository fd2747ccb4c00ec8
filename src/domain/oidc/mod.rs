//! The OpenID Provider's words: what an app may ask for, what it registered, what was granted.

pub mod alg;
pub mod client;
pub mod granted;
pub mod scope;

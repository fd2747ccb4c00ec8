//! The frames of `tutor.v1.json` (`live.md` §2): what a client may ask, what the server says.

pub mod feed;
pub mod frame;
pub mod limits;
pub mod parse;
pub mod request;
#[cfg(test)]
mod typescript;

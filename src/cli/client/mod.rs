//! A client of the live protocol, for `chat` and `load`: signing in, one socket, the copy of a
//! thread, and when to come back. What it knows of the server is `live.md` alone.

pub(crate) mod door;
pub(crate) mod link;
pub(crate) mod nodes;
pub(crate) mod replica;
pub(crate) mod retry;
pub(crate) mod wire;

//! Keys that others publish: what of a set is believed, and for how long. An issuer's for whose
//! tokens we take, a client's for how it proves itself.

pub(super) mod cache;
pub(super) mod key_set;

//! Floor 0: values and rules on values. No I/O, no runtime, no framework's request or actor.

pub mod clock;
pub mod ids;
pub mod role;
pub mod stage;

//! Floor 0: values and rules on values. No I/O, no runtime, no framework's request or actor.

pub mod address;
pub mod bucket;
pub mod chunk;
pub mod clock;
pub mod close;
pub mod code;
pub mod course;
pub mod email;
pub mod event;
pub mod hint;
pub mod ids;
pub mod intent;
pub mod item;
pub mod live;
pub mod lockout;
pub mod normal;
pub mod origin;
pub mod password;
pub mod quiz;
pub mod quota;
pub mod resume;
pub mod return_url;
pub mod role;
pub mod stage;
pub mod title;
pub mod words;

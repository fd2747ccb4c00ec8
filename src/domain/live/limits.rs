//! The limits of the live protocol (`live.md` §2). Those that an operator may change are in the
//! configuration instead.

/// The subprotocol; its name is the version.
pub const SUBPROTOCOL: &str = "tutor.v1.json";
/// A ticket comes as a second subprotocol with this in front.
pub const TICKET_PREFIX: &str = "tutor.ticket.";
/// Bytes of one message, fragments joined.
pub const MESSAGE: usize = 64 * 1024;
/// Bytes of the first frame.
pub const HELLO: usize = 8 * 1024;
/// Unicode scalar values of a question.
pub const TEXT: usize = 8_000;
pub const QUOTE: usize = 2_000;
pub const MESSAGE_ID: usize = 128;
pub const HISTORY_PAGE: i64 = 50;
pub const HISTORY_PAGE_MAX: i64 = 100;
/// Items of a snapshot.
pub const SNAPSHOT_ITEMS: i64 = 50;
/// A longer gap is bridged by a snapshot.
pub const REPLAY: i64 = 256;
pub const TITLE: usize = 200;
/// Of a feedback's or a kick's reason.
pub const REASON: usize = 2_000;
/// Of a notice from staff.
pub const NOTICE: usize = 2_000;

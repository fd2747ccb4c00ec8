//! The error codes of `live.md` §2.6. The same codes serve the WebSocket and HTTP.

use serde::{Deserialize, Serialize};

/// Why a request was refused or a turn failed, for a program to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Code {
    BadRequest,
    UnknownType,
    NotFound,
    Forbidden,
    StageLocked,
    EmailUnverified,
    QuotaExceeded,
    RateLimited,
    BusyTurn,
    TurnEnded,
    TooLarge,
    Conflict,
    Moderation,
    UpstreamError,
    UpstreamTimeout,
    StoreUnavailable,
    ReadOnly,
    Overloaded,
    Internal,
}

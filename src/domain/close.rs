//! Why a socket is closed. The range tells the client what to do (`live.md` §2.5): stop (40xx),
//! get a new ticket (41xx), back off (42xx), come back at once and resume (43xx).

macro_rules! closes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Close { $($(#[$doc])* $name),* }

        impl Close {
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code),* }
            }

            /// The name that the Close frame carries.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

closes! {
    Normal = 1000 "bye",
    /// The next three are WebSocket's own (RFC 6455 §7.4.1).
    Protocol = 1002 "protocol_error",
    NotText = 1007 "not_utf8",
    TooLarge = 1009 "too_large",
    BadFrame = 4000 "bad_frame",
    UnsupportedVersion = 4001 "unsupported_version",
    Forbidden = 4002 "forbidden",
    Kicked = 4003 "kicked",
    ConnectionLimit = 4004 "connection_limit",
    Banned = 4005 "banned",
    /// The same stay was opened elsewhere.
    Replaced = 4006 "replaced",
    /// No hello within 5 s.
    AuthTimeout = 4100 "auth_timeout",
    TokenInvalid = 4101 "token_invalid",
    TokenExpired = 4102 "token_expired",
    SessionRevoked = 4103 "session_revoked",
    TicketUsed = 4104 "ticket_used",
    Overloaded = 4200 "overloaded",
    RateLimited = 4201 "rate_limited",
    StoreUnavailable = 4202 "store_unavailable",
    Internal = 4203 "internal",
    GoingAway = 4300 "going_away",
    SlowConsumer = 4301 "slow_consumer",
    NoHeartbeat = 4302 "no_heartbeat",
    Resync = 4303 "resync",
}

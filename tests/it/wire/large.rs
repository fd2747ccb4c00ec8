//! Clients that say too much.

use super::{Peer, field, is_served, resident};
use crate::support::{
    person::Person,
    server::{Home, Server},
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// KiB that a server may grow by while it refuses one client.
const LITTLE: u64 = 24 * 1024;

/// Calls that read bodies, each with the kind of body it takes.
const CALLS: [(&str, &str); 6] = [
    ("POST /api/auth/sign-in/email", JSON),
    ("POST /api/auth/sign-in/email", FORM),
    ("POST /api/auth/oauth2/register", JSON),
    ("POST /api/auth/oauth2/token", FORM),
    ("POST /api/auth/oauth2/authorize", FORM),
    ("PATCH /api/v1/threads/thr_1", JSON),
];

struct World {
    server: Server,
    /// Headers of a student who is signed in.
    student: String,
    _home: Home,
}

impl World {
    async fn new() -> Self {
        let home = Home::with(&[
            ("INTELLISTACK__TUTOR__PACE_MS", "0"),
            ("INTELLISTACK__OIDC__REGISTRATION", "open"),
        ]);
        let server = home.start();
        let student = Person::demo(&server, "student").await;
        let student = format!("Origin: {}\r\nCookie: {}\r\n", student.url, student.cookie);
        Self { server, student, _home: home }
    }

    fn head(&self, call: &str, kind: &str, more: &str) -> String {
        // Account calls do not need her.
        let who = if call.contains("/api/v1/") { self.student.as_str() } else { "" };
        format!("{call} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n{who}{more}\r\n")
    }

    /// Floods a connection that has said `start`; gives what is answered.
    fn flood(&self, start: &str, bytes: &[u8], times: usize) -> String {
        let before = resident(&self.server);
        let mut peer = Peer::open(&self.server.address());
        peer.say(start.as_bytes());
        let heard = peer.flood(bytes, times);
        let grown = resident(&self.server).saturating_sub(before);
        assert!(grown < LITTLE, "{grown} KiB more after {start}");
        assert!(is_served(&self.server.address()));
        heard
    }
}

/// Attack E4: a million headers, cookies of 64 kB and more, a URL or a header without end.
#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431_and_the_connection_ends() {
    let world = World::new().await;
    let start = "GET /healthz HTTP/1.1\r\nHost: a\r\n";
    let long = vec![b'a'; 64 * 1024];
    let cookie = format!("{start}Cookie: a=");
    let second = format!("{start}\r\n{cookie}");
    let whole = |kib: usize| format!("{cookie}{}\r\n\r\n", "a".repeat(kib * 1024));
    for (start, bytes, times) in [
        (start, b"a: b\r\n".repeat(1_000), 1_000),
        (start, b"a: b\r\n".repeat(100), 1),
        (&whole(33), Vec::new(), 0),
        (&whole(64), Vec::new(), 0),
        (&whole(120), Vec::new(), 0),
        (&cookie, long.clone(), 100),
        ("GET /", long.clone(), 100),
        ("GET", long.clone(), 100),
        (start, long.clone(), 100),
    ] {
        let heard = world.flood(start, &bytes, times);
        let start = &start[..start.len().min(60)];
        assert!(heard.starts_with("HTTP/1.1 431 "), "{start}: {heard}");
    }
    let heard = world.flood(&second, &long, 100);
    assert!(heard.starts_with("HTTP/1.1 200 ") && heard.contains("HTTP/1.1 431 "), "{heard}");

    // What is within the limit is served.
    let mut peer = Peer::open(&world.server.address());
    peer.say(whole(31).as_bytes());
    assert!(peer.answer().0.starts_with("HTTP/1.1 200 "));
}

/// Attack E4: bodies over the limit, their length said or not.
#[tokio::test]
async fn a_body_that_is_too_large_is_answered_413_and_the_connection_ends() {
    let world = World::new().await;
    let spaces = vec![b' '; 64 * 1024];
    let chunk = [&b"10000\r\n"[..], &spaces, b"\r\n"].concat();
    for (call, kind) in CALLS {
        for (length, bytes) in [
            ("Content-Length: 1000000000\r\n", &spaces),
            ("Transfer-Encoding: chunked\r\n", &chunk),
        ] {
            let heard = world.flood(&world.head(call, kind, length), bytes, 200);
            assert!(heard.starts_with("HTTP/1.1 413 "), "{call} {length}: {heard}");
            assert!(heard.contains("connection: close"), "{call} {length}: {heard}");
        }
    }
}

/// Attack E4: JSON that nests ten thousand deep would use up the stack of whoever follows it.
#[tokio::test]
async fn json_that_nests_ten_thousand_deep_is_refused() {
    let world = World::new().await;
    let list = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let object = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let within = |field: &str| format!("{{\"{field}\":{list}}}");
    for (call, kind) in CALLS {
        for body in [
            list.clone(),
            object.clone(),
            within("email"),
            within("title"),
            within("redirect_uris"),
            format!("client_id=a&claims={list}&request={list}"),
            "[".repeat(10_000),
        ] {
            let length = format!("Content-Length: {}\r\n", body.len());
            let mut peer = Peer::open(&world.server.address());
            peer.say(world.head(call, kind, &length).as_bytes());
            peer.say(body.as_bytes());
            let (head, answer) = peer.answer();
            // Of an app that proves nothing no more is read.
            let refused = ["HTTP/1.1 400 ", "HTTP/1.1 401 "].iter().any(|it| head.starts_with(it));
            assert!(refused, "{call} {}: {head}{answer}", &body[..20]);
        }
    }
    assert!(is_served(&world.server.address()));
}

/// A gzip file of zeros, 158 times as long as this.
fn bomb(length: usize) -> Vec<u8> {
    // The one block, with fixed codes: a zero, then 258 times what stood before, again and again.
    let (block, zero, again) = ("110", "00110000", "1100010100000");
    let bits = format!("{block}{zero}{}", again.repeat(length * 8 / again.len()));
    let bytes = bits
        .as_bytes()
        .chunks(8)
        .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit == b'1')));
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(bytes).collect()
}

/// Attack E4: a small body that unfolds into a large one. None is unfolded.
#[tokio::test]
async fn a_compressed_body_is_answered_415_and_not_unfolded() {
    let world = World::new().await;
    let bomb = bomb(60_000);
    for (call, kind) in CALLS {
        for coding in ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "gzip, gzip", "x"]
        {
            for length in
                [format!("Content-Length: {}", bomb.len()), "Transfer-Encoding: chunked".to_owned()]
            {
                let more = format!("{length}\r\nContent-Encoding: {coding}\r\n");
                let request = world.head(call, kind, &more);
                let heard = world.flood(&request, &bomb, 1);
                assert!(heard.starts_with("HTTP/1.1 415 "), "{request}{heard}");
                assert_eq!(
                    field(&heard, "accept-encoding").as_deref(),
                    Some("identity"),
                    "{heard}"
                );
            }
        }
    }
    let plain = "Content-Encoding: identity\r\nContent-Length: 2\r\n";
    let mut peer = Peer::open(&world.server.address());
    peer.say(world.head("POST /api/auth/sign-in/email", JSON, plain).as_bytes());
    peer.say(b"{}");
    assert!(peer.answer().0.starts_with("HTTP/1.1 400 "));
}

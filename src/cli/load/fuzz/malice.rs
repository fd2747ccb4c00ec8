//! Frames that no honest client sends: broken as WebSocket (RFC 6455 §5), as JSON, as requests.

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

use crate::domain::live::limits;

/// Bytes for a socket, and what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// They are the first on their socket, in place of a good hello.
    pub(crate) first: bool,
    /// The connection is cut behind them.
    pub(crate) cut: bool,
}

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const MASKED: u8 = 0x80;
/// In place of a length: two bytes of it follow, or eight.
const LENGTH_16: u8 = 0x7e;
const LENGTH_64: u8 = 0x7f;
/// Levels of brackets; a parser that recurses without a limit dies of them.
const DEEP: usize = 20_000;

type Maker = fn(&mut StdRng) -> Vec<u8>;

/// On a socket that has been welcomed.
const LATER: &[(&str, Maker)] = &[
    ("random bytes", |rng| noise(rng, 1..200)),
    ("random frame", |rng| {
        let (first, payload) = (rng.random(), noise(rng, 0..300));
        frame(rng, first, &payload)
    }),
    ("random text", |rng| {
        let text = String::from_utf8_lossy(&noise(rng, 1..300)).into_owned();
        frame(rng, FIN | TEXT, text.as_bytes())
    }),
    ("broken JSON", broken_json),
    ("no object", |rng| {
        let texts = ["[]", "17", "null", "\"hello\"", "[{\"type\":\"heartbeat\"}]", ""];
        one_of(rng, &texts)
    }),
    ("deep JSON", |rng| {
        let text = format!("{{\"type\":\"send\",\"id\":7,\"text\":{}", "[".repeat(DEEP));
        frame(rng, FIN | TEXT, text.as_bytes())
    }),
    ("wrong types", wrong_types),
    ("unknown type", |rng| {
        let kind: u32 = rng.random();
        line(rng, &json!({ "type": format!("x{kind}"), "id": kind }))
    }),
    ("no type", |rng| line(rng, &json!({ "id": 3, "text": "hello" }))),
    ("out of order", out_of_order),
    ("huge field", |rng| {
        let text = "x".repeat(rng.random_range(limits::TEXT + 1..60_000));
        line(rng, &json!({ "type": "send", "id": 5, "message_id": "m", "text": text }))
    }),
    ("oversize", |rng| {
        let payload = vec![b' '; rng.random_range(limits::MESSAGE + 1..3 * limits::MESSAGE)];
        frame(rng, FIN | TEXT, &payload)
    }),
    ("oversize fragments", |rng| {
        let part = vec![b' '; 30_000];
        let kinds = [TEXT, CONTINUATION, CONTINUATION, FIN | CONTINUATION];
        kinds.into_iter().flat_map(|first| frame(rng, first, &part)).collect()
    }),
    ("bad line in a batch", |rng| {
        frame(rng, FIN | TEXT, b"{\"type\":\"heartbeat\"}\n{\"type\":\n{\"type\":\"heartbeat\"}")
    }),
    ("text within fragments", |rng| {
        let mut bytes = frame(rng, TEXT, b"{\"type\":");
        bytes.extend(frame(rng, FIN | TEXT, b"{\"type\":\"heartbeat\"}"));
        bytes
    }),
    ("continuation of nothing", |rng| frame(rng, FIN | CONTINUATION, b"\"heartbeat\"}")),
    ("reserved bits", |rng| {
        let bits = *[0x10, 0x20, 0x40, 0x70].choose(rng).unwrap_or(&0x40);
        frame(rng, FIN | TEXT | bits, b"{\"type\":\"heartbeat\"}")
    }),
    ("unknown opcode", |rng| {
        let opcode = *[0x3, 0x7, 0xb, 0xf].choose(rng).unwrap_or(&0x3);
        frame(rng, FIN | opcode, b"hello")
    }),
    ("unmasked", |_| unmasked(FIN | TEXT, b"{\"type\":\"heartbeat\"}")),
    ("binary", |rng| frame(rng, FIN | BINARY, b"{\"type\":\"heartbeat\"}")),
    ("invalid UTF-8", |rng| {
        let payload = [b"{\"type\":\"".as_slice(), &[0xc3, 0x28, 0xf0, 0x80], b"\"}"].concat();
        frame(rng, FIN | TEXT, &payload)
    }),
    ("long ping", |rng| frame(rng, FIN | PING, &[7; 200])),
    ("ping in pieces", |rng| frame(rng, PING, b"half")),
    ("bad close", |rng| {
        let payloads: [&[u8]; 4] = [&[3], &[0x03, 0xe7], &[0x03, 0xed], &[0x03, 0xe8, 0xff, 0xfe]];
        let payload = payloads.choose(rng).copied().unwrap_or_default();
        frame(rng, FIN | CLOSE, payload)
    }),
];

/// In place of a hello.
const FIRST: &[(&str, Maker)] = &[
    ("hello without a token", |rng| line(rng, &json!({ "type": "hello", "id": 1 }))),
    ("hello with a bad token", |rng| {
        let token: String = (0..64).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect();
        line(rng, &json!({ "type": "hello", "id": 1, "token": token }))
    }),
    ("wrong hello", |rng| {
        let texts = [
            "{\"type\":\"hello\",\"id\":-1,\"token\":7}",
            "{\"type\":\"hello\",\"id\":1,\"resume\":\"all\"}",
            "{\"type\":\"hello\",\"id\":1,\"resume\":[{\"thread\":7}]}",
            "{\"type\":\"hello\"}",
        ];
        one_of(rng, &texts)
    }),
    ("another first frame", |rng| {
        line(rng, &json!({ "type": "send", "id": 1, "message_id": "m", "text": "hello" }))
    }),
    ("long hello", |rng| {
        let client = "x".repeat(limits::HELLO + 1);
        line(rng, &json!({ "type": "hello", "id": 1, "client": client }))
    }),
    ("many threads", |rng| {
        let resume: Vec<_> = (0..200).map(|n| json!({ "thread": format!("thr_{n}") })).collect();
        line(rng, &json!({ "type": "hello", "id": 1, "resume": resume }))
    }),
];

/// Makes them, the same ones for the same seed.
pub(crate) struct Malice(StdRng);

impl Malice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(crate) fn next(&mut self) -> Shot {
        let rng = &mut self.0;
        let first = rng.random_ratio(1, 8);
        let makers = if first { FIRST } else { LATER };
        let (name, make) = makers.choose(rng).copied().unwrap_or(("nothing", |_| Vec::new()));
        let mut bytes = make(rng);
        // A frame that is not there as a whole makes the server wait for the rest.
        let cut = !first && rng.random_ratio(1, 16) && bytes.len() > 1;
        if cut {
            bytes.truncate(rng.random_range(1..bytes.len()));
        }
        Shot { name: if cut { "cut short" } else { name }, bytes, first, cut }
    }

    /// How long to wait before the first one, so that the sockets do not march in step.
    pub(crate) fn offset(&mut self, below: std::time::Duration) -> std::time::Duration {
        below.mul_f64(self.0.random_range(0.0..1.0))
    }
}

fn noise(rng: &mut StdRng, length: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(length)];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn one_of(rng: &mut StdRng, texts: &[&str]) -> Vec<u8> {
    let text = texts.choose(rng).copied().unwrap_or_default();
    frame(rng, FIN | TEXT, text.as_bytes())
}

fn line(rng: &mut StdRng, object: &serde_json::Value) -> Vec<u8> {
    frame(rng, FIN | TEXT, object.to_string().as_bytes())
}

fn broken_json(rng: &mut StdRng) -> Vec<u8> {
    let whole = json!({ "type": "send", "id": 9, "message_id": "m", "text": "why?" }).to_string();
    let at = rng.random_range(1..whole.len());
    let broken = match rng.random_range(0..3) {
        0 => whole.get(..at).unwrap_or_default().to_owned(),
        1 => format!("{whole}}}"),
        _ => whole.replace(':', ";"),
    };
    frame(rng, FIN | TEXT, broken.as_bytes())
}

fn wrong_types(rng: &mut StdRng) -> Vec<u8> {
    let objects = [
        json!({ "type": 7, "id": 1 }),
        json!({ "type": "send", "id": "two", "message_id": "m", "text": "x" }),
        json!({ "type": "send", "id": 4_294_967_296_i64, "message_id": "m", "text": "x" }),
        json!({ "type": "send", "id": 2, "message_id": ["m"], "text": {} }),
        json!({ "type": "send", "id": 2, "message_id": "", "text": "" }),
        json!({ "type": "open", "id": 2, "thread": null }),
        json!({ "type": "history", "id": 2, "thread": "thr_1", "limit": 1e9 }),
        json!({ "type": "history", "id": 2, "thread": "thr_1", "before": "%%%" }),
        json!({ "type": "ack", "seqs": "all" }),
        json!({ "type": "watch", "id": 2, "feed": "sessions", "filter": 7 }),
    ];
    let object = objects.choose(rng).cloned().unwrap_or_default();
    line(rng, &object)
}

fn out_of_order(rng: &mut StdRng) -> Vec<u8> {
    let objects = [
        json!({ "type": "hello", "id": 2 }),
        json!({ "type": "cancel", "id": 2, "turn": "trn_none" }),
        json!({ "type": "close", "id": 2, "thread": "thr_none" }),
        json!({ "type": "open", "id": 2, "thread": "thr_none" }),
        json!({ "type": "send", "id": 2, "thread": "thr_none", "message_id": "m", "text": "x" }),
        json!({ "type": "unwatch", "id": 2, "feed": "sessions" }),
        json!({ "type": "auth", "id": 2, "token": "none" }),
    ];
    let object = objects.choose(rng).cloned().unwrap_or_default();
    line(rng, &object)
}

/// A masked frame, as a client must send it.
fn frame(rng: &mut StdRng, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask: [u8; 4] = rng.random();
    let hidden = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let mut bytes = vec![first];
    bytes.extend(length(payload.len(), MASKED));
    bytes.extend(mask);
    bytes.extend(hidden);
    bytes
}

fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    bytes.extend(length(payload.len(), 0));
    bytes.extend(payload);
    bytes
}

fn length(bytes: usize, masked: u8) -> Vec<u8> {
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(short), _) if short < LENGTH_16 => vec![masked | short],
        (_, Ok(middle)) => [&[masked | LENGTH_16][..], &middle.to_be_bytes()].concat(),
        _ => {
            let long = u64::try_from(bytes).unwrap_or(u64::MAX);
            [&[masked | LENGTH_64][..], &long.to_be_bytes()].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_frames_and_every_kind_comes() {
        let (mut one, mut again) = (Malice::new(7), Malice::new(7));
        let shots: Vec<_> = (0..3_000).map(|_| one.next()).collect();

        assert!(shots.iter().all(|shot| *shot == again.next()));
        assert_ne!(shots[0..20], (0..20).map(|_| Malice::new(8).next()).collect::<Vec<_>>()[..]);
        let names: BTreeSet<_> = shots.iter().map(|shot| shot.name).collect();
        for (name, _) in LATER.iter().chain(FIRST) {
            assert!(names.contains(name), "{name} never came");
        }
        assert!(names.contains("cut short"));
    }

    #[test]
    fn a_masked_frame_holds_its_payload_under_the_mask() {
        let mut rng = StdRng::seed_from_u64(1);
        for size in [0, 125, 126, 70_000] {
            let payload = vec![b'x'; size];
            let bytes = frame(&mut rng, FIN | TEXT, &payload);
            let head = match size {
                0..126 => 2,
                126..65_536 => 4,
                _ => 10,
            };
            assert_eq!((bytes[0], bytes[1] & MASKED), (0x81, MASKED));
            assert_eq!(bytes.len(), head + 4 + size);
            let mask = &bytes[head..head + 4];
            assert!(bytes[head + 4..].iter().zip(mask.iter().cycle()).all(|(a, b)| a ^ b == b'x'));
        }
        assert_eq!(unmasked(FIN | TEXT, b"hi"), [0x81, 2, b'h', b'i']);
    }
}

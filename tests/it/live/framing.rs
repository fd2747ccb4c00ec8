//! RFC 6455, case by case as Autobahn's test suite numbers them: sections 1 to 7 and 10 (its 9 and
//! 12 to 13 are about sizes and compression, which the protocol leaves out). Autobahn expects an
//! echo. Here an object of an unknown type is answered with that type, valid text that is no object
//! closes with 4000, and so does binary.

use std::fmt::Write;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::support::{
    person::Person,
    raw::{BINARY, CLOSE, Heard, PING, PONG, Raw, TEXT, close, frame},
    server::{Home, Server},
};

const WHOLE: usize = usize::MAX;
/// A text frame that others follow, one in between, and the last.
const FIRST: u8 = 0x01;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;
/// `κόσμε`, of which each letter has two or three bytes.
const KOSME: &[u8] = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";

struct Case {
    id: String,
    bytes: Vec<u8>,
    /// Bytes that are written at once.
    chop: usize,
    hears: Vec<Heard>,
    close: u16,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    /// A connection that must fail with this code after it has said `hears`.
    fn fails(&mut self, id: &str, frames: &[Vec<u8>], hears: Vec<Heard>, close: u16) {
        self.chopped(id, frames, WHOLE, (hears, close));
    }

    fn chopped(
        &mut self,
        id: &str,
        frames: &[Vec<u8>],
        chop: usize,
        (hears, close): (Vec<Heard>, u16),
    ) {
        self.0.push(Case { id: id.to_owned(), bytes: frames.concat(), chop, hears, close });
    }

    /// A connection on which all is well until the client closes it.
    fn passes(&mut self, id: &str, frames: &[Vec<u8>], chop: usize, hears: Vec<Heard>) {
        let frames = [frames, &[close(1000, b"")]].concat();
        self.chopped(id, &frames, chop, (hears, 1000));
    }
}

/// An object of so many bytes in whole.
fn object(size: usize) -> Vec<u8> {
    let empty = r#"{"type":""}"#.len();
    named(&"*".repeat(size - empty))
}

fn named(kind: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}"}}"#).into_bytes()
}

/// What the server says to an object of this type.
fn echo(kind: &str) -> Heard {
    Heard::Text(format!("unknown type {kind:?}"))
}

fn echo_of(object: &[u8]) -> Heard {
    let object: Value = serde_json::from_slice(object).unwrap();
    echo(object["type"].as_str().unwrap())
}

fn pong(payload: &[u8]) -> Heard {
    Heard::Pong(payload.to_vec())
}

fn text(kind: &str) -> Vec<u8> {
    frame(TEXT, &named(kind))
}

/// The message in fragments of so many bytes.
fn fragments(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let parts: Vec<&[u8]> = message.chunks(size).collect();
    let last = parts.len() - 1;
    let head = |at: usize| u8::from(at == 0) | if at == last { 0x80 } else { 0 };
    parts.iter().enumerate().map(|(at, part)| frame(head(at), part)).collect()
}

fn framing(cases: &mut Cases) {
    let sizes = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
    for (at, size) in sizes.into_iter().enumerate() {
        let chop = if at == 7 { 997 } else { WHOLE };
        let id = |section: u8| format!("1.{section}.{}", at + 1);
        if size == 0 {
            // A message without an object is a batch of none.
            cases.passes(&id(1), &[frame(TEXT, b"")], chop, vec![]);
        } else {
            let message = object(size);
            let hears = vec![echo_of(&message)];
            cases.passes(&id(1), &[frame(TEXT, &message)], chop, hears);
        }
        let binary = frame(BINARY, &vec![0xFE; size]);
        cases.chopped(&id(2), &[binary], chop, (vec![], 4000));
    }
    let message = object(65_536);
    cases.passes("10.1.1", &fragments(&message, 1_300), WHOLE, vec![echo_of(&message)]);
}

fn pings(cases: &mut Cases) {
    let bytes = b"\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF";
    let full = [0xFE; 125];
    cases.passes("2.1", &[frame(PING, b"")], WHOLE, vec![pong(b"")]);
    cases.passes("2.2", &[frame(PING, b"Hello!")], WHOLE, vec![pong(b"Hello!")]);
    cases.passes("2.3", &[frame(PING, bytes)], WHOLE, vec![pong(bytes)]);
    cases.passes("2.4", &[frame(PING, &full)], WHOLE, vec![pong(&full)]);
    cases.fails("2.5", &[frame(PING, &[0xFE; 126])], vec![], 1002);
    cases.passes("2.6", &[frame(PING, &full)], 1, vec![pong(&full)]);
    cases.passes("2.7", &[frame(PONG, b"")], WHOLE, vec![]);
    cases.passes("2.8", &[frame(PONG, b"unasked")], WHOLE, vec![]);
    let both = [frame(PONG, b"unasked"), frame(PING, b"asked")];
    cases.passes("2.9", &both, WHOLE, vec![pong(b"asked")]);
    for (id, chop) in [("2.10", WHOLE), ("2.11", 1)] {
        let payloads: Vec<String> = (0..10).map(|n| format!("payload-{n}")).collect();
        let asked: Vec<_> = payloads.iter().map(|p| frame(PING, p.as_bytes())).collect();
        let answers = payloads.iter().map(|p| pong(p.as_bytes())).collect();
        cases.passes(id, &asked, chop, answers);
    }
}

fn reserved_bits(cases: &mut Cases) {
    let with = |bits: u8, first: u8| frame(first | bits << 4, &named("*"));
    let said = || vec![echo("*")];
    cases.fails("3.1", &[with(1, TEXT)], vec![], 1002);
    for (id, bits, chop) in [("3.2", 2, WHOLE), ("3.3", 3, 18), ("3.4", 4, 1)] {
        let frames = [text("*"), with(bits, TEXT), frame(PING, b"")];
        cases.chopped(id, &frames, chop, (said(), 1002));
    }
    cases.fails("3.5", &[with(5, BINARY)], vec![], 1002);
    cases.fails("3.6", &[with(6, PING)], vec![], 1002);
    cases.fails("3.7", &[with(7, CLOSE)], vec![], 1002);
}

fn opcodes(cases: &mut Cases) {
    for (section, first) in [(1, 3_u8), (2, 11)] {
        for n in 0..5 {
            let opcode = 0x80 | (first + n);
            let payload: &[u8] = if n % 2 == 0 && n < 4 { b"" } else { b"reserved" };
            let id = format!("4.{section}.{}", n + 1);
            if n < 2 {
                cases.fails(&id, &[frame(opcode, payload)], vec![], 1002);
            } else {
                let frames = [text("*"), frame(opcode, payload), frame(PING, b"")];
                let chop = if n == 4 { 1 } else { WHOLE };
                cases.chopped(&id, &frames, chop, (vec![echo("*")], 1002));
            }
        }
    }
}

fn fragmentation(cases: &mut Cases) {
    for (id, first) in [("5.1", 0x09), ("5.2", 0x0A)] {
        cases.fails(id, &[frame(first, b"fragment1"), frame(LAST, b"fragment2")], vec![], 1002);
    }
    let (one, two) = (br#"{"type":"frag"#, br#"ment"}"#);
    let halves = [frame(FIRST, one), frame(LAST, two)];
    let with_ping = [frame(FIRST, one), frame(PING, b"?"), frame(LAST, two)];
    // All at once, in pieces about as long as a frame, a byte at a time.
    let chops = [WHOLE, halves[0].len(), 1];
    for (at, chop) in chops.into_iter().enumerate() {
        cases.passes(&format!("5.{}", 3 + at), &halves, chop, vec![echo("fragment")]);
        let hears = vec![pong(b"?"), echo("fragment")];
        cases.passes(&format!("5.{}", 6 + at), &with_ping, chop, hears);
        for (section, first) in [(9, LAST), (12, NEXT)] {
            let frames = [frame(first, b"non-continuation"), text("*")];
            let id = format!("5.{}", section + at);
            cases.chopped(&id, &frames, chop, (vec![], 1002));
        }
    }
    let surplus = [&halves[..], &[frame(NEXT, b"surplus"), text("*")]].concat();
    cases.fails("5.15", &surplus, vec![echo("fragment")], 1002);
    for (id, first) in [("5.16", NEXT), ("5.17", LAST)] {
        let round = [&[frame(first, b"surplus")], &halves[..]].concat();
        cases.fails(id, &[round.clone(), round].concat(), vec![], 1002);
    }
    cases.fails("5.18", &[frame(FIRST, one), frame(TEXT, two)], vec![], 1002);
    // 5.19 writes in two parts.
    for id in ["5.19", "5.20"] {
        let frames = [
            frame(FIRST, br#"{"type":"f"#),
            frame(NEXT, b"ra"),
            frame(PING, b"1"),
            frame(NEXT, b"gm"),
            frame(NEXT, b"en"),
            frame(PING, b"2"),
            frame(LAST, br#"t"}"#),
        ];
        let chop = if id == "5.19" { frames[..3].concat().len() } else { WHOLE };
        cases.passes(id, &frames, chop, vec![pong(b"1"), pong(b"2"), echo("fragment")]);
    }
}

fn text_frames(cases: &mut Cases) {
    cases.passes("6.1.1", &[frame(TEXT, b"")], WHOLE, vec![]);
    let empty = [frame(FIRST, b""), frame(NEXT, b""), frame(LAST, b"")];
    cases.passes("6.1.2", &empty, WHOLE, vec![]);
    let middle = [frame(FIRST, b""), frame(NEXT, &named("middle")), frame(LAST, b"")];
    cases.passes("6.1.3", &middle, WHOLE, vec![echo("middle")]);
    let hello = "Hello-µ@ßöäüàá-UTF-8!!";
    let message = named(hello);
    let boundary = named("Hello-µ@ßö").len() - 2;
    cases.passes("6.2.1", &[frame(TEXT, &message)], WHOLE, vec![echo(hello)]);
    let halves = [frame(FIRST, &message[..boundary]), frame(LAST, &message[boundary..])];
    cases.passes("6.2.2", &halves, WHOLE, vec![echo(hello)]);
    cases.passes("6.2.3", &fragments(&message, 1), WHOLE, vec![echo(hello)]);
    let kosme = std::str::from_utf8(KOSME).unwrap();
    cases.passes("6.2.4", &fragments(&named(kosme), 1), WHOLE, vec![echo(kosme)]);
    let surrogate = [KOSME, b"\xED\xA0\x80edited"].concat();
    cases.fails("6.3.1", &[frame(TEXT, &surrogate)], vec![], 1007);
    cases.fails("6.3.2", &fragments(&surrogate, 1), vec![], 1007);
    // Failing fast: the message is never finished, yet the server says what is wrong with it.
    let parts = [(KOSME, &b"\xF4\x90\x80\x80"[..]), (&[KOSME, b"\xF4"].concat(), b"\x90")];
    for (at, (fine, wrong)) in parts.into_iter().enumerate() {
        let frames = [frame(FIRST, fine), frame(NEXT, wrong)];
        cases.fails(&format!("6.4.{}", at + 1), &frames, vec![], 1007);
        let mut unfinished = frame(TEXT, &[fine, wrong, &b"\x80\x80edited"[..]].concat());
        unfinished.truncate(6 + fine.len() + wrong.len());
        cases.chopped(&format!("6.4.{}", at + 3), &[unfinished], 6 + fine.len(), (vec![], 1007));
    }
}

/// Markus Kuhn's sequences for testing decoders, as Autobahn groups them.
fn sequences() -> Vec<(u8, Vec<Vec<u8>>)> {
    [lengths(), malformed(), overlong(), code_points()].concat()
}

fn all(sequences: &[&[u8]]) -> Vec<Vec<u8>> {
    sequences.iter().map(|sequence| sequence.to_vec()).collect()
}

/// Each length of a character, its first and its last.
fn lengths() -> Vec<(u8, Vec<Vec<u8>>)> {
    let prefixes = (1..=KOSME.len()).map(|end| KOSME[..end].to_vec()).collect();
    let legal: [&[u8]; 5] = [
        b"hello$world",
        b"hello\xC2\xA2world",
        b"hello\xE2\x82\xACworld",
        b"hello\xF0\xA4\xAD\xA2world",
        KOSME,
    ];
    let around: [&[u8]; 5] = [
        b"\xED\x9F\xBF",
        b"\xEE\x80\x80",
        b"\xEF\xBF\xBD",
        b"\xF4\x8F\xBF\xBF",
        b"\xF4\x90\x80\x80",
    ];
    vec![
        (5, all(&legal)),
        (6, prefixes),
        (7, all(&[b"\x00", b"\xC2\x80", b"\xE0\xA0\x80", b"\xF0\x90\x80\x80"])),
        (8, all(&[b"\xF8\x88\x80\x80\x80", b"\xFC\x84\x80\x80\x80\x80"])),
        (9, all(&[b"\x7F", b"\xDF\xBF", b"\xEF\xBF\xBF", b"\xF4\x8F\xBF\xBF"])),
        (10, all(&[b"\xF7\xBF\xBF\xBF", b"\xFB\xBF\xBF\xBF\xBF", b"\xFD\xBF\xBF\xBF\xBF\xBF"])),
        (11, all(&around)),
    ]
}

/// Continuations of nothing, beginnings without an end, bytes that mean nothing.
fn malformed() -> Vec<(u8, Vec<Vec<u8>>)> {
    let continuation: Vec<u8> = (0x80..=0xBF).collect();
    let unexpected = [1, 2, 3, 4, 5, 6].map(|n| b"\x80\xBF\x80\xBF\x80\xBF"[..n].to_vec());
    let mut unexpected = unexpected.to_vec();
    unexpected.insert(1, b"\xBF".to_vec());
    unexpected.push(continuation);
    let lonely = |(from, to): (u8, u8)| (from..=to).flat_map(|byte| [byte, b' ']).collect();
    let starts = [(0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD)];
    let cut: [&[u8]; 10] = [
        b"\xC0",
        b"\xE0\x80",
        b"\xF0\x80\x80",
        b"\xF8\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80",
        b"\xDF",
        b"\xEF\xBF",
        b"\xF7\xBF\xBF",
        b"\xFB\xBF\xBF\xBF",
        b"\xFD\xBF\xBF\xBF\xBF",
    ];
    vec![
        (12, unexpected),
        (13, starts.map(lonely).to_vec()),
        (14, all(&cut)),
        (15, vec![cut.concat()]),
        (16, all(&[b"\xFE", b"\xFF", b"\xFE\xFE\xFF\xFF"])),
    ]
}

/// Characters in more bytes than they need.
fn overlong() -> Vec<(u8, Vec<Vec<u8>>)> {
    let slash: [&[u8]; 5] = [
        b"\xC0\xAF",
        b"\xE0\x80\xAF",
        b"\xF0\x80\x80\xAF",
        b"\xF8\x80\x80\x80\xAF",
        b"\xFC\x80\x80\x80\x80\xAF",
    ];
    let longest: [&[u8]; 5] = [
        b"\xC1\xBF",
        b"\xE0\x9F\xBF",
        b"\xF0\x8F\xBF\xBF",
        b"\xF8\x87\xBF\xBF\xBF",
        b"\xFC\x83\xBF\xBF\xBF\xBF",
    ];
    let nul: [&[u8]; 5] = [
        b"\xC0\x80",
        b"\xE0\x80\x80",
        b"\xF0\x80\x80\x80",
        b"\xF8\x80\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80\x80",
    ];
    vec![(17, all(&slash)), (18, all(&longest)), (19, all(&nul))]
}

/// Surrogates, which are no characters; and noncharacters, which are.
fn code_points() -> Vec<(u8, Vec<Vec<u8>>)> {
    let high: [&[u8]; 4] = [b"\xED\xA0\x80", b"\xED\xAD\xBF", b"\xED\xAE\x80", b"\xED\xAF\xBF"];
    let low: [&[u8]; 2] = [b"\xED\xB0\x80", b"\xED\xBF\xBF"];
    let pairs = high.iter().flat_map(|high| low.iter().map(|low| [*high, *low].concat()));
    let planes = (0..=16_u32).flat_map(|plane| [plane << 16 | 0xFFFE, plane << 16 | 0xFFFF]);
    let character = |code: u32| char::from_u32(code).unwrap().to_string().into_bytes();
    vec![
        (20, [&all(&high)[..], &all(&[low[0], b"\xED\xBE\x80", low[1]])].concat()),
        (21, pairs.collect()),
        (22, planes.map(character).collect()),
        (23, (0xFFF9..=0xFFFF).map(character).collect()),
    ]
}

fn utf8(cases: &mut Cases) {
    for (section, sequences) in sequences() {
        for (at, sequence) in sequences.iter().enumerate() {
            let id = format!("6.{section}.{}", at + 1);
            let message = [br#"{"type":""#, &sequence[..], br#""}"#].concat();
            match std::str::from_utf8(sequence) {
                Err(_) => cases.fails(&id, &[frame(TEXT, &message)], vec![], 1007),
                // Text, but JSON wants it escaped.
                Ok("\0") => cases.fails(&id, &[frame(TEXT, &message)], vec![], 4000),
                Ok(kind) => {
                    cases.passes(&id, &[frame(TEXT, &message)], WHOLE, vec![echo(kind)]);
                }
            }
        }
    }
}

fn closing(cases: &mut Cases) {
    let bye = || close(1000, b"");
    cases.fails("7.1.1", &[text("*"), bye()], vec![echo("*")], 1000);
    cases.fails("7.1.2", &[bye(), bye()], vec![], 1000);
    cases.fails("7.1.3", &[bye(), frame(PING, b"?")], vec![], 1000);
    cases.fails("7.1.4", &[bye(), text("*")], vec![], 1000);
    let cut = [frame(FIRST, b"{\"type\":"), bye(), frame(LAST, b"\"*\"}")];
    cases.fails("7.1.5", &cut, vec![], 1000);
    let large = [frame(TEXT, &object(256 * 1024)), bye(), frame(PING, b"")];
    cases.fails("7.1.6", &large, vec![], 1009);
    cases.fails("7.3.1", &[frame(CLOSE, b"")], vec![], 1000);
    cases.fails("7.3.2", &[frame(CLOSE, b"a")], vec![], 1002);
    cases.fails("7.3.3", &[bye()], vec![], 1000);
    cases.fails("7.3.4", &[close(1000, b"Hello World!")], vec![], 1000);
    cases.fails("7.3.5", &[close(1000, &[b'*'; 123])], vec![], 1000);
    cases.fails("7.3.6", &[close(1000, &[b'*'; 124])], vec![], 1002);
    let reason = [KOSME, b"\xED\xA0\x80edited"].concat();
    cases.fails("7.5.1", &[close(1000, &reason)], vec![], 1007);
    let valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    let invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (section, codes) in [(7, &valid[..]), (9, &invalid), (13, &[5000, 65_535])] {
        for (at, code) in codes.iter().enumerate() {
            let id = format!("7.{section}.{}", at + 1);
            let answer = if section == 7 { *code } else { 1002 };
            cases.fails(&id, &[close(*code, b"")], vec![], answer);
        }
    }
}

/// Runs one case; what was wrong.
async fn run(server: &Server, token: &str, case: &Case) -> Result<(), String> {
    let mut raw = Raw::live(server.url(), token, None).await;
    let mut heard = Vec::new();
    for part in case.bytes.chunks(case.chop.min(case.bytes.len())) {
        if raw.write(part).await.is_err() {
            return Err("the server reset the connection".to_owned());
        }
    }
    let code = loop {
        match raw.hear().await {
            Heard::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == "error" {
                    heard.push(Heard::Text(frame["message"].as_str().unwrap().to_owned()));
                }
            }
            Heard::Close(code) => break code,
            end @ (Heard::End | Heard::Reset | Heard::Silence) => {
                return Err(format!("no Close frame but {end:?} after {heard:.200?}"));
            }
            frame => heard.push(frame),
        }
    };
    let end = raw.hear().await;
    match (code, &end) {
        _ if heard != case.hears => Err(format!("heard {heard:.200?}")),
        (Some(code), Heard::End) if code == case.close => Ok(()),
        _ => Err(format!("closed with {code:?}, then {end:?}")),
    }
}

#[tokio::test]
async fn every_case_of_the_test_suite_ends_as_the_rfc_says() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let (_, body) = student.get("/api/auth/token").await;
    let token = body["token"].as_str().unwrap();
    let mut cases = Cases::default();
    framing(&mut cases);
    pings(&mut cases);
    reserved_bits(&mut cases);
    opcodes(&mut cases);
    fragmentation(&mut cases);
    text_frames(&mut cases);
    utf8(&mut cases);
    closing(&mut cases);
    let Cases(cases) = cases;
    assert_eq!(cases.len(), 247);

    let server = &server;
    let runs = cases.iter().map(|case| async move { (case, run(server, token, case).await) });
    let runs: Vec<_> = stream::iter(runs).buffer_unordered(16).collect().await;

    let mut failures = String::new();
    for (case, result) in runs {
        if let Err(what) = result {
            writeln!(failures, "{}: {what}, not {:.200?} and {}", case.id, case.hears, case.close)
                .unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

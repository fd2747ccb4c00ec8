//! Clients that take their time.

use std::{
    io::Write,
    thread::{self, JoinHandle},
};

use super::{Peer, is_served, resident};
use crate::support::{
    person::Person,
    server::{Home, Server},
};

const WHOLE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const BEGUN: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ";

/// A server that waits a second for a head, and one for a body, and the folder that it lives in.
fn impatient() -> (Home, Server) {
    let home = Home::with(&[
        ("INTELLISTACK__TUTOR__PACE_MS", "0"),
        ("INTELLISTACK__SERVER__HEAD_S", "1"),
        ("INTELLISTACK__SERVER__BODY_S", "1"),
    ]);
    let server = home.start();
    (home, server)
}

/// Starts each attack on a thread of its own, and gives what each heard; others are served meanwhile.
fn under(server: &Server, attacks: Vec<Attack>) -> Vec<String> {
    let address = server.address();
    let running: Vec<JoinHandle<String>> = attacks
        .into_iter()
        .map(|attack| {
            let address = address.clone();
            thread::spawn(move || attack(Peer::open(&address)))
        })
        .collect();
    while !running.iter().all(JoinHandle::is_finished) {
        assert!(is_served(&address));
    }
    running.into_iter().map(|it| it.join().unwrap()).collect()
}

type Attack = Box<dyn FnOnce(Peer) -> String + Send>;

/// Attack E4: slowloris, before any request and behind one.
#[test]
fn a_head_that_dribbles_is_answered_408_and_the_connection_ends() {
    let (_home, server) = impatient();
    let begun = |after: &'static [u8]| -> Attack {
        Box::new(move |mut peer: Peer| {
            peer.say(after);
            peer.dribble(BEGUN)
        })
    };
    // Says part of a second head, and nothing more.
    let stops: Attack = Box::new(|mut peer: Peer| {
        peer.say(WHOLE);
        peer.answer();
        peer.say(BEGUN);
        peer.rest()
    });
    let silent: Attack = Box::new(|mut peer: Peer| peer.rest());
    let heard = under(&server, vec![begun(BEGUN), begun(WHOLE), stops, silent]);

    for (heard, expected) in
        heard.iter().zip([vec!["408"], vec!["200", "408"], vec!["408"], vec!["408"]])
    {
        let answers: Vec<&str> = heard
            .split("HTTP/1.1 ")
            .skip(1)
            .filter_map(|answer| answer.split(' ').next())
            .collect();
        assert_eq!(answers, expected, "{heard}");
        assert!(heard.contains("connection: close"), "{heard}");
    }
}

/// Attack E4: the head is whole, and the body dribbles.
#[tokio::test]
async fn a_body_that_dribbles_is_answered_408_and_the_connection_ends() {
    let (_home, server) = impatient();
    let student = Person::demo(&server, "student").await;
    let (url, cookie) = (&student.url, &student.cookie);
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let signed_in = format!("{json}Origin: {url}\r\nCookie: {cookie}\r\n");
    let mut attacks: Vec<Attack> = Vec::new();
    for (call, headers) in [
        ("POST /api/auth/sign-in/email", json),
        ("POST /api/auth/oauth2/token", form),
        ("POST /api/auth/oauth2/par", form),
        ("PATCH /api/v1/threads/thr_1", &signed_in),
    ] {
        for (length, piece) in
            [("Content-Length: 9999", &b"{"[..]), ("Transfer-Encoding: chunked", b"1\r\n{\r\n")]
        {
            let head = format!("{call} HTTP/1.1\r\nHost: a\r\n{headers}{length}\r\n\r\n");
            attacks.push(Box::new(move |mut peer: Peer| {
                peer.say(head.as_bytes());
                format!("{head}{}", peer.dribble(piece))
            }));
        }
    }

    for heard in under(&server, attacks) {
        assert!(heard.contains("HTTP/1.1 408 Request Timeout\r\n"), "{heard}");
        assert!(heard.contains("connection: close"), "{heard}");
    }
}

/// Attack E4: nobody waits for the body, so it is answered; the connection is not held by it.
#[test]
fn a_body_that_nobody_reads_holds_no_connection() {
    let (_home, server) = impatient();
    let request = "POST /api/auth/sign-out HTTP/1.1\r\nHost: a\r\n";
    let attacks =
        [("Content-Length: 9999", &b"{"[..]), ("Transfer-Encoding: chunked", b"1\r\n{\r\n")]
            .into_iter()
            .map(|(length, piece)| -> Attack {
                let head = format!("{request}{length}\r\n\r\n");
                Box::new(move |mut peer: Peer| {
                    peer.say(head.as_bytes());
                    peer.dribble(piece)
                })
            });

    for heard in under(&server, attacks.collect()) {
        assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{heard}");
        assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heard}");
    }
}

/// Attack E4: many at once, each with as much as the server takes of a head that has no end.
#[tokio::test]
async fn a_crowd_of_slow_clients_takes_little_memory_and_keeps_nobody_out() {
    const CROWD: usize = 300;
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let before = resident(&server);
    let piece = vec![b'a'; 30 * 1024];

    let mut crowd: Vec<Peer> = (0..CROWD).map(|_| Peer::open(&server.address())).collect();
    for peer in &mut crowd {
        assert!(peer.say(BEGUN) && peer.say(&piece));
    }
    let (status, courses) = student.get("/api/v1/courses").await;
    let grown = resident(&server).saturating_sub(before);

    assert_eq!(status, 200, "{courses}");
    let most = u64::try_from(CROWD).unwrap() * 100;
    assert!(grown < most, "{grown} KiB more for {CROWD} clients");
    for mut peer in crowd {
        // It may be over already, and is in the next moment.
        let _ = peer.0.flush();
        assert!(peer.rest().starts_with("HTTP/1.1 408 "));
    }
    assert!(is_served(&server.address()));
}

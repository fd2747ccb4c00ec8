//! What no HTTP client sends: written to the socket by hand.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::server::{Home, Server};

mod large;
mod methods;
mod slow;

/// For whatever is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two bytes of somebody slow.
const PAUSE: Duration = Duration::from_millis(40);

/// A client that says what it likes.
struct Peer(TcpStream);

impl Peer {
    fn open(address: &str) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// Whether the server takes it.
    fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// All that comes until the server ends the connection.
    fn rest(&mut self) -> String {
        let mut heard = Vec::new();
        let mut piece = [0; 4 * 1024];
        loop {
            match self.0.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => heard.extend_from_slice(&piece[..length]),
                Err(error) if is_silence(&error) => panic!("the connection is left open"),
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// An answer to GET or POST: its head and its body.
    fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = field(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head, String::from_utf8_lossy(&body).into_owned())
    }

    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Says `bytes` one at a time and over again, until the server ends the connection; gives what
    /// it said.
    fn dribble(&mut self, bytes: &[u8]) -> String {
        self.0.set_read_timeout(Some(PAUSE)).unwrap();
        let (mut heard, mut piece) = (Vec::new(), [0; 4 * 1024]);
        let began = Instant::now();
        for byte in bytes.iter().cycle() {
            assert!(began.elapsed() < PATIENCE, "the connection is left open");
            // It may have been ended already; the answer is read all the same.
            let _ = self.0.write_all(&[*byte]);
            match self.0.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => heard.extend_from_slice(&piece[..length]),
                Err(error) if is_silence(&error) => {}
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Says `bytes` up to `times` over as fast as the server takes them, and hears it meanwhile.
    fn flood(mut self, bytes: &[u8], times: usize) -> String {
        let mut ear = Self(self.0.try_clone().unwrap());
        let hears = std::thread::spawn(move || ear.rest());
        for _ in 0..times {
            if hears.is_finished() || !self.say(bytes) {
                break;
            }
        }
        hears.join().unwrap()
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A header of an answer.
fn field(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = lines.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.to_owned())
}

/// The first line of the answer.
fn said(address: &str, request: &str) -> String {
    let mut peer = Peer::open(address);
    peer.say(request.replace('\n', "\r\n").as_bytes());
    peer.head().lines().next().unwrap_or_default().to_owned()
}

/// Somebody who does nothing wrong.
fn is_served(address: &str) -> bool {
    said(address, "GET /healthz HTTP/1.1\nHost: a\nConnection: close\n\n") == "HTTP/1.1 200 OK"
}

/// Memory of the server's process, in KiB.
fn resident(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.ready.pid);
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Attacks B1 and E1: who is asked, and where a request ends, must be said once.
#[test]
fn a_request_with_two_hosts_or_two_lengths_is_refused() {
    let server = Home::quick().start();
    let address = server.address();
    let json = "Content-Type: application/json\n";
    assert!(is_served(&address));
    for headers in [
        "Host: a\nHost: evil\nContent-Length: 2\n",
        "Content-Length: 2\n",
        "Host: a\nContent-Length: 2\nContent-Length: 3\n",
        "Host: a\nContent-Length: 2\nTransfer-Encoding: chunked\n",
        "Host: a\nContent-Length: +2\n",
        "Host: a\nContent-Length: 0x2\n",
    ] {
        let path = "/api/auth/request-password-reset";
        let request = format!("POST {path} HTTP/1.1\n{json}{headers}\n{{}}");
        assert_eq!(said(&address, &request), "HTTP/1.1 400 Bad Request", "{headers}");
    }
}

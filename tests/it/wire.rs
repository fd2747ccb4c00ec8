//! What no HTTP client sends: written to the socket by hand.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::server::Home;

/// The first line of the answer.
fn said(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut answer = [0; 512];
    let length = socket.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Attacks B1 and E1: who is asked, and where a request ends, must be said once.
#[test]
fn a_request_with_two_hosts_or_two_lengths_is_refused() {
    let server = Home::quick().start();
    let address = server.address();
    let json = "Content-Type: application/json\n";
    assert_eq!(said(&address, "GET /healthz HTTP/1.1\nHost: a\n\n"), "HTTP/1.1 200 OK");
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

//! How long a change takes to reach a socket, and what readers that stop cost. Not tests: they print
//! what they saw, and are run by hand on a quiet machine (`docs/measured.md`).

use std::{
    process::Output,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::json;

use super::{
    ask,
    slow::{LONG, WINDOW, figure, home, token, until},
};
use crate::support::{
    live::Live,
    person::Person,
    raw::Raw,
    server::{Home, Server},
};

const TRIALS: usize = 20;

#[expect(clippy::print_stdout, reason = "its output is the figure")]
fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_millis();
    println!(
        "{what:<32} {} times: median {} ms, p99 {} ms, worst {} ms",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
#[ignore = "prints figures: cargo test --test it figures -- --ignored --nocapture"]
async fn sign_out_and_role_change_are_seen_by_the_socket() {
    let home = Home::quick();
    let server = home.start();
    let (mut api, mut command, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    for trial in 0..TRIALS {
        api.push(sign_out_over_the_api(&server).await);
        command.push(sign_out_on_the_command_line(&home, &server).await);
        let role = if trial % 2 == 0 { "instructor" } else { "student" };
        roles.push(change_role(&home, &server, role).await);
    }
    print("sign-out through the API", api);
    print("sign-out on the command line", command);
    print("role change on the command line", roles);
}

/// From the request to the socket's close.
async fn sign_out_over_the_api(server: &Server) -> Duration {
    let student = Person::demo(server, "student").await;
    let mut live = student.live().await;
    let began = Instant::now();
    let answer = student.post("/api/auth/sign-out", &json!({})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(live.closed().await, Some(4103));
    began.elapsed()
}

/// From the end of the command, whose transaction is committed by then.
async fn sign_out_on_the_command_line(home: &Home, server: &Server) -> Duration {
    let mut live = Person::demo(server, "student").await.live().await;
    done(&home.run(&["user", "sign-out", &server.account("student").email]));
    let began = Instant::now();
    assert_eq!(live.closed().await, Some(4103));
    began.elapsed()
}

async fn change_role(home: &Home, server: &Server, role: &str) -> Duration {
    let mut live = Person::demo(server, "student").await.live().await;
    done(&home.run(&["user", "set-role", &server.account("student").email, role]));
    let began = Instant::now();
    assert_eq!(live.expect("you").await["role"], role);
    began.elapsed()
}

/// Fifty sockets follow two answers of 100,000 pieces each and read nothing of them.
#[tokio::test]
#[ignore = "prints figures: cargo test --test it figures -- --ignored --nocapture"]
async fn fifty_readers_that_stop_during_200_000_tokens() {
    let home = home(&[]);
    let server = home.start();
    let (admin, student) =
        (Person::demo(&server, "admin").await, Person::demo(&server, "student").await);
    let mut reads = student.live().await;
    print("gaps of a reader alone", gaps(&mut reads, "m1").await);
    let (mut first, mut second) = (admin.live().await, admin.live().await);
    let (one, _) = ask(&mut first, "m1", "/ck ping").await;
    let (two, _) = ask(&mut second, "m2", "/ck ping").await;
    first.expect("end").await;
    second.expect("end").await;
    let resume = [json!({ "thread": one["thread"] }), json!({ "thread": two["thread"] })];
    let token = token(&admin).await;
    let mut stopped = Vec::new();
    for _ in 0..50 {
        stopped.push(Raw::live_with(server.url(), &token, Some(WINDOW), &resume).await);
    }
    let before = figure(&server, "intellistack_resident_bytes").await;
    for (live, ok, id) in [(&mut first, &one, "m3"), (&mut second, &two, "m4")] {
        let long = json!({
            "type": "send", "id": 9, "message_id": id, "thread": ok["thread"], "text": LONG,
        });
        live.send(long).await;
        live.expect("ok").await;
    }
    // Who asked leaves: what is measured is the fifty.
    drop((first, second));
    let beside = gaps(&mut reads, "m2").await;
    // Two pings, two answers to the fifty, two to the reader.
    until(&server, r#"intellistack_turn_ends_total{value="done"}"#, 6).await;
    let after = figure(&server, "intellistack_resident_bytes").await;
    print("gaps of a reader beside them", beside);
    until(&server, r#"intellistack_socket_closes_total{value="4301"}"#, 50).await;
    megabytes("memory before, with 50 sockets", before);
    megabytes("memory when both had ended", after);
    megabytes("memory when all 50 were cut", figure(&server, "intellistack_resident_bytes").await);
}

#[expect(clippy::print_stdout, reason = "its output is the figure")]
fn megabytes(what: &str, bytes: i64) {
    println!("{what:<32} {} MB", bytes / 1_000_000);
}

/// The times between the messages of an answer of 500 pieces, 20 ms apart.
async fn gaps(live: &mut Live, message: &str) -> Vec<Duration> {
    let (ok, _) = ask(live, message, "/ck tokens 500 20").await;
    let (mut times, mut before) = (Vec::new(), None::<Instant>);
    loop {
        let frame = live.frame().await;
        if frame["turn"] != ok["turn"] {
            continue;
        }
        match frame["type"].as_str() {
            Some("delta") => times.extend(before.replace(Instant::now()).map(|at| at.elapsed())),
            Some("end") => return times,
            _ => {}
        }
    }
}

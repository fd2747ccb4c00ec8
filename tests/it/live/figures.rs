//! How long a change takes to reach a socket. Not a test: it prints what it saw, and is run by hand
//! on a quiet machine (`docs/measured.md`).

use std::{
    process::Output,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{
    person::Person,
    server::{Home, Server},
};

const TRIALS: usize = 20;

#[expect(clippy::print_stdout, reason = "its output is the figure")]
fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what:<32} {} times: median {} ms, worst {} ms",
        times.len(),
        median.as_millis(),
        worst.as_millis()
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

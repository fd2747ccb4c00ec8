//! The command line as people run it: what an operator and a learner at a terminal see.

use std::fs;

use crate::support::{
    server::Home,
    terminal::{Chat, chat, stderr},
};

const ANY_PORT: &str = "127.0.0.1:0";
const ASK: [&str; 4] = ["--course", "agree", "--once", "Why does a clock drift?"];

/// The passage guide at the pace that people see.
fn paced() -> Home {
    Home::with(&[])
}

#[test]
fn a_question_from_a_terminal_is_answered_whole() {
    let home = Home::quick();
    let server = home.start();

    let output = chat(&home, &server, &ASK).output().unwrap();

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("length and hash are right"), "{}", stderr(&output));
    assert!(output.stdout.len() > 40, "an answer was shown");
}

/// The promise of `live.md` §2.1 and §2.2 over the death of the node.
#[test]
fn a_terminal_shows_an_answer_whole_over_the_death_of_its_server() {
    let home = paced();
    let server = home.start();
    let address = server.address();
    let mut talk = Chat::start(chat(&home, &server, &ASK));
    let turn = talk.until("delta")["turn"].clone();
    talk.until("delta");

    server.kill();
    let _again = home.start_at(&address);

    assert_eq!(talk.finish(), Some(0), "{:#?}", talk.frames);
    let checked = talk.of("checked");
    assert_eq!(checked.len(), 1, "{:#?}", talk.frames);
    assert_eq!((&checked[0]["turn"], &checked[0]["matches"]), (&turn, &true.into()));
    assert_eq!(checked[0]["status"], "done");
    assert!(talk.of("welcome").len() > 1, "it came back");
}

#[test]
fn a_terminal_that_is_sent_away_by_a_stopping_server_comes_back() {
    let home = paced();
    let server = home.start();
    let address = server.address();
    let mut talk = Chat::start(chat(&home, &server, &ASK));
    talk.until("delta");

    server.terminate();
    assert!(server.wait().success());
    let _again = home.start_at(&address);

    assert_eq!(talk.finish(), Some(0), "{:#?}", talk.frames);
    assert_eq!(talk.of("checked")[0]["status"], "done");
}

#[test]
fn an_earlier_conversation_goes_on() {
    let home = Home::quick();
    let server = home.start();
    let mut first = Chat::start(chat(&home, &server, &ASK));
    let thread = first.until("message")["thread"].as_str().unwrap().to_owned();
    assert_eq!(first.finish(), Some(0));

    let arguments = ["--thread", &thread, "--course", "agree", "--once", "And a hot one?"];
    let mut second = Chat::start(chat(&home, &server, &arguments));

    assert_eq!(second.finish(), Some(0), "{:#?}", second.frames);
    let snapshot = second.of("snapshot")[0];
    assert_eq!(snapshot["items"].as_array().unwrap().len(), 2, "{snapshot}");
    assert_eq!(second.of("checked").len(), 1);
}

#[test]
fn another_persons_conversation_does_not_open() {
    let home = Home::quick();
    let server = home.start();

    let arguments = ["--thread", "thr_of_somebody_else", "--once", "What did they ask?"];
    let output = chat(&home, &server, &arguments).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not_found"), "{}", stderr(&output));
}

#[test]
fn a_wrong_password_is_told() {
    let home = Home::quick();
    let server = home.start();

    let output = chat(&home, &server, &["--once", "Hello?"])
        .env("INTELLISTACK_PASSWORD", "not the password")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Invalid email or password"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_ready_file_names_the_server_and_its_demo_accounts() {
    let home = Home::quick();
    let server = home.start();
    let text = fs::read(home.path().join("ready.json")).unwrap();
    let ready: serde_json::Value = serde_json::from_slice(&text).unwrap();

    assert!(server.url().starts_with("http://localhost:"), "{}", server.url());
    assert!(ready["pid"].is_u64() && ready["node"].is_string(), "{ready}");
    let roles: Vec<_> = server.ready.accounts.iter().map(|account| &account.role).collect();
    assert_eq!(roles, ["student", "instructor", "admin"]);
}

#[test]
fn two_servers_on_one_data_folder_are_refused() {
    let home = Home::quick();
    let _first = home.start();

    let second = home.run(&["serve", "--demo", "--listen", ANY_PORT]);

    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another server uses the data folder"), "{}", stderr(&second));
}

#[test]
fn a_servers_health_is_told_by_the_exit_code() {
    let home = Home::quick();
    let server = home.start();
    let url = server.url().to_owned();

    assert_eq!(home.run(&["check-health", &url]).status.code(), Some(0));
    server.kill();
    assert_eq!(home.run(&["check-health", &url]).status.code(), Some(1));
}

#[test]
fn an_unknown_setting_refuses_to_start_and_is_named() {
    let home = Home::with(&[]);
    let file = home.path().join("school.toml");
    fs::write(&file, "[server]\nlisten_on = \"127.0.0.1:0\"\n").unwrap();

    let in_file = home.run(&["--config", file.to_str().unwrap(), "serve"]);
    let variable = home
        .command(&["serve"])
        .env("INTELLISTACK__SERVER__LISTEN_ON", "127.0.0.1:0")
        .output()
        .unwrap();

    assert_eq!((in_file.status.code(), variable.status.code()), (Some(1), Some(1)));
    assert!(stderr(&in_file).contains("server.listen_on "), "{}", stderr(&in_file));
    assert!(stderr(&variable).contains("SERVER__LISTEN_ON"), "{}", stderr(&variable));
}

#[test]
fn demo_mode_and_the_scripted_model_stay_on_this_machine() {
    for flag in ["--demo", "--test-model"] {
        let home = Home::with(&[("INTELLISTACK__SERVER__PUBLIC_URL", "https://school.example")]);
        let output = home.run(&["serve", flag, "--listen", "0.0.0.0:0"]);
        assert_eq!(output.status.code(), Some(1), "{flag}");
        assert!(stderr(&output).contains("loopback"), "{}", stderr(&output));
    }
    let scripted = Home::slow().run(&["serve", "--listen", ANY_PORT]);
    assert_eq!(scripted.status.code(), Some(1));
    assert!(stderr(&scripted).contains("--test-model"), "{}", stderr(&scripted));
}

#[test]
fn check_config_prints_what_holds_without_secrets() {
    let home = Home::with(&[
        ("INTELLISTACK__AUTH__SECRET", "hunter2hunter2hunter2hunter2hunter2"),
        ("INTELLISTACK__DATABASE__URL", "postgres://ada:hunter2@127.0.0.1/school"),
    ]);

    let output = home.run(&["check-config"]);

    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(printed.contains(r#"url = "postgres://ada:***@127.0.0.1/school""#), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

//! The command line and the server as processes: what an operator and a learner at a terminal see.

use std::{fs, process::Stdio};

use crate::program::{Chat, Server, intellistack, stderr};

const ANY_PORT: &str = "127.0.0.1:0";
const ASK: [&str; 4] = ["--course", "agree", "--once", "Why does a quorum need a majority?"];

#[test]
fn a_question_from_a_terminal_is_answered_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);

    let output = server.chat(dir.path(), &ASK).output().unwrap();

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("length and hash are right"), "{}", stderr(&output));
    assert!(output.stdout.len() > 40, "an answer was shown");
}

/// The promise of `live.md` §2.1 and §2.2 over the death of the node.
#[test]
fn an_answer_survives_the_death_of_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);
    let address = server.address();
    let mut chat = Chat::start(server.chat(dir.path(), &ASK));
    let turn = chat.until("delta")["turn"].clone();

    server.kill();
    let _again = Server::start(dir.path(), &address);

    assert_eq!(chat.finish(), Some(0), "{:?}", chat.frames);
    let checked = chat.of("checked");
    assert_eq!(checked.len(), 1, "{:?}", chat.frames);
    assert_eq!((&checked[0]["turn"], &checked[0]["matches"]), (&turn, &true.into()));
    assert_eq!(checked[0]["status"], "done");
    assert!(chat.of("welcome").len() > 1, "it came back: {:?}", chat.frames);
}

#[test]
fn a_server_that_is_told_to_stop_lets_the_answer_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), ANY_PORT);
    let mut chat = Chat::start(server.chat(dir.path(), &ASK));
    chat.until("delta");

    let code = server.stop();

    assert_eq!(code, Some(0));
    assert_eq!(chat.until("checked")["status"], "done");
}

#[test]
fn an_earlier_conversation_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);
    let mut first = Chat::start(server.chat(dir.path(), &ASK));
    let thread = first.until("message")["thread"].as_str().unwrap().to_owned();
    assert_eq!(first.finish(), Some(0));

    let arguments = ["--thread", &thread, "--course", "agree", "--once", "And with four copies?"];
    let mut second = Chat::start(server.chat(dir.path(), &arguments));

    assert_eq!(second.finish(), Some(0), "{:?}", second.frames);
    let snapshot = second.of("snapshot")[0];
    assert_eq!(snapshot["items"].as_array().unwrap().len(), 2, "{snapshot}");
    assert_eq!(second.of("checked").len(), 1);
}

#[test]
fn another_persons_conversation_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);

    let arguments = ["--thread", "thr_of_somebody_else", "--once", "What did they ask?"];
    let output = server.chat(dir.path(), &arguments).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not_found"), "{}", stderr(&output));
}

#[test]
fn a_wrong_password_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);

    let output = server
        .chat(dir.path(), &["--once", "Hello?"])
        .env("INTELLISTACK_PASSWORD", "not the password")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Invalid email or password"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_ready_file_names_the_server_and_its_demo_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);
    let ready = &server.ready;

    assert!(server.url().starts_with("http://localhost:"), "{ready}");
    assert!(ready["pid"].as_u64().is_some() && ready["node"].is_string(), "{ready}");
    let roles: Vec<_> = ready["accounts"].as_array().unwrap().iter().map(|a| &a["role"]).collect();
    assert_eq!(roles, ["student", "instructor", "admin"]);
}

#[test]
fn two_servers_on_one_data_folder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Server::start(dir.path(), ANY_PORT);

    let arguments = ["serve", "--demo", "--listen", ANY_PORT];
    let second = intellistack(dir.path(), &arguments).output().unwrap();

    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("data"), "{}", stderr(&second));
}

#[test]
fn a_servers_health_is_told_by_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), ANY_PORT);
    let health = |url: &str| {
        let mut command = intellistack(dir.path(), &["check-health", url]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };

    assert_eq!(health(&server.url()), Some(0));
    let url = server.url();
    server.kill();
    assert_eq!(health(&url), Some(1));
}

#[test]
fn an_unknown_setting_refuses_to_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("school.toml");
    fs::write(&file, "[server]\nlisten_on = \"127.0.0.1:0\"\n").unwrap();

    let in_file =
        intellistack(dir.path(), &["--config", file.to_str().unwrap(), "serve"]).output().unwrap();
    let variable = intellistack(dir.path(), &["serve"])
        .env("INTELLISTACK__SERVER__LISTEN_ON", "127.0.0.1:0")
        .output()
        .unwrap();

    assert_eq!((in_file.status.code(), variable.status.code()), (Some(1), Some(1)));
    assert!(stderr(&in_file).contains("server.listen_on"), "{}", stderr(&in_file));
    assert!(stderr(&variable).contains("LISTEN_ON"), "{}", stderr(&variable));
}

#[test]
fn demo_mode_and_the_scripted_model_stay_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();

    for flag in ["--demo", "--test-model"] {
        let output = intellistack(dir.path(), &["serve", flag, "--listen", "0.0.0.0:0"])
            .env("INTELLISTACK__SERVER__PUBLIC_URL", "https://tutor.school.example")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{flag}");
        assert!(stderr(&output).contains("loopback"), "{}", stderr(&output));
    }
    let scripted = intellistack(dir.path(), &["serve", "--listen", ANY_PORT])
        .env("INTELLISTACK__TUTOR__MODEL", "scripted")
        .output()
        .unwrap();
    assert_eq!(scripted.status.code(), Some(1));
    assert!(stderr(&scripted).contains("--test-model"), "{}", stderr(&scripted));
}

#[test]
fn check_config_prints_what_holds_without_secrets() {
    let dir = tempfile::tempdir().unwrap();

    let output = intellistack(dir.path(), &["check-config"])
        .env("INTELLISTACK__AUTH__SECRET", "hunter2hunter2hunter2hunter2hunter2")
        .env("INTELLISTACK__DATABASE__URL", "postgres://ada:hunter2@127.0.0.1/school")
        .output()
        .unwrap();

    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(printed.contains(r#"url = "postgres://ada:***@127.0.0.1/school""#), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

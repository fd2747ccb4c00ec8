//! The load driver as it is run: what it finds on a server that keeps its promises, and on one that
//! does not.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::support::{
    live::hash,
    proxy::{Lie, Proxy},
    server::Home,
    terminal::stderr,
};

/// The scripted model, and learners who may ask as often as they like.
fn scripted() -> Home {
    Home::with(&[
        ("INTELLISTACK__TUTOR__MODEL", "scripted"),
        ("INTELLISTACK__LIMITS__MESSAGES_PER_DAY", "1000"),
    ])
}

/// A file with so many fresh students.
fn accounts(home: &Home, count: usize) -> PathBuf {
    let made = home.run(&["user", "create", "--count", &count.to_string(), "--json"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let path = home.path().join("accounts.jsonl");
    fs::write(&path, made.stdout).unwrap();
    path
}

/// The arguments that every mode takes.
fn common(mode: &str, url: &str, accounts: &Path, users: usize) -> Vec<String> {
    let accounts = accounts.to_str().unwrap();
    ["load", mode, "--json", "--url", url, "--accounts", accounts, "--users", &users.to_string()]
        .map(str::to_owned)
        .to_vec()
}

fn run(home: &Home, arguments: &[String], more: &[&str]) -> Output {
    let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    home.run(&all)
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

#[test]
fn learners_get_every_answer_whole_and_the_history_shows_it() {
    let home = scripted();
    let server = home.start();
    let history = home.path().join("history.jsonl");
    let pid = server.ready.pid.to_string();

    let arguments = common("chat", server.url(), &accounts(&home, 3), 3);
    let more = ["--asks", "2", "--question", "/ck tokens 40 2", "--ramp", "0"];
    let file = ["--readers", "1", "--repeat", "2", "--reread", "--texts", "--history"];
    let watch = [history.to_str().unwrap(), "--server-pid", &pid];
    let output = run(&home, &arguments, &[&more[..], &file[..], &watch[..]].concat());

    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{}", stderr(&output));
    assert_eq!((&report["users"], &report["questions"]), (&3.into(), &6.into()));
    assert_eq!(
        (&report["ends"]["done"], &report["readers"]["ends"]["done"]),
        (&6.into(), &6.into())
    );
    assert_eq!(report["errors"]["total"], 0);
    assert_eq!(report["tokens"], 6 * 40);
    assert_eq!(report["first_delta_ms"]["count"], 6);
    assert!(report["gap_ms"]["count"].as_u64().unwrap() > 6);
    assert!(report["server"]["rss_kib"]["peak"].as_u64().unwrap() > 1_000);
    check_history(&fs::read_to_string(&history).unwrap());
    let shown = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I16", "I17"];
    assert_proven(&home, &history, &["--database"], &shown);
    assert_found_out(&home, &history);
}

/// The program's own judgement of a history.
fn judge(home: &Home, history: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let judgement =
        home.run(&[&["check-history", history.to_str().unwrap(), "--json"], more].concat());
    let told = serde_json::from_slice(&judgement.stdout).unwrap_or(Value::Null);
    (judgement.status.code(), told)
}

/// Nothing is broken, and there are facts for at least these invariants.
fn assert_proven(home: &Home, history: &Path, more: &[&str], shown: &[&str]) {
    let (code, told) = judge(home, history, more);
    assert_eq!(code, Some(0), "{told:#}");
    let facts: Vec<_> = told["invariants"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["shown"] == true)
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    let missing: Vec<_> = shown.iter().filter(|id| !facts.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?} of {facts:?}");
}

/// One line of a recorded history is taken out, then one is cut off.
fn assert_found_out(home: &Home, history: &Path) {
    let text = fs::read_to_string(history).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let lost = lines.iter().position(|line| line.contains("\"type\":\"delta\"")).unwrap();
    let kept = [&lines[..lost], &lines[lost + 1..], &[""]].concat().join("\n");
    let faulty = home.path().join("faulty.jsonl");

    fs::write(&faulty, kept).unwrap();
    let (code, told) = judge(home, &faulty, &[]);
    assert_eq!((code, &told["first"]["invariant"]), (Some(1), &"I2".into()), "{told:#}");
    let line = told["first"]["at"]["line"].as_u64().unwrap();
    let around = told["first"]["around"].as_array().unwrap();
    assert!(around.iter().any(|shown| shown["line"] == line), "{told:#}");

    fs::write(&faulty, &text[..text.len() - 9]).unwrap();
    let cut = home.run(&["check-history", faulty.to_str().unwrap()]);
    assert_eq!(cut.status.code(), Some(2));
    assert!(stderr(&cut).contains(&format!("faulty.jsonl:{}: ", lines.len())), "{}", stderr(&cut));
}

/// Learners start at the first, the second and the third address, of which the first is nobody's;
/// the second and the third are one server. Each is followed by a socket at the next.
#[test]
fn learners_go_on_at_the_next_node_and_are_read_along_at_another() {
    let home = scripted();
    let server = home.start();
    let history = home.path().join("history.jsonl");
    let (pid, other) = (server.ready.pid.to_string(), std::process::id().to_string());
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let (here, there) = (format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}"));

    let arguments = common("chat", "http://127.0.0.1:1", &accounts(&home, 3), 3);
    let more = ["--url", &here, "--url", &there, "--cross", "--survive", "--drop-every", "1"];
    let asks = ["--asks", "6", "--question", "/ck tokens 100 5", "--ramp", "0", "--cancel", "2"];
    let file = ["--texts", "--reread", "--history", history.to_str().unwrap()];
    let also = format!("driver={other}");
    let watch = ["--server-pid", &pid, "--server-pid", &pid, "--also-pid", &also];
    let output = run(&home, &arguments, &[&more[..], &asks[..], &file[..], &watch[..]].concat());

    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{}", stderr(&output));
    // Who is away while an answer begins may find it over, and it cannot be stopped any more.
    let ends = ["cancelled", "done"].map(|status| report["ends"][status].as_u64().unwrap());
    assert_eq!(ends.iter().sum::<u64>(), 18, "{report:#}");
    assert!(report["readers"]["ends"]["done"].as_u64().unwrap() >= 3, "{report:#}");
    assert!(report["refused_connects"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["resume_ms"]["count"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["back_ms"]["count"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["servers"].is_object() && report["also"]["driver"]["cpu_s"].is_number());
    let text = fs::read_to_string(&history).unwrap();
    for url in [here, there] {
        let url = url.replace("http", "ws");
        assert!(text.contains(&format!("\"kind\":\"connect\",\"url\":\"{url}/")), "{url}");
    }
    assert!(text.contains("\"kind\":\"server\""));
    let shown = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I16", "I17"];
    assert_proven(&home, &history, &["--database"], &shown);
}

/// From the file alone: I2, I4, I5, I7.
fn check_history(text: &str) {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["kind"], &lines[0]["mode"]), (&"run".into(), &"chat".into()));
    let mut clients: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for line in &lines[1..] {
        if line["kind"] != "server" {
            clients.entry(line["client"].as_u64().unwrap()).or_default().push(line);
        }
    }
    assert_eq!(clients.len(), 6, "three who ask and three who read along");
    let mut turns: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for lines in clients.values() {
        assert!(lines.windows(2).all(|two| two[0]["t"].as_f64() <= two[1]["t"].as_f64()));
        let (mut seq, mut text) = (None, String::new());
        for line in lines {
            let kind = line["kind"].as_str().unwrap();
            if kind == "snapshot" {
                seq = line["seq"].as_i64();
                line["turn"]["text"].as_str().unwrap_or_default().clone_into(&mut text);
            }
            if !matches!(kind, "event" | "end") {
                continue;
            }
            let first = line["first"].as_i64().unwrap();
            assert!(seq.is_none_or(|seq| seq + 1 == first), "{line}");
            seq = line["seq"].as_i64();
            if kind == "event" {
                text.push_str(line["text"].as_str().unwrap_or_default());
                continue;
            }
            let sha256 = hash(&text);
            for field in ["sha256", "item_sha256", "applied_sha256"] {
                assert_eq!(line[field], sha256.as_str(), "{field} of {line}");
            }
            turns.entry(line["turn"].as_str().unwrap()).or_default().push(sha256);
            text.clear();
        }
    }
    assert_eq!(turns.len(), 6);
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let sends: Vec<_> = of("request").into_iter().filter(|line| line["type"] == "send").collect();
    let message_ids: std::collections::BTreeSet<_> =
        sends.iter().map(|line| line["message_id"].as_str().unwrap()).collect();
    assert_eq!((sends.len(), message_ids.len()), (12, 6), "each is sent twice");
    let accepted: Vec<_> = of("ok").into_iter().filter(|line| line["item"].is_string()).collect();
    assert_eq!(accepted.iter().filter(|line| line["duplicate"] == true).count(), 6);
    assert!(accepted.iter().all(|line| turns.contains_key(line["turn"].as_str().unwrap())));
}

/// Each lie, and what of the report must tell of it.
const LIES: [(&str, Lie, &str); 4] = [
    ("a dropped piece", |line| is_delta(line).then(Vec::new), "order_errors"),
    (
        "a repeated piece",
        |line| is_delta(line).then(|| vec![line.clone(), line.clone()]),
        "order_errors",
    ),
    (
        "a changed word",
        |line| {
            let text = line["text"].as_str().filter(|_| is_delta(line))?.replacen("tok", "tic", 1);
            let mut changed = line.clone();
            changed["text"] = text.into();
            Some(vec![changed])
        },
        "sha_errors",
    ),
    ("an end that never comes", |line| (line["type"] == "end").then(Vec::new), "missing_ends"),
];

fn is_delta(line: &Value) -> bool {
    line["type"] == "delta" && line["seq"].as_i64() > Some(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_breaks_its_promise_is_found_out() {
    let home = scripted();
    let server = home.start();
    let accounts = accounts(&home, 1);
    for (name, lie, told) in LIES {
        let proxy = Proxy::start(&server.address(), lie).await;
        let arguments = common("chat", &proxy.url, &accounts, 1);
        let more = ["--asks", "1", "--question", "/ck tokens 60 2", "--patience", "8"];

        let output = tokio::task::block_in_place(|| {
            run(&home, &arguments, &[&more[..], &["--ramp", "0"]].concat())
        });

        let report = report(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {report:#}");
        assert_eq!(report["passed"], false);
        for count in ["order_errors", "sha_errors", "missing_ends"] {
            let expected = u64::from(count == told);
            assert_eq!(report[count], expected, "{name}: {report:#}");
        }
    }
}

#[test]
fn a_killed_server_is_survived() {
    let home = scripted();
    let server = home.start();
    let (address, users) = (server.address(), 4);
    let arguments = common("chat", server.url(), &accounts(&home, users), users);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = home.command(&arguments);
    let history = home.path().join("history.jsonl");
    command.args(["--texts", "--history", history.to_str().unwrap()]);
    command.args([
        "--survive",
        "--reread",
        "--asks",
        "1",
        "--ramp",
        "0",
        "--question",
        "/ck tokens 1500 5",
    ]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap());
    for line in told.lines() {
        // Told when the answers have run for a while.
        if line.unwrap().contains("tokens/s") {
            break;
        }
    }

    server.kill();
    let _again = home.start_at(&address);

    let output = child.wait_with_output().unwrap();
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["ends"]["done"], users);
    assert_eq!(report["losses"], users);
    assert_eq!((&report["order_errors"], &report["sha_errors"]), (&0.into(), &0.into()));
    let taken_over = ["continued", "restarted"].map(|news| report[news].as_u64().unwrap());
    assert!(taken_over.iter().sum::<u64>() > 0 || report["resumes"]["reset"].is_object());
    assert_proven(&home, &history, &["--database"], &["I1", "I2", "I4", "I5", "I8", "I10"]);
}

#[test]
fn a_storm_and_malformed_frames_leave_every_answer_whole() {
    let home = scripted();
    let server = home.start();
    let accounts = accounts(&home, 4);

    let arguments = common("storm", server.url(), &accounts, 4);
    let history = home.path().join("storm.jsonl");
    let more = ["--seconds", "3", "--every", "1", "--question", "/ck tokens 300 5", "--no-pause"];
    let file = ["--history", history.to_str().unwrap()];
    let storm = run(&home, &arguments, &[&more[..], &file[..]].concat());
    let arguments = common("fuzz", server.url(), &accounts, 4);
    let more =
        ["--seconds", "3", "--rate", "60", "--sockets", "8", "--question", "/ck tokens 20 2"];
    let fuzz = run(&home, &arguments, &more);

    let told = report(&storm);
    assert_eq!(storm.status.code(), Some(0), "{told:#}\n{}", stderr(&storm));
    assert!(told["storms"].as_u64().unwrap() >= 2);
    let back: u64 =
        told["resumes"].as_object().unwrap().values().map(|it| it["count"].as_u64().unwrap()).sum();
    assert!(back >= 4, "{told:#}");
    assert_proven(&home, &history, &[], &["I2", "I4", "I5"]);
    let told = report(&fuzz);
    assert_eq!(fuzz.status.code(), Some(0), "{told:#}\n{}", stderr(&fuzz));
    assert!(told["sent"]["total"].as_u64().unwrap() > 100);
    assert!(told["fuzz_closes"]["4000"].as_u64().unwrap() > 0, "{told:#}");
    assert!(told["ends"]["done"].as_u64().unwrap() > 3);
}

#[test]
fn memory_is_told_for_each_idle_socket() {
    let home = scripted();
    let server = home.start();
    let arguments = common("idle", server.url(), &accounts(&home, 2), 40);
    let pid = server.ready.pid.to_string();
    let more = ["--hold", "1", "--settle", "0", "--answer", "--question", "/ck ping"];

    let output = run(&home, &arguments, &[&more[..], &["--server-pid", &pid]].concat());

    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{}", stderr(&output));
    assert_eq!(report["ends"]["done"], 40);
    for step in ["before", "connected", "held", "answered", "left"] {
        assert!(report["rss"][step]["rss_kib"].as_u64().unwrap() > 1_000, "{step}: {report:#}");
    }
}

/// I12, and `live.md` §2.4.
#[test]
fn a_reader_that_stops_is_cut_off_and_gets_its_answer_all_the_same() {
    let home = Home::with(&[
        ("INTELLISTACK__TUTOR__MODEL", "scripted"),
        ("INTELLISTACK__LIMITS__MESSAGES_PER_DAY", "1000"),
        ("INTELLISTACK__LIVE__STALL_S", "1"),
    ]);
    let server = home.start();
    let arguments = common("slow", server.url(), &accounts(&home, 2), 1);
    let more = ["--slow", "1", "--slow-question", "/ck tokens 60000 0", "--before", "1"];
    let asked = ["--hold", "10", "--question", "/ck tokens 50 5"];

    let output = run(&home, &arguments, &[&more[..], &asked[..]].concat());

    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{}", stderr(&output));
    assert_eq!(
        (&report["slow"]["ends"]["done"], &report["slow"]["losses"]),
        (&1.into(), &1.into())
    );
    assert!(report["gap_beside_ms"]["count"].as_u64().unwrap() > 10, "{report:#}");
}

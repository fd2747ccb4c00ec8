//! Three nodes, real Redis and PostgreSQL, learners who check everything, and a seeded plan of
//! faults. Then the checker judges what the learners saw.

mod faults;
mod figures;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::support::{databases::Postgres, nodes::Nodes, server::PROGRAM};
use faults::{Done, Fault, plan};

const NODES: usize = 3;

/// How large a run is.
struct Run {
    learners: usize,
    seconds: u64,
    question: &'static str,
    plan: Vec<(u64, Fault)>,
    program: PathBuf,
    /// Whether the histories stay although nothing was wrong.
    keep: bool,
}

/// Each fault once, in half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_of_faults_breaks_no_promise() {
    if Postgres::schema().await.is_none() {
        return;
    }
    let run = Run {
        learners: 50,
        seconds: 30,
        question: "/ck tokens 60 50",
        plan: faults::each_once(),
        program: PROGRAM.into(),
        keep: false,
    };
    storm(run).await;
}

/// `make chaos`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "three minutes: make chaos"]
#[expect(clippy::disallowed_methods, reason = "scripts/chaos.sh says how")]
async fn a_long_storm() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    };
    let seconds = number("CHAOS_SECONDS", 180);
    let run = Run {
        learners: usize::try_from(number("CHAOS_LEARNERS", 200)).unwrap(),
        seconds,
        question: "/ck tokens 300 20",
        plan: plan(number("CHAOS_SEED", 1), seconds),
        keep: std::env::var("CHAOS_KEEP").is_ok(),
        program: std::env::var("CHAOS_PROGRAM").map_or_else(|_| PROGRAM.into(), PathBuf::from),
    };
    storm(run).await;
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn storm(run: Run) {
    let postgres = Postgres::start();
    let mut nodes = Nodes::on(postgres, &run.program, NODES, &[("LOG__FORMAT", "json")]).await;
    let accounts = nodes.accounts(run.learners);
    let history = nodes.path().join("history");
    fs::create_dir(&history).unwrap();
    let report = nodes.path().join("report.json");
    let mut load = load(&nodes, &run, &accounts, &history, &report);

    begun(&history).await;
    let done = cause(&mut nodes, &run).await;
    let passed = tokio::task::block_in_place(|| load.wait().unwrap());
    let report = fs::read_to_string(&report).unwrap();
    let checked = nodes.command(&["check-history", "--database"]).arg(&history).output().unwrap();
    let verdict = String::from_utf8_lossy(&checked.stdout).into_owned();

    let told: Value = serde_json::from_str(&report).unwrap();
    let problems = String::from_utf8_lossy(&checked.stderr);
    let wrong = wrong(&verdict, &told, [checked.status.success(), passed.success()]);
    // First of all, since of a long output not everything may be kept.
    assert!(wrong.is_empty(), "{wrong}\n{problems}{}", kept(&nodes, &verdict));

    let figures = figures::read(&history, &done, &nodes);
    println!("{}", serde_json::to_string_pretty(&figures).unwrap());
    println!("{verdict}");
    if run.keep {
        println!("{} {told}", kept(&nodes, &verdict));
    }
}

/// What speaks against the run, in few lines; empty if nothing does.
fn wrong(verdict: &str, report: &Value, [checked, passed]: [bool; 2]) -> String {
    let mut wrong = Vec::new();
    if !checked {
        let first = verdict.lines().skip_while(|line| !line.starts_with("FIRST VIOLATION"));
        wrong.extend(first.map(|line| line.chars().take(400).collect()));
        let counts = verdict.lines().filter(|line| line.contains("AGAINST"));
        wrong.extend(counts.map(str::to_owned));
        wrong.push("check-history is not content".to_owned());
    }
    let ends = &report["ends"];
    if !passed || ends["done"].as_u64().unwrap_or_default() == 0 || !ends["failed"].is_null() {
        let readers = &report["readers"];
        let of = |told: &Value| json!({ "ends": told["ends"], "errors": told["errors"] });
        wrong.push(format!("learners: {}, who read along: {}", of(report), of(readers)));
        wrong.push(format!("failures: {}", report["failures"]));
    }
    wrong.join("\n")
}

fn load(nodes: &Nodes, run: &Run, accounts: &Path, history: &Path, report: &Path) -> Child {
    let mut load = nodes.command(&["load", "chat", "--json", "--survive", "--reread"]);
    for number in 0..NODES {
        load.args(["--url", &nodes.url(number)]);
    }
    load.args(["--users", &run.learners.to_string(), "--seconds", &run.seconds.to_string()]);
    load.args(["--question", run.question, "--course", "", "--drop-every", "20"]);
    // Nobody cancels: a node that stands still cannot keep a word that it has sent from arriving late.
    load.args(["--patience", "60", "--think", "300", "--cross"]);
    load.arg("--accounts").arg(accounts).arg("--history").arg(history);
    load.stdout(fs::File::create(report).unwrap());
    load.stderr(Stdio::inherit()).spawn().unwrap()
}

/// Waits until learners are asking.
async fn begun(history: &Path) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let files = fs::read_dir(history).unwrap().map(|entry| entry.unwrap().path());
        let asked = |path: PathBuf| fs::read_to_string(path).unwrap().contains(r#""kind":"ok""#);
        if files.into_iter().any(asked) {
            return;
        }
    }
}

/// Runs the plan. Each fault ends before the next begins but for a killed node's restart.
async fn cause(nodes: &mut Nodes, run: &Run) -> Vec<Done> {
    let began = tokio::time::Instant::now();
    let mut done = Vec::new();
    for (at, fault) in &run.plan {
        tokio::time::sleep_until(began + Duration::from_millis(*at)).await;
        let from = now_ms();
        fault.cause(nodes).await;
        done.push(Done { fault: *fault, from, until: now_ms() });
    }
    done
}

#[expect(clippy::disallowed_methods, reason = "faults and histories go by the machine's clock")]
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Where the material of a run is: the histories, the logs of the nodes, what the learners and the
/// checker say.
fn kept(nodes: &Nodes, verdict: &str) -> String {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    let _ = fs::remove_dir_all(&kept);
    copy(nodes.path(), &kept);
    fs::write(kept.join("verdict.txt"), verdict).unwrap();
    format!("all of it is kept in {}", kept.display())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

//! `chat`: a terminal client of the live protocol. What it knows of the server is `live.md` alone.

use std::{
    io::{self, BufRead},
    process::ExitCode,
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use super::{
    Context, Failure,
    client::{
        door::{self, Door},
        nodes::Nodes,
    },
};
use crate::{config::Secret, domain::ids::ThreadId};

mod screen;
mod talk;

use screen::{Screen, note};
use talk::Talk;

/// Exit code when an answer did not arrive whole.
const MISMATCH: u8 = 3;
const PASSWORD_VARIABLE: &str = "INTELLISTACK_PASSWORD";

/// Talks to the tutor from a terminal: signs in, streams answers, resumes when the connection
/// breaks, and checks every answer's length and hash.
///
/// Each line is a question. Ctrl-C stops an answer; without one it leaves. The password is asked
/// for, or read from `INTELLISTACK_PASSWORD`, or from the first line of standard input.
///
/// Exit codes: 0 all answers done, 1 refused, failed or no connection, 3 an answer did not arrive
/// whole.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack chat --email ada@example.org
  intellistack chat --email ada@example.org --course agree --lesson clocks
  intellistack chat --email ada@example.org --once 'Why do clocks drift?' --password-stdin < secret
  intellistack chat --email ada@example.org --thread thr_0192f3 --json")]
pub(super) struct Args {
    /// The server's address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// Who signs in.
    #[arg(long)]
    email: String,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// The course that the questions are about.
    #[arg(long, value_name = "ID")]
    course: Option<String>,
    /// The lesson that is being read.
    #[arg(long, value_name = "ID", requires = "course")]
    lesson: Option<String>,
    /// Go on with this conversation instead of a new one.
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Ask this one question, show the answer and leave.
    #[arg(long, value_name = "QUESTION")]
    once: Option<String>,
    /// Print the server's frames as JSON lines, and a line of type "checked" for each answer.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let password = password(&args)?;
    let nodes = (Nodes::one(args.url.clone()), 0);
    let door = Door::sign_in(door::http()?, nodes, &args.email, password).await?;
    let (clock, ids) = (Arc::clone(&context.clock), Arc::clone(&context.ids));
    let mut talk = Talk::new(door, clock, ids, page(&args));
    if let Some(thread) = &args.thread {
        talk.go_on_with(ThreadId::new(thread));
    }
    let mut screen = Screen::new(args.json);
    match &args.once {
        Some(question) => once(&mut talk, &mut screen, question).await?,
        None => converse(&mut talk, &mut screen).await?,
    }
    if let Some(thread) = talk.thread() {
        note(&format!("[go on with --thread {thread}]"))?;
    }
    talk.leave().await;
    Ok(match screen.tally {
        tally if tally.mismatches > 0 => ExitCode::from(MISMATCH),
        tally if tally.not_done > 0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// One question, after an answer that may still be running in its thread.
async fn once(talk: &mut Talk, screen: &mut Screen, question: &str) -> Result<(), Failure> {
    if talk.thread().is_some() {
        settle(talk, screen).await?;
    }
    talk.ask(question);
    while talk.is_busy() {
        tokio::select! {
            told = talk.next() => screen.show(&told?)?,
            stop = tokio::signal::ctrl_c() => { stop?; talk.cancel(); }
        }
    }
    Ok(())
}

/// Reads a thread of old, and the answer that is being written in it, to its end.
async fn settle(talk: &mut Talk, screen: &mut Screen) -> Result<(), Failure> {
    while !talk.is_current() || talk.is_busy() {
        screen.show(&talk.next().await?)?;
    }
    Ok(())
}

/// Questions line by line until the input ends.
async fn converse(talk: &mut Talk, screen: &mut Screen) -> Result<(), Failure> {
    let mut lines = read_lines();
    let mut open = true;
    while open || talk.is_busy() {
        tokio::select! {
            told = talk.next() => screen.show(&told?)?,
            line = lines.recv(), if open && !talk.is_busy() => match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => talk.ask(line.trim()),
                None => open = false,
            },
            stop = tokio::signal::ctrl_c() => {
                stop?;
                if !talk.is_busy() {
                    return Ok(());
                }
                talk.cancel();
            }
        }
    }
    Ok(())
}

/// Standard input blocks, so a thread of its own reads it; it ends with the process.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn page(args: &Args) -> Option<Value> {
    let course = args.course.as_ref()?;
    Some(match &args.lesson {
        Some(lesson) => json!({ "course": course, "lesson": lesson }),
        None => json!({ "course": course }),
    })
}

/// Never an argument: arguments stand in the shell's history and in the list of processes.
fn password(args: &Args) -> Result<Secret, Failure> {
    if args.password_stdin {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n'])));
    }
    if let Some(password) = std::env::var_os(PASSWORD_VARIABLE) {
        let text = password.into_string();
        return text
            .map(Secret::new)
            .map_err(|_| Failure::new(format!("{PASSWORD_VARIABLE} holds what is not text")));
    }
    let terminal = console::Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::new(format!(
            "no password: set {PASSWORD_VARIABLE} or use --password-stdin"
        )));
    }
    terminal.write_str(&format!("Password of {}: ", args.email))?;
    Ok(Secret::new(terminal.read_secure_line()?))
}

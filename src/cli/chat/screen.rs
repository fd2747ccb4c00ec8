//! Shows a conversation: as text for a person, or as JSON lines for a script.

use std::io::{self, Write};

use serde_json::json;

use super::talk::Told;
use crate::{
    cli::client::{
        replica::{Checked, News},
        wire::Welcome,
    },
    domain::item::Source,
};

/// How an answer ended, for the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) done: u32,
    /// Failed, refused, or stopped.
    pub(crate) not_done: u32,
    /// The text was not what its length and hash say.
    pub(crate) mismatches: u32,
}

pub(crate) struct Screen {
    json: bool,
    sources: Vec<Source>,
    greeted: bool,
    /// Why the connection is away; told once.
    away: Option<String>,
    pub(crate) tally: Tally,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, sources: Vec::new(), greeted: false, away: None, tally: Tally::default() }
    }

    pub(crate) fn show(&mut self, told: &Told) -> io::Result<()> {
        match told {
            Told::Frame(line) if self.json => out(&format!("{line}\n")),
            Told::Frame(_) => Ok(()),
            Told::Welcome(welcome) => self.greet(welcome),
            Told::Lost(reason) => self.lost(reason),
            Told::Resumed(mode) => note(&format!("[resumed: {mode}]")),
            Told::Refused(refusal) => {
                self.tally.not_done += 1;
                note(&format!("[{}: {}]", refusal.code, refusal.message))
            }
            Told::News(news) => self.news(news),
        }
    }

    fn news(&mut self, news: &News) -> io::Result<()> {
        match news {
            News::Ended(checked) => self.ended(checked),
            News::Sources(sources) => {
                self.sources.clone_from(sources);
                Ok(())
            }
            _ if self.json => Ok(()),
            News::Text(text) => out(text),
            News::Restarted => out("\n[the answer begins anew]\n"),
            News::Queued => note("[waiting: other answers of yours are being written]"),
            News::Question(_) => Ok(()),
        }
    }

    fn lost(&mut self, reason: &str) -> io::Result<()> {
        // The causes below the first line are for a report of a bug, not for every try.
        let short = reason.lines().next().unwrap_or_default();
        if self.away.as_deref() == Some(short) {
            return Ok(());
        }
        self.away = Some(short.to_owned());
        note(&format!("[{short}; coming back]"))
    }

    fn greet(&mut self, welcome: &Welcome) -> io::Result<()> {
        self.away = None;
        if std::mem::replace(&mut self.greeted, true) {
            return Ok(());
        }
        let guide = match welcome.tutor.kind.as_str() {
            "extractive" => "the passage guide: it quotes your lessons, and is no AI model",
            kind => kind,
        };
        let left =
            welcome.quota.remaining.map_or_else(String::new, |n| format!(", {n} messages left"));
        note(&format!("[{} ({}){left}; {guide}]", welcome.user.name, welcome.user.role))?;
        match &welcome.page_error {
            Some(problem) => note(&format!("[the page was not taken: {problem}]")),
            None => Ok(()),
        }
    }

    fn ended(&mut self, checked: &Checked) -> io::Result<()> {
        match (checked.matches, checked.status.as_str()) {
            (false, _) => self.tally.mismatches += 1,
            (true, "done") => self.tally.done += 1,
            (true, _) => self.tally.not_done += 1,
        }
        let sources = std::mem::take(&mut self.sources);
        if self.json {
            let line = json!({ "type": "checked", "turn": checked.turn, "status": checked.status,
                "length": checked.length, "sha256": checked.sha256, "matches": checked.matches });
            return out(&format!("{line}\n"));
        }
        out("\n")?;
        for (number, source) in sources.iter().enumerate() {
            note(&format!("  [{}] {} ({})", number + 1, source.title, source.id))?;
        }
        let proof = if checked.matches {
            "complete: length and hash are right"
        } else {
            "NOT WHOLE: length or hash differ from what arrived"
        };
        let why = checked.error.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        note(&format!("[{}{why}; {} characters, {proof}]", checked.status, checked.length))
    }
}

/// Answers go to standard output, all else to standard error.
fn out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

pub(crate) fn note(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

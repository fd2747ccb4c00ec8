//! What a run tells at its end: lines for people, or one JSON object.

use std::{collections::BTreeMap, process::ExitCode};

use serde_json::{Map, Value};

use super::{
    Failure, progress,
    server::{Usage, Usages},
    tally::Tally,
};
use crate::cli::say;

pub(crate) struct Report {
    body: Map<String, Value>,
    lines: Vec<(String, String)>,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(mode: &str) -> Self {
        let mut body = Map::new();
        body.insert("mode".to_owned(), mode.into());
        Self { body, lines: Vec::new(), failures: Vec::new() }
    }

    /// One figure: its key and value for scripts, its name and words for people.
    pub(crate) fn fact(&mut self, key: &str, value: Value, (name, words): (&str, String)) {
        self.body.insert(key.to_owned(), value);
        self.lines.push((name.to_owned(), words));
    }

    /// A figure that people find in another line.
    pub(crate) fn silent(&mut self, key: &str, value: Value) {
        self.body.insert(key.to_owned(), value);
    }

    /// All that the clients counted. What breaks the protocol's promise fails the run, and with
    /// `strict` any other error does too.
    pub(crate) fn tally(&mut self, tally: &Tally, strict: bool) {
        if let Value::Object(fields) = tally.to_json() {
            self.body.extend(fields);
        }
        self.lines.extend(lines(tally));
        examples("error", tally);
        if tally.broken() > 0 {
            self.fail("the protocol's promise was broken");
        } else if strict && tally.all_errors() > 0 {
            self.fail("there were errors");
        }
    }

    pub(crate) fn usage(&mut self, usages: Option<Usages>, tokens: u64) {
        let Some(Usages { servers, also }) = usages else { return };
        if let Some(sum) = Usage::sum(servers.iter().map(|(_, usage)| *usage)) {
            self.fact("server", sum.to_json(tokens), ("server", sum.in_words(tokens)));
        }
        if servers.len() > 1 {
            self.each("servers", &servers, tokens);
        }
        if !also.is_empty() {
            self.each("also", &also, tokens);
        }
    }

    fn each(&mut self, key: &str, usages: &[(String, Usage)], tokens: u64) {
        let mut all = Map::new();
        for (name, usage) in usages {
            all.insert(name.clone(), usage.to_json(tokens));
            self.lines.push((name.clone(), usage.in_words(tokens)));
        }
        self.body.insert(key.to_owned(), Value::Object(all));
    }

    pub(crate) fn fail(&mut self, why: &str) {
        self.failures.push(why.to_owned());
    }

    pub(crate) fn print(mut self, json: bool) -> Result<ExitCode, Failure> {
        let passed = self.failures.is_empty();
        if json {
            self.body.insert("failures".to_owned(), self.failures.into());
            self.body.insert("passed".to_owned(), passed.into());
            say(&Value::Object(self.body).to_string())?;
        } else {
            for (name, words) in &self.lines {
                say(&format!("{name:<16} {words}"))?;
            }
            let verdict = if passed {
                "passed".to_owned()
            } else {
                format!("FAILED: {}", self.failures.join("; "))
            };
            say(&verdict)?;
        }
        Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Tells some of what was wrong at once, which a report as JSON has not in words.
pub(crate) fn examples(what: &str, tally: &Tally) {
    for example in &tally.examples {
        progress(&format!("{what}: {example}"));
    }
}

fn lines(tally: &Tally) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, words: String| lines.push((name.to_owned(), words));
    line(
        "answers",
        format!("{} of {} asked: {}", tally.all_ends(), tally.questions, list(&tally.ends)),
    );
    line(
        "broken promises",
        format!(
            "{} out of order, {} wrong texts, {} without an end",
            tally.order_errors, tally.sha_errors, tally.missing_ends
        ),
    );
    line("errors", format!("{}: {}", tally.all_errors(), list(&tally.errors)));
    line("first words", tally.first_delta.in_words());
    line("whole answer", tally.answers.in_words());
    line("between pieces", tally.gaps.in_words());
    line(
        "received",
        format!("{} tokens in {} messages, {} bytes", tally.tokens, tally.messages, tally.bytes),
    );
    if tally.losses() > 0 || tally.refused_connects > 0 {
        let (losses, refused) = (tally.losses(), tally.refused_connects);
        let codes = list(&tally.closes);
        line("lost", format!("{losses} connections ({codes}), {refused} connects in vain"));
    }
    for (mode, times) in &tally.resumes {
        line(&format!("resumed {mode}"), times.in_words());
    }
    if tally.back.count() > 0 {
        line("loss to words", tally.back.in_words());
    }
    if tally.stalls.count() > 0 {
        line("stall to words", tally.stalls.in_words());
    }
    if tally.resume.count() > 0 {
        line("hello to state", tally.resume.in_words());
    }
    if tally.continued + tally.restarted > 0 {
        let (continued, restarted) = (tally.continued, tally.restarted);
        line("taken over", format!("{continued} times continued, {restarted} restarted"));
    }
    lines
}

pub(crate) fn list<K: ToString>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<_> =
        counts.iter().map(|(kind, count)| format!("{} {count}", kind.to_string())).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(tally: &Tally, strict: bool) -> usize {
        let mut report = Report::new("chat");
        report.tally(tally, strict);
        report.failures.len()
    }

    #[test]
    fn a_broken_promise_fails_every_run_and_other_errors_only_a_strict_one() {
        let mut tally = Tally::default();
        assert_eq!((failures(&tally, true), failures(&tally, false)), (0, 0));

        tally.error("closed 1006", String::new);
        assert_eq!((failures(&tally, true), failures(&tally, false)), (1, 0));

        for broken in [
            Tally { order_errors: 1, ..Tally::default() },
            Tally { sha_errors: 1, ..Tally::default() },
            Tally { missing_ends: 1, ..Tally::default() },
        ] {
            assert_eq!(failures(&broken, false), 1);
        }
    }

    #[test]
    fn counts_are_listed_by_kind() {
        let tally = Tally { closes: [(4301, 2), (1006, 1)].into(), ..Tally::default() };
        assert_eq!(list(&tally.closes), "1006 1, 4301 2");
        assert_eq!(list(&tally.ends), "none");
    }
}

//! What is told at the end: a table of the invariants, and the first violation with its lines.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    Failure,
    checker::Checker,
    finding::{Spot, Violation},
    input,
    invariant::Invariant,
};
use crate::cli::say;

/// Characters of a line that are shown to people.
const SHOWN: usize = 400;

pub(crate) fn print(
    checker: &Checker,
    files: &[PathBuf],
    lines: u64,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let first = checker.findings.earliest();
    if as_json {
        say(&json(checker, files, lines)?.to_string())?;
    } else {
        table(checker, files.len(), lines)?;
        match first {
            None => say("nothing was broken")?,
            Some(violation) => tell(violation, files)?,
        }
    }
    Ok(if first.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(checker: &Checker, files: usize, lines: u64) -> Result<(), Failure> {
    let clients = checker.clients.len();
    say(&format!("{lines} lines of {clients} clients in {files} files"))?;
    for invariant in Invariant::all() {
        let (name, promise) = (invariant.to_string(), invariant.promise());
        let count = checker.findings.count(invariant);
        let outcome = match (count.facts, count.broken) {
            (0, _) => format!("not shown by these files (needs {})", invariant.shown_by()),
            (facts, 0) => format!("{facts} facts, none against"),
            (facts, broken) => format!("{facts} facts, {broken} AGAINST"),
        };
        say(&format!("{name:<4} {promise:<34} {outcome}"))?;
    }
    if checker.faults > 0 {
        say(&format!("{} times a client itself recorded a fault", checker.faults))?;
    }
    Ok(())
}

fn tell(violation: &Violation, files: &[PathBuf]) -> Result<(), Failure> {
    let Violation { invariant, what, spot, against } = violation;
    say(&format!("FIRST VIOLATION: {invariant} ({}): {what}", invariant.promise()))?;
    let Some(spot) = spot else {
        return Ok(say("  it stands in the database, and in no line")?);
    };
    for (line, text, is_it) in context(files, *spot)? {
        let mark = if is_it { '>' } else { ' ' };
        say(&format!("{mark} {}:{line}: {}", name(files, *spot), short(&text)))?;
    }
    if let Some(against) = against {
        say("  against:")?;
        for (line, text, _) in context(files, *against)?.into_iter().filter(|(_, _, it)| *it) {
            say(&format!("> {}:{line}: {}", name(files, *against), short(&text)))?;
        }
    }
    Ok(())
}

/// Number and text of the lines around, and whether it is the line itself.
fn context(files: &[PathBuf], spot: Spot) -> Result<Vec<(u64, String, bool)>, Failure> {
    let Some(path) = files.get(spot.file) else { return Ok(Vec::new()) };
    let lines = input::around(path, spot)?;
    Ok(lines.into_iter().map(|(line, text)| (line, text, line == spot.line)).collect())
}

fn name(files: &[PathBuf], spot: Spot) -> String {
    files.get(spot.file).map(|path| Path::display(path).to_string()).unwrap_or_default()
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str(" …");
    }
    shown
}

fn json(checker: &Checker, files: &[PathBuf], lines: u64) -> Result<Value, Failure> {
    let invariants: Vec<Value> = Invariant::all()
        .map(|invariant| {
            let count = checker.findings.count(invariant);
            json!({
                "id": invariant.to_string(),
                "promise": invariant.promise(),
                "facts": count.facts,
                "against": count.broken,
                "shown": count.facts > 0,
            })
        })
        .collect();
    let first = checker.findings.earliest();
    let told = first.map(|violation| first_json(violation, files)).transpose()?;
    Ok(json!({
        "files": files,
        "lines": lines,
        "clients": checker.clients.len(),
        "faults": checker.faults,
        "invariants": invariants,
        "first": told,
        "passed": first.is_none(),
    }))
}

fn first_json(violation: &Violation, files: &[PathBuf]) -> Result<Value, Failure> {
    let place = |spot: &Spot| json!({ "file": name(files, *spot), "line": spot.line });
    let mut around = Vec::new();
    if let Some(spot) = violation.spot {
        for (line, text, _) in context(files, spot)? {
            let text: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            around.push(json!({ "line": line, "text": text }));
        }
    }
    Ok(json!({
        "invariant": violation.invariant.to_string(),
        "what": violation.what,
        "at": violation.spot.as_ref().map(place),
        "client": violation.spot.map(|spot| spot.client),
        "against": violation.against.as_ref().map(place),
        "around": around,
    }))
}

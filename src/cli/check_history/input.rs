//! The files of histories, read line by line.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{
    checker::Checker,
    finding::Spot,
    line::{self, Line, Run},
};

const VERSION: u32 = 1;
/// Bytes read at once.
const READ: usize = 256 * 1024;

/// Why an input cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}:{line}: {why}", path.display())]
    Line { path: PathBuf, line: u64, why: String },
    #[error("{}: there is no .jsonl file in this folder", .0.display())]
    Nothing(PathBuf),
}

/// Folders as the `.jsonl` files in them, by name.
pub(crate) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Unreadable> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Unreadable::File { path: path.clone(), error };
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|extension| extension == "jsonl") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Unreadable::Nothing(path.clone()));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

/// Hands every line of a file to the checker and returns how many there were.
pub(crate) fn read(file: usize, path: &Path, checker: &mut Checker) -> Result<u64, Unreadable> {
    let failed = |error| Unreadable::File { path: path.to_owned(), error };
    let opened = File::open(path).map_err(failed)?;
    read_from(file, BufReader::with_capacity(READ, opened), checker).map_err(
        |broken| match broken {
            Broken::File(error) => failed(error),
            Broken::Line(line, why) => Unreadable::Line { path: path.to_owned(), line, why },
        },
    )
}

#[derive(Debug)]
pub(super) enum Broken {
    File(io::Error),
    Line(u64, String),
}

pub(super) fn read_from(
    file: usize,
    mut input: impl BufRead,
    checker: &mut Checker,
) -> Result<u64, Broken> {
    let mut bytes = Vec::new();
    let (mut number, mut started) = (0, 0.0);
    loop {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes).map_err(Broken::File)? == 0 {
            break;
        }
        number += 1;
        let wrong = |why: String| Broken::Line(number, why);
        let Some((b'\n', text)) = bytes.split_last() else {
            return Err(wrong("the line is cut off: was the writer killed?".to_owned()));
        };
        let text = std::str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
        let (head, line) = line::read(text).map_err(|error| wrong(error.to_string()))?;
        if number == 1 {
            started = start(&line).map_err(wrong)?;
        }
        let spot = Spot { file, line: number, client: head.client, at: started + head.t };
        checker.take(spot, line);
    }
    if number == 0 {
        return Err(Broken::Line(1, "the file is empty".to_owned()));
    }
    Ok(number)
}

/// The start of the run, in milliseconds since 1970.
fn start(line: &Line) -> Result<f64, String> {
    match line {
        Line::Run(Run { version: VERSION, started_ms, .. }) => {
            // Exact up to the year 287396, and read from JSON the same way.
            Ok(started_ms.to_string().parse().unwrap_or_default())
        }
        Line::Run(run) => Err(format!("version {} is not known; {VERSION} is", run.version)),
        _ => Err("the first line of a history is `run`".to_owned()),
    }
}

/// The lines of one client around a line, with their numbers: a few before, fewer after.
pub(crate) fn around(path: &Path, spot: Spot) -> io::Result<Vec<(u64, String)>> {
    const BEFORE: usize = 5;
    const AFTER: usize = 2;
    let mut shown: Vec<(u64, String)> = Vec::new();
    let mut after = 0;
    for (number, text) in (1..).zip(BufReader::with_capacity(READ, File::open(path)?).lines()) {
        let text = text?;
        let own = line::read(&text).is_ok_and(|(head, _)| head.client == spot.client);
        if number > spot.line {
            after += usize::from(own);
        } else if own && shown.len() > BEFORE {
            shown.remove(0);
        }
        if own {
            shown.push((number, text));
        }
        if after == AFTER {
            break;
        }
    }
    Ok(shown)
}

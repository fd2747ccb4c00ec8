//! The floor plan of ARCHITECTURE.md, as a test: who may name whom, and how big a room may be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    slice,
};

use crate::imports::{Imports, imports};

/// Every folder of `src/` that stands on a floor. Imports only go down, never sideways.
const FLOORS: &[&[&str]] = &[
    &["domain"],
    &["store", "bus", "turnlog", "rag", "llm", "mail"],
    &["auth", "course", "importer", "tutor"],
    &["actors"],
    &["http", "ws"],
];
/// Not on a floor: settings, figures and the connection to Redis, taken as arguments by every floor
/// but the ground.
const BESIDE: &[&str] = &["config", "telemetry", "link"];
/// Wires the rest together, so it may name everything; nothing may name it.
const ROOT: &[&str] = &["app", "cli", "lib", "main"];

/// What a folder (or file) must not name, though Cargo lets it. `std::env` counts as a crate.
const FOREIGN: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "actix", "actix_web", "reqwest", "std::env", "std::fs", "std::net::Tcp"]),
    ("store", &["actix", "actix_web"]),
    ("auth", &["actix", "actix_web", "diesel", "diesel_async"]),
    ("course", &["actix", "actix_web", "diesel", "diesel_async"]),
    ("tutor", &["actix", "actix_web", "diesel", "diesel_async"]),
    ("rag", &["actix", "actix_web", "diesel", "diesel_async"]),
    ("llm", &["actix", "actix_web", "diesel", "diesel_async"]),
    ("actors", &["actix_web", "actix_web_actors", "diesel", "diesel_async"]),
    ("http", &["actix_web_actors", "diesel", "diesel_async"]),
];

const LINES: usize = 500;
const SOURCE: &[&str] = &["rs", "ts", "tsx", "js", "mjs", "css", "sh", "py", "sql"];

#[test]
fn every_import_goes_down() {
    let wrong: Vec<String> = sources(Path::new("src"))
        .into_iter()
        .flat_map(|(path, found)| {
            wrong_imports(&module_of(&path), &found)
                .into_iter()
                .map(move |what| format!("{} names {what}", path.display()))
        })
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_source_has_its_place() {
    let places: Vec<&str> =
        FLOORS.iter().copied().chain([BESIDE, ROOT]).flatten().copied().collect();

    let homeless: Vec<String> = sources(Path::new("src"))
        .into_keys()
        .filter_map(|path| module_of(&path).first().cloned())
        .filter(|top| !places.contains(&top.as_str()))
        .collect();

    assert!(homeless.is_empty(), "not in the floor plan: {homeless:?}");
}

#[test]
fn one_file_alone_knows_the_websocket_crate() {
    let mut knowing: Vec<PathBuf> = sources(Path::new("src"))
        .into_iter()
        .filter(|(_, found)| found.foreign.iter().any(|path| is_of(path, "actix_web_actors")))
        .map(|(path, _)| path)
        .collect();
    knowing.sort();

    assert!(knowing.iter().all(|path| path.ends_with("ws/socket.rs")), "{knowing:?}");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut long = Vec::new();
    for root in ["src", "tests", "benches", "scripts", "loadtest", "web/src", "web/e2e"] {
        visit(Path::new(root), &mut |path| {
            let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if SOURCE.contains(&kind) {
                let lines = fs::read_to_string(path).unwrap().lines().count();
                if lines > LINES {
                    long.push(format!("{}: {lines} lines", path.display()));
                }
            }
        });
    }

    assert!(long.is_empty(), "more than {LINES} lines:\n{}", long.join("\n"));
}

/// Each way of writing a forbidden import, planted in a file of `src/store/rows.rs`.
#[test]
fn no_way_of_writing_an_import_escapes() {
    for planted in [
        "use crate::http::error::ApiError;",
        "use crate::{domain::ids::UserId, http};",
        "use crate::{domain::{clock, ids}, http::{self, error}};",
        "use super::super::http::error;",
        "use super::{super::http, Row};",
        "mod inner { use super::super::super::http; }",
        "fn f() { crate::http::serve(); }",
        "fn f() { let x: Vec<crate::http::Page> = Vec::new(); }",
        "fn f(x: &dyn super::super::http::Area) {}",
        "impl crate::http::Area for Row {}",
        "fn f() { read!(store, |conn| crate::http::serve(conn)) }",
        "fn f() { println!(\"{}\", super::super::http::NAME); }",
        "#[derive(crate::http::Area)] struct S;",
        "pub use crate::http as other;",
    ] {
        let wrong = wrong_imports(&at("store::rows"), &imports(planted, &at("store::rows")));
        assert_eq!(wrong, ["http"], "{planted}");
    }
    for hidden in ["use crate as root;", "use crate::*;", "use super::super::*;"] {
        let wrong = wrong_imports(&at("store::rows"), &imports(hidden, &at("store::rows")));
        assert_eq!(wrong, ["*"], "{hidden}");
    }
}

#[test]
fn what_is_allowed_is_not_mistaken() {
    for allowed in [
        "use crate::domain::ids::UserId; use crate::config::Database;",
        "use super::http; use self::http::Thing;", // store::http, a child of our own
        "fn f() { let http = 1; http.max(2); }",
        "#[cfg(test)] mod tests { use crate::http::Page; }",
        "#[cfg(test)] use crate::http::Page;",
    ] {
        let found = imports(allowed, &at("store::rows"));
        assert_eq!(wrong_imports(&at("store::rows"), &found), Vec::<String>::new(), "{allowed}");
    }
}

#[test]
fn neighbours_the_root_and_foreign_crates_are_caught_too() {
    let wrong = |module: &str, text: &str| wrong_imports(&at(module), &imports(text, &at(module)));

    assert_eq!(wrong("rag::bm25", "use crate::store::Store;"), ["store"]);
    assert_eq!(wrong("ws::codec", "use crate::http::error;"), ["http"]);
    assert_eq!(wrong("http::live", "use crate::app::App;"), ["app"]);
    assert_eq!(wrong("domain::clock", "use crate::config::Live;"), ["config"]);
    assert_eq!(wrong("domain::clock", "async fn f() { tokio::spawn(g()) }"), ["tokio::spawn"]);
    assert_eq!(wrong("domain::clock", "use std::{env, fmt};"), ["std::env"]);
    assert_eq!(wrong("actors::session", "use diesel::prelude::*;"), ["diesel::prelude"]);
    assert_eq!(
        wrong("http::live", "use ::diesel_async::RunQueryDsl;"),
        ["diesel_async::RunQueryDsl"]
    );
}

/// What the file of `module` names and must not.
fn wrong_imports(module: &[String], found: &Imports) -> Vec<String> {
    let Some(top) = module.first().map(String::as_str) else { return Vec::new() };
    if ROOT.contains(&top) {
        return Vec::new();
    }
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let may = |other: &str| {
        other == top
            || (BESIDE.contains(&other) && top != "domain")
            || floor(other).is_some_and(|there| floor(top).is_some_and(|here| there < here))
    };
    let ours = found.ours.iter().filter(|other| !may(other)).cloned();
    let banned = FOREIGN.iter().filter(|(folder, _)| *folder == top).flat_map(|(_, names)| *names);
    let foreign =
        banned.flat_map(|name| found.foreign.iter().filter(move |path| is_of(path, name)).cloned());
    ours.chain(foreign).collect()
}

/// `tokio::sync` is of `tokio`, `std::net::TcpStream` of `std::net::Tcp`, `tokio_stream` of neither.
fn is_of(path: &str, name: &str) -> bool {
    path == name
        || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::") || name.contains("::"))
}

/// Every file under `src/` with what it names, but those that are tests as a whole.
fn sources(root: &Path) -> BTreeMap<PathBuf, Imports> {
    let mut all = BTreeMap::new();
    visit(root, &mut |path| {
        if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(path).unwrap();
            all.insert(path.to_owned(), imports(&text, &module_of(path)));
        }
    });
    let tests: Vec<Vec<String>> = all
        .iter()
        .flat_map(|(path, found)| {
            let here = module_of(path);
            found.test_files.iter().map(move |name| [&here[..], slice::from_ref(name)].concat())
        })
        .collect();
    all.retain(|path, _| !tests.iter().any(|test| module_of(path).starts_with(test)));
    all
}

/// `src/http/auth/mod.rs` and `src/http/auth.rs` are both `http::auth`.
fn module_of(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix("src").unwrap_or(path).with_extension("");
    let mut parts: Vec<String> =
        inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn at(module: &str) -> Vec<String> {
    module.split("::").map(str::to_owned).collect()
}

fn visit(dir: &Path, file: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let hidden = path
            .file_name()
            .is_some_and(|name| name == "node_modules" || name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            visit(&path, file);
        } else if path.is_file() {
            file(&path);
        }
    }
}

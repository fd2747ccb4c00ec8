//! The protocol's types for the web front end, made from the ones that the server uses:
//! `web/src/live/protocol.ts` is the file, and this test is what writes and holds it.

use std::{collections::BTreeMap, env, fmt::Write, fs};

use ts_rs::{Config, TS, TypeVisitor};

use super::{
    frame::{Frame, LogFrame},
    limits,
    parse::{self, Line},
    request::{Request, Sign},
};
use crate::domain::code::Code;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/live/protocol.ts");
const WRITE: &str = "INTELLISTACK_WRITE_TYPES";

/// Each type by name, with all the types that it is made of.
struct Types<'a> {
    config: &'a Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Types<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only what was derived has a place of its own; the rest is written out where it is used.
        if T::output_path().is_none() || self.found.contains_key(&T::ident(self.config)) {
            return;
        }
        let declared =
            format!("{}export {}\n", T::docs().unwrap_or_default(), T::decl(self.config));
        self.found.insert(T::ident(self.config), declared);
        T::visit_dependencies(self);
    }
}

fn protocol() -> String {
    // Seqs and sizes stay below 2^53: they are plain numbers in JSON.
    let config = Config::new().with_large_int("number");
    let mut types = Types { config: &config, found: BTreeMap::new() };
    types.visit::<Frame>();
    types.visit::<LogFrame<'static>>();
    types.visit::<Request>();
    types.visit::<Sign>();

    let mut file = String::from(
        "// Made from src/domain of the server by `INTELLISTACK_WRITE_TYPES=1 cargo test --lib \
         typescript`; do not edit.\n\n",
    );
    let _ = writeln!(file, "export const SUBPROTOCOL = {:?};", limits::SUBPROTOCOL);
    let _ = writeln!(file, "export const TICKET_PREFIX = {:?};", limits::TICKET_PREFIX);
    let _ = writeln!(
        file,
        "/** Unicode characters of each text. */\nexport const LIMITS = {{ text: {}, quote: {}, \
         reason: {}, notice: {} }} as const;\n",
        limits::TEXT,
        limits::QUOTE,
        limits::REASON,
        limits::NOTICE
    );
    file.push_str(&types.found.into_values().collect::<Vec<_>>().join("\n"));
    // The generator leaves a blank before the comments of fields.
    file.replace(" \n", "\n")
}

#[test]
fn the_web_front_end_has_the_types_of_this_server() {
    let wanted = protocol();

    if env::var_os(WRITE).is_some_and(|value| value == "1") {
        fs::write(FILE, &wanted).unwrap();
    }

    let there = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        there == wanted,
        "web/src/live/protocol.ts is not what the types of src/domain give. Write it anew: \
         {WRITE}=1 cargo test --lib typescript"
    );
}

#[test]
fn every_request_that_typescript_may_make_is_one_that_the_parser_knows() {
    let config = Config::new();
    let declared =
        Request::decl(&config) + &super::request::Action::decl(&config) + &Sign::decl(&config);
    let kinds: Vec<&str> = declared
        .split("\"type\": \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();

    assert_eq!(kinds.len(), 23, "{kinds:?}");
    for kind in kinds {
        let line = format!(r#"{{"type":"{kind}","id":1}}"#);
        let unknown = matches!(
            parse::parse(&line),
            Ok(Line::Refused(refusal)) if refusal.code == Code::UnknownType
        );
        assert!(!unknown, "{kind}");
    }
}

//! The rules of `deny.toml`, held without network: licences, bans, sources.

use std::{collections::BTreeMap, fs, process::Command};

use toml::{Table, Value};

fn table(path: &str) -> Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The versions of every package in the lock file, those of other platforms too.
fn locked() -> BTreeMap<String, Vec<String>> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in table("Cargo.lock")["package"].as_array().unwrap() {
        let version = text(package, "version").to_owned();
        versions.entry(text(package, "name").to_owned()).or_default().push(version);
    }
    versions
}

#[test]
fn no_banned_package_and_no_second_version_of_a_central_one() {
    let rules = table("deny.toml");
    let locked = locked();
    assert!(locked["rustls"].len() == 1 && locked.len() > 100, "the lock file was read");

    for rule in rules["bans"]["deny"].as_array().unwrap() {
        let name = text(rule, "crate");
        let versions = locked.get(name).map_or(&[][..], Vec::as_slice);
        if rule.get("deny-multiple-versions").is_some() {
            assert!(versions.len() == 1, "{name} should be there once: {versions:?}");
        } else {
            assert!(versions.is_empty(), "{name} is banned: {versions:?}");
        }
    }
}

#[test]
fn every_package_comes_from_the_registry() {
    for package in table("Cargo.lock")["package"].as_array().unwrap() {
        let source = text(package, "source");
        let ours = text(package, "name") == "intellistack" && source.is_empty();
        assert!(ours || source.starts_with("registry+"), "{package}");
    }
}

#[test]
fn every_licence_is_allowed() {
    let rules = table("deny.toml");
    let allowed: Vec<&str> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();

    let refused: Vec<String> = metadata()["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or("none"), &allowed))
        .map(|package| {
            format!("{} {}: {}", package["name"], package["version"], package["license"])
        })
        .collect();

    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_licence_expression_is_read_as_spdx_has_it() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception"];

    for good in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(MIT) AND (GPL-3.0 OR MIT)"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", "none"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
    assert!(is_allowed("Apache-2.0 WITH LLVM-exception", &allowed));
}

/// The packages that are built on this machine's platform.
fn metadata() -> serde_json::Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `OR` binds less than `AND`; `/` is the old way of writing `OR`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.trim();
    if let Some(parts) = split(&expression.replace('/', " OR "), " OR ") {
        return parts.iter().any(|part| is_allowed(part, allowed));
    }
    if let Some(parts) = split(expression, " AND ") {
        return parts.iter().all(|part| is_allowed(part, allowed));
    }
    expression
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .map_or_else(|| allowed.contains(&expression), |inner| is_allowed(inner, allowed))
}

/// Splits outside parentheses; `None` if there is nothing to split.
fn split(expression: &str, at: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    let mut rest = expression;
    while let Some(next) = rest.chars().next() {
        if depth == 0 && rest.starts_with(at) {
            parts.push(String::new());
            rest = &rest[at.len()..];
            continue;
        }
        depth += i32::from(next == '(') - i32::from(next == ')');
        parts.last_mut().unwrap().push(next);
        rest = &rest[next.len_utf8()..];
    }
    (parts.len() > 1).then_some(parts)
}

//! The web front end is embedded from `web/dist`; a checkout where it is not built yet still
//! compiles, and serves a page that says how to build it.

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment")]
fn main() {
    if let Err(error) = std::fs::create_dir_all("web/dist") {
        println!("cargo::warning=cannot create web/dist: {error}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=migrations");
    // A debug build reads the pages from the folder; any other has them inside.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=web/dist");
    }
}

//! The program's door; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Must come first: two crypto providers are linked (qdrant-client brings ring), and rustls
    // refuses to choose between them. An error means that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    intellistack::cli::main()
}

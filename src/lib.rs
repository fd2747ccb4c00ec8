//! IntelliStack: the chat server of a school that teaches in stages.
//!
//! `ARCHITECTURE.md` has the floor plan; `tests/it/architecture.rs` holds it.

mod actors;
mod app;
mod auth;
mod bus;
pub mod cli;
pub mod config;
mod course;
pub mod domain;
mod http;
mod importer;
mod link;
mod llm;
mod mail;
mod rag;
mod store;
mod telemetry;
mod turnlog;
mod tutor;
mod ws;

//! The JSON of chat completions, written strictly and read leniently: servers leave fields out, add
//! their own, send `null` for lists and lists for text.

use serde_json::{Map, Value, json};

use crate::llm::{Author, ChatMessage, ModelRequest};

/// The request. Nothing optional that a server might refuse, apart from the usage report.
pub(super) fn body(model: &str, request: &ModelRequest, prefill: bool) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    let mut body = Map::new();
    if prefill && !request.prefix.is_empty() {
        let begun = ChatMessage { author: Author::Assistant, text: request.prefix.clone() };
        messages.push(message(&begun));
        body.insert("continue_final_message".to_owned(), true.into());
        body.insert("add_generation_prompt".to_owned(), false.into());
    }
    body.insert("model".to_owned(), model.into());
    body.insert("messages".to_owned(), messages.into());
    body.insert("stream".to_owned(), true.into());
    body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    body.into()
}

pub(super) fn message(message: &ChatMessage) -> Value {
    let role = match message.author {
        Author::System => "system",
        Author::User => "user",
        Author::Assistant => "assistant",
    };
    json!({"role": role, "content": message.text})
}

/// One event of a stream.
pub(super) struct Chunk(Value);

impl Chunk {
    pub(super) const fn new(value: Value) -> Self {
        Self(value)
    }

    /// An error in place of an event, as vLLM and proxies send it under status 200.
    pub(super) fn fault(&self) -> Option<String> {
        let error = self.0.get("error").filter(|error| !error.is_null());
        let is_error = self.0.get("object").and_then(Value::as_str) == Some("error");
        (error.is_some() || is_error).then(|| "the server sent an error".to_owned())
    }

    /// The new text; `None` for an event that brings none (a role, a thought, the usage).
    pub(super) fn text(&self) -> Option<String> {
        let content = self.choice()?.get("delta")?.get("content")?;
        let text = match content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
            }
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn finish_reason(&self) -> Option<&str> {
        self.choice()?.get("finish_reason")?.as_str()
    }

    /// Tokens read and written.
    pub(super) fn usage(&self) -> Option<(u32, u32)> {
        let usage = self.0.get("usage")?;
        let count = |name| {
            let count = usage.get(name).and_then(Value::as_u64)?;
            Some(u32::try_from(count).unwrap_or(u32::MAX))
        };
        Some((count("prompt_tokens")?, count("completion_tokens").unwrap_or(0)))
    }

    fn choice(&self) -> Option<&Value> {
        self.0.get("choices")?.get(0)
    }
}

//! The JSON of the Responses API, written strictly and read leniently.

use serde_json::{Map, Value, json};

use crate::llm::{ChatMessage, openai::wire::message};

/// Longer ones are no names.
const LONGEST_ID: usize = 256;

/// The request. Only an answer in the background is to be stored.
pub(super) fn body(model: &str, messages: &[ChatMessage], background: bool) -> Value {
    let mut body = Map::new();
    if background {
        body.insert("background".to_owned(), true.into());
    }
    body.insert("input".to_owned(), messages.iter().map(message).collect());
    body.insert("model".to_owned(), model.into());
    body.insert("store".to_owned(), background.into());
    body.insert("stream".to_owned(), json!(true));
    body.into()
}

/// Whether a stored response will never be an answer.
pub(super) fn has_failed(response: &Value) -> bool {
    matches!(text(response, "status"), Some("failed" | "cancelled"))
}

/// One event of a stream.
pub(super) struct Event(Value);

/// What an event is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    /// With the tokens read and written.
    Finished(Option<(u32, u32)>),
    /// The model or its filter declined.
    Moderated,
    Failed,
    Nothing,
}

impl Event {
    pub(super) const fn new(value: Value) -> Self {
        Self(value)
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.0.get("sequence_number")?.as_u64()
    }

    /// The response's name, if it can stand in a URL as it is.
    pub(super) fn id(&self) -> Option<&str> {
        let id = text(self.0.get("response")?, "id")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_plain = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(plain);
        is_plain.then_some(id)
    }

    pub(super) fn said(&self) -> Said {
        match text(&self.0, "type") {
            Some("response.output_text.delta") => match text(&self.0, "delta") {
                Some(delta) if !delta.is_empty() => Said::Text(delta.to_owned()),
                _ => Said::Nothing,
            },
            Some("response.completed") => Said::Finished(self.usage()),
            Some("response.incomplete") => match self.why_incomplete() {
                Some("content_filter") => Said::Moderated,
                _ => Said::Finished(self.usage()),
            },
            Some("response.refusal.delta" | "response.refusal.done") => Said::Moderated,
            Some("response.failed" | "response.cancelled" | "error") => Said::Failed,
            None if self.0.get("error").is_some_and(|error| !error.is_null()) => Said::Failed,
            _ => Said::Nothing,
        }
    }

    fn usage(&self) -> Option<(u32, u32)> {
        let usage = self.0.get("response")?.get("usage")?;
        let count = |name| {
            let count = usage.get(name).and_then(Value::as_u64)?;
            Some(u32::try_from(count).unwrap_or(u32::MAX))
        };
        Some((count("input_tokens")?, count("output_tokens").unwrap_or(0)))
    }

    fn why_incomplete(&self) -> Option<&str> {
        text(self.0.get("response")?.get("incomplete_details")?, "reason")
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_lead_elsewhere_is_none() {
        let id = |id: &str| {
            let event = Event::new(json!({ "response": { "id": id } }));
            event.id().map(str::to_owned)
        };

        assert_eq!(id("resp_68-Af").as_deref(), Some("resp_68-Af"));
        for odd in ["", "..", "a/b", "a?b=c", "a#b", "ä", "a b", &"a".repeat(257)] {
            assert_eq!(id(odd), None, "{odd}");
        }
    }

    #[test]
    fn events_are_read_whatever_else_they_hold() {
        let said = |event: Value| Event::new(event).said();
        let delta = json!({"type": "response.output_text.delta", "delta": "So", "logprobs": 7});
        let filter = json!({"type": "response.incomplete",
            "response": {"incomplete_details": {"reason": "content_filter"}}});
        let long = json!({"type": "response.incomplete", "response": {"usage": null,
            "incomplete_details": {"reason": "max_output_tokens"}}});
        let done = json!({"type": "response.completed",
            "response": {"usage": {"input_tokens": 3, "output_tokens": 4, "cost": "0.1"}}});

        assert_eq!(said(delta), Said::Text("So".to_owned()));
        assert_eq!(said(filter), Said::Moderated);
        assert_eq!(said(long), Said::Finished(None));
        assert_eq!(said(done), Said::Finished(Some((3, 4))));
        assert_eq!(said(json!({"type": "response.refusal.delta", "delta": "No"})), Said::Moderated);
        for failed in [json!({"type": "error"}), json!({"error": {"message": "oom"}})] {
            assert_eq!(said(failed), Said::Failed);
        }
        for odd in [json!({"type": "response.queued"}), json!({"error": null}), json!([1])] {
            assert_eq!(said(odd), Said::Nothing);
        }
    }
}

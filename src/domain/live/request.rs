//! What a client asks. One line of a text frame is one JSON object; `type` names it and `id` is
//! echoed by its one answer.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::limits;
use crate::domain::{
    code::Code,
    ids::{CourseId, Epoch, LessonId, MessageId, StayId, ThreadId, TurnId},
};

/// Where the client is: names only, the server reads the text from its own store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Page {
    pub course: CourseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<LessonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
}

/// What a client has of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resume {
    pub thread: ThreadId,
    #[serde(default)]
    pub epoch: Option<Epoch>,
    #[serde(default)]
    pub seq: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Hello {
    #[serde(default)]
    pub client: Option<String>,
    /// The stay to go on with.
    #[serde(default)]
    pub session: Option<StayId>,
    #[serde(default)]
    pub token: Option<String>,
    /// Read leniently: a bad page is named in `welcome.page_error`, it does not refuse the hello.
    #[serde(default)]
    pub page: Option<Value>,
    #[serde(default)]
    pub resume: Vec<Resume>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Send {
    #[serde(default)]
    pub thread: Option<ThreadId>,
    pub message_id: MessageId,
    pub text: String,
    #[serde(default)]
    pub quote: Option<String>,
    #[serde(default)]
    pub page: Option<Page>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct History {
    pub thread: ThreadId,
    #[serde(default)]
    pub before: Option<String>,
    #[serde(default)]
    pub limit: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct OfThread {
    pub thread: ThreadId,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Cancel {
    pub turn: TurnId,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Context {
    pub page: Page,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Auth {
    pub token: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Watch {
    pub feed: String,
    #[serde(default)]
    pub filter: Filter,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Filter {
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub course: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Unwatch {
    pub feed: String,
}

/// A request that gets exactly one answer.
#[derive(Debug, Clone)]
pub enum Request {
    Hello(Hello),
    Send(Send),
    Cancel(Cancel),
    Open(OfThread),
    Close(OfThread),
    History(History),
    Context(Context),
    Auth(Auth),
    Watch(Watch),
    Unwatch(Unwatch),
}

/// One line, understood.
#[derive(Debug, Clone)]
pub enum Line {
    Ask(u32, Request),
    /// `ack` and `heartbeat`: signs of life, never answered.
    Sign,
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub id: Option<u32>,
    pub code: Code,
    pub message: String,
}

/// The line is no JSON object: the socket closes with `bad_frame`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadFrame;

/// Reads one line of a text frame.
pub fn parse(line: &str) -> Result<Line, BadFrame> {
    let Ok(Value::Object(object)) = serde_json::from_str(line) else { return Err(BadFrame) };
    let id = object.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let refused = |code, message: String| Line::Refused(Refusal { id, code, message });
    let Some(kind) = object.get("type").and_then(Value::as_str).map(str::to_owned) else {
        return Ok(refused(Code::BadRequest, "an object needs a string `type`".to_owned()));
    };
    if matches!(kind.as_str(), "ack" | "heartbeat") {
        return Ok(Line::Sign);
    }
    let request = match read(&kind, Value::Object(object)) {
        Ok(Some(request)) => request,
        Ok(None) => {
            return Ok(refused(Code::UnknownType, format!("unknown type {kind:?}")));
        }
        Err(error) => return Ok(refused(Code::BadRequest, format!("{kind}: {error}"))),
    };
    let Some(id) = id else {
        return Ok(refused(Code::BadRequest, format!("{kind}: `id` must be a whole number (u32)")));
    };
    Ok(match check(&request) {
        Ok(()) => Line::Ask(id, request),
        Err((code, message)) => refused(code, message),
    })
}

fn read(kind: &str, object: Value) -> Result<Option<Request>, serde_json::Error> {
    fn of<T: DeserializeOwned>(
        object: Value,
        wrap: fn(T) -> Request,
    ) -> Result<Option<Request>, serde_json::Error> {
        serde_json::from_value(object).map(|body| Some(wrap(body)))
    }
    match kind {
        "hello" => of(object, Request::Hello),
        "send" => of(object, Request::Send),
        "cancel" => of(object, Request::Cancel),
        "open" => of(object, Request::Open),
        "close" => of(object, Request::Close),
        "history" => of(object, Request::History),
        "context" => of(object, Request::Context),
        "auth" => of(object, Request::Auth),
        "watch" => of(object, Request::Watch),
        "unwatch" => of(object, Request::Unwatch),
        _ => Ok(None),
    }
}

fn check(request: &Request) -> Result<(), (Code, String)> {
    let longer = |what: &str, text: &str, most: usize| -> Result<(), (Code, String)> {
        if text.chars().count() > most {
            return Err((Code::TooLarge, format!("{what} may hold {most} characters")));
        }
        Ok(())
    };
    match request {
        Request::Send(send) => {
            longer("text", &send.text, limits::TEXT)?;
            longer("quote", send.quote.as_deref().unwrap_or_default(), limits::QUOTE)?;
            longer("message_id", send.message_id.as_str(), limits::MESSAGE_ID)?;
            if send.text.trim().is_empty() || send.message_id.as_str().is_empty() {
                let message = "`text` and `message_id` must not be empty".to_owned();
                return Err((Code::BadRequest, message));
            }
            if send.text.contains('\0') || send.message_id.as_str().contains('\0') {
                return Err((Code::BadRequest, "NUL is not allowed".to_owned()));
            }
            Ok(())
        }
        Request::History(History { limit: Some(limit), .. })
            if !(1..=limits::HISTORY_PAGE_MAX).contains(limit) =>
        {
            Err((Code::BadRequest, "`limit` is 1 to 100".to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(line: &str) -> (Option<u32>, Code) {
        match parse(line).unwrap() {
            Line::Refused(Refusal { id, code, .. }) => (id, code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_object_closes_the_socket() {
        for line in ["", "x", "[]", "3", "\"send\"", "{", "null"] {
            assert_eq!(parse(line).unwrap_err(), BadFrame, "{line}");
        }
    }

    #[test]
    fn a_bad_request_is_answered_with_its_id_if_it_has_one() {
        assert_eq!(refusal(r#"{"id":1}"#), (Some(1), Code::BadRequest));
        assert_eq!(refusal(r#"{"type":3,"id":1}"#), (Some(1), Code::BadRequest));
        assert_eq!(
            refusal(r#"{"type":"fly","id":4294967295}"#),
            (Some(u32::MAX), Code::UnknownType)
        );
        assert_eq!(refusal(r#"{"type":"send","id":2}"#), (Some(2), Code::BadRequest));
        assert_eq!(refusal(r#"{"type":"open","thread":"t"}"#), (None, Code::BadRequest));
        assert_eq!(refusal(r#"{"type":"open","id":-1,"thread":"t"}"#), (None, Code::BadRequest));
    }

    #[test]
    fn a_field_over_its_limit_is_too_large_and_unknown_fields_are_ignored() {
        let send = |text: &str| {
            format!(r#"{{"type":"send","id":1,"message_id":"m","text":"{text}","x":1}}"#)
        };

        assert!(matches!(
            parse(&send("é".repeat(8_000).as_str())),
            Ok(Line::Ask(1, Request::Send(_)))
        ));
        assert_eq!(refusal(&send("é".repeat(8_001).as_str())), (Some(1), Code::TooLarge));
        assert_eq!(refusal(&send(" ")), (Some(1), Code::BadRequest));
        assert_eq!(
            refusal(r#"{"type":"history","id":1,"thread":"t","limit":101}"#),
            (Some(1), Code::BadRequest)
        );
    }

    #[test]
    fn signs_of_life_need_no_id() {
        assert!(matches!(parse(r#"{"type":"heartbeat"}"#), Ok(Line::Sign)));
        assert!(matches!(parse(r#"{"type":"ack","seqs":{"t":1}}"#), Ok(Line::Sign)));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_fail_in_any_other_way(line in ".{0,80}") {
            let _ = parse(&line);
        }
    }
}

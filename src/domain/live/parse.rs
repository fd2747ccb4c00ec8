//! Reading what a client sent. One line of a text frame is one JSON object; `type` names it and
//! `id` is echoed by its one answer (`live.md` §2).

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    limits,
    request::{Action, Edit, Feedback, History, Request, Send, Sign},
};
use crate::domain::{code::Code, ids::MessageId};

/// One line, understood.
#[derive(Debug, Clone)]
pub enum Line {
    Ask(u32, Request),
    Sign(Sign),
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
    let request = match read(&kind, Value::Object(object)) {
        Ok(Some(Read::Sign(sign))) => return Ok(Line::Sign(sign)),
        Ok(Some(Read::Request(request))) => request,
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

enum Read {
    Request(Request),
    Sign(Sign),
}

fn read(kind: &str, object: Value) -> Result<Option<Read>, serde_json::Error> {
    fn of<T: DeserializeOwned>(
        object: Value,
        wrap: fn(T) -> Request,
    ) -> Result<Option<Read>, serde_json::Error> {
        serde_json::from_value(object).map(|body| Some(Read::Request(wrap(body))))
    }
    fn act<T: DeserializeOwned>(
        object: Value,
        wrap: fn(T) -> Action,
    ) -> Result<Option<Read>, serde_json::Error> {
        serde_json::from_value(object).map(|body| Some(Read::Request(Request::Act(wrap(body)))))
    }
    fn sign<T: DeserializeOwned>(
        object: Value,
        wrap: fn(T) -> Sign,
    ) -> Result<Option<Read>, serde_json::Error> {
        serde_json::from_value(object).map(|body| Some(Read::Sign(wrap(body))))
    }
    match kind {
        "hello" => of(object, Request::Hello),
        "send" => of(object, Request::Send),
        "edit" => of(object, Request::Edit),
        "regenerate" => of(object, Request::Regenerate),
        "hint" => of(object, Request::Hint),
        "cancel" => of(object, Request::Cancel),
        "open" => of(object, Request::Open),
        "close" => of(object, Request::Close),
        "history" => of(object, Request::History),
        "context" => of(object, Request::Context),
        "feedback" => of(object, Request::Feedback),
        "auth" => of(object, Request::Auth),
        "watch" => of(object, Request::Watch),
        "unwatch" => of(object, Request::Unwatch),
        "kick" => act(object, Action::Kick),
        "revoke" => act(object, Action::Revoke),
        "cancel_turn" => act(object, Action::CancelTurn),
        "drain_node" => act(object, Action::DrainNode),
        "notice" => act(object, Action::Notice),
        "set_quota" => act(object, Action::SetQuota),
        "ack" => sign(object, Sign::Ack),
        "heartbeat" => sign(object, Sign::Heartbeat),
        "typing" => sign(object, Sign::Typing),
        _ => Ok(None),
    }
}

type Checked = Result<(), (Code, String)>;

fn check(request: &Request) -> Checked {
    match request {
        Request::Send(Send { text, quote, message_id, .. }) => {
            said("text", text, limits::TEXT)?;
            longest("quote", quote.as_deref().unwrap_or_default(), limits::QUOTE)?;
            named(message_id)
        }
        Request::Edit(Edit { text, message_id, .. }) => {
            said("text", text, limits::TEXT)?;
            message_id.as_ref().map_or(Ok(()), named)
        }
        Request::Regenerate(request) => request.message_id.as_ref().map_or(Ok(()), named),
        Request::Hint(request) => request.message_id.as_ref().map_or(Ok(()), named),
        Request::Feedback(Feedback { reason: Some(reason), .. }) => {
            longest("reason", reason, limits::REASON)
        }
        Request::History(History { limit: Some(limit), .. })
            if !(1..=limits::HISTORY_PAGE_MAX).contains(limit) =>
        {
            Err((Code::BadRequest, "`limit` is 1 to 100".to_owned()))
        }
        Request::Act(action) => check_action(action),
        _ => Ok(()),
    }
}

fn check_action(action: &Action) -> Checked {
    match action {
        Action::Notice(notice) => said("text", &notice.text, limits::NOTICE),
        Action::Kick(kick) => {
            longest("reason", kick.reason.as_deref().unwrap_or_default(), limits::REASON)
        }
        Action::SetQuota(quota) if quota.limit.is_some_and(|limit| limit < 0) => {
            Err((Code::BadRequest, "`limit` is 0 or more, or null".to_owned()))
        }
        Action::Revoke(revoke) if revoke.session.is_some() == revoke.user.is_some() => {
            Err((Code::BadRequest, "revoke needs either `session` or `user`".to_owned()))
        }
        _ => Ok(()),
    }
}

fn longest(what: &str, text: &str, most: usize) -> Checked {
    if text.chars().count() > most {
        return Err((Code::TooLarge, format!("{what} may hold {most} characters")));
    }
    // PostgreSQL cannot store it.
    if text.contains('\0') {
        return Err((Code::BadRequest, "NUL is not allowed".to_owned()));
    }
    Ok(())
}

fn said(what: &str, text: &str, most: usize) -> Checked {
    if text.trim().is_empty() {
        return Err((Code::BadRequest, format!("`{what}` must not be empty")));
    }
    longest(what, text, most)
}

fn named(message_id: &MessageId) -> Checked {
    if message_id.as_str().is_empty() {
        return Err((Code::BadRequest, "`message_id` must not be empty".to_owned()));
    }
    longest("message_id", message_id.as_str(), limits::MESSAGE_ID)
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
        assert!(matches!(parse(r#"{"type":"heartbeat"}"#), Ok(Line::Sign(Sign::Heartbeat(_)))));
        let ack = parse(r#"{"type":"ack","seqs":{"t":1}}"#);
        assert!(matches!(ack, Ok(Line::Sign(Sign::Ack(seqs))) if seqs.seqs.len() == 1));
        assert_eq!(refusal(r#"{"type":"typing","thread":"t"}"#), (None, Code::BadRequest));
    }

    #[test]
    fn what_staff_ask_for_is_held_to_its_shape() {
        let two = r#"{"type":"revoke","id":1,"user":"u","session":"s"}"#;
        for line in [
            r#"{"type":"revoke","id":1}"#,
            two,
            r#"{"type":"notice","id":1,"text":" "}"#,
            r#"{"type":"set_quota","id":1,"user":"u","limit":-1}"#,
            r#"{"type":"kick","id":1}"#,
        ] {
            assert_eq!(refusal(line), (Some(1), Code::BadRequest), "{line}");
        }
        let quota = parse(r#"{"type":"set_quota","id":1,"user":"u","limit":null}"#);
        assert!(matches!(quota, Ok(Line::Ask(1, Request::Act(Action::SetQuota(_))))));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_fail_in_any_other_way(line in ".{0,80}") {
            let _ = parse(&line);
        }
    }
}

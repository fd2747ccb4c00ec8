//! A model for tests: answers the vocabulary of `chatkit-scripted-agent.md` to the letter, and any
//! other text with seeded words. It is off unless a test switch is set.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{
    Answer, Continuation, Model, ModelError, ModelEvent, ModelKind, ModelRequest,
    generate::generate,
    mix,
    pace::{Pace, count_words, spoken},
    pick,
};
use crate::domain::code::Code;

/// See the module.
pub(crate) struct Scripted {
    pace: Pace,
}

impl Scripted {
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace }
    }
}

/// What a `/ck` line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    /// These deltas, each after a pause.
    Say(Vec<String>, Duration),
    /// These deltas, then an error.
    Fail(Vec<String>, ModelError),
}

/// More would be a test's mistake, and a server's memory.
const MOST_TOKENS: u64 = 100_000;

#[async_trait]
impl Model for Scripted {
    fn kind(&self) -> ModelKind {
        ModelKind::Scripted
    }

    async fn stream(&self, request: ModelRequest) -> Result<Answer, ModelError> {
        let skip = request.prefix.len();
        let input = count_words(&request.material.question);
        match command(&request) {
            Some(Command::Say(parts, pause)) => {
                let output = u32::try_from(parts.len()).unwrap_or(u32::MAX);
                Ok(timed(parts, pause, skip, Ok(ModelEvent::Usage { input, output })))
            }
            Some(Command::Fail(parts, error)) if parts.is_empty() => Err(error),
            Some(Command::Fail(parts, error)) => Ok(timed(parts, Duration::ZERO, 0, Err(error))),
            None => {
                let text = seeded(request.seed);
                let usage = ModelEvent::Usage { input, output: count_words(&text) };
                Ok(self.pace.say(spoken(&text), skip, usage))
            }
        }
    }

    fn continuation(&self) -> Continuation {
        Continuation::Replay
    }
}

/// `parts`, a pause before each that the reader has not, then `last`.
fn timed(
    parts: Vec<String>,
    pause: Duration,
    skip: usize,
    last: Result<ModelEvent, ModelError>,
) -> Answer {
    generate(move |out| async move {
        let mut said = 0;
        for part in parts {
            said += part.len();
            if !pause.is_zero() && said > skip {
                tokio::time::sleep(pause).await;
            }
            out.send(Ok(ModelEvent::Text(part))).await;
        }
        out.send(last).await;
    })
}

fn command(request: &ModelRequest) -> Option<Command> {
    let question = request.material.question.as_str();
    let mut words = question.strip_prefix("/ck ")?.split_whitespace();
    let say = |parts: &[&str]| {
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        Some(Command::Say(parts, Duration::ZERO))
    };
    match words.next()? {
        "ping" => say(&["po", "ng"]),
        "echo" => say(&[&echo(request)]),
        "tokens" => {
            let count = words.next()?.parse::<u64>().ok()?.min(MOST_TOKENS);
            let pause = words.next().and_then(|ms| ms.parse().ok()).unwrap_or(0);
            let parts = (0..count).map(|n| format!("tok{n} ")).collect();
            Some(Command::Say(parts, Duration::from_millis(pause)))
        }
        "error" => error(words.next()?),
        _ => None,
    }
}

fn error(kind: &str) -> Option<Command> {
    let scripted = |code, message: &str| {
        let message = message.to_owned();
        ModelError::Scripted { code, message }
    };
    let fail = |parts: &[&str], error| {
        Some(Command::Fail(parts.iter().map(|part| (*part).to_owned()).collect(), error))
    };
    let stream = || ModelError::Broken("by script".to_owned());
    match kind {
        "custom" => {
            let told = "You have used your 20 messages for today.";
            fail(&[], scripted(Code::QuotaExceeded, told))
        }
        "stream" => fail(&[], stream()),
        "crash" => fail(&[], scripted(Code::Internal, "The script crashed.")),
        "partial" => fail(&["par", "tial"], stream()),
        _ => None,
    }
}

/// The user's message as JSON, absent fields omitted.
fn echo(request: &ModelRequest) -> String {
    let material = &request.material;
    let mut said = json!({
        "content": [{"type": "input_text", "text": material.question}],
        "attachments": [],
        "inference_options": {},
    });
    if let (Some(quote), Some(fields)) = (&material.quote, said.as_object_mut()) {
        fields.insert("quoted_text".to_owned(), json!(quote));
    }
    said.to_string()
}

const WORDS: [&str; 32] = [
    "every",
    "clock",
    "drifts",
    "before",
    "a",
    "message",
    "arrives",
    "and",
    "the",
    "leader",
    "counts",
    "votes",
    "while",
    "followers",
    "wait",
    "for",
    "quorum",
    "to",
    "form",
    "again",
    "because",
    "copies",
    "may",
    "differ",
    "until",
    "one",
    "log",
    "decides",
    "what",
    "happened",
    "first",
    "then",
];

/// 40 to 167 words in sentences, a question at the end.
fn seeded(seed: u64) -> String {
    let count = 40 + mix(seed, 0) % 128;
    let mut text = String::new();
    for slot in 1..=count {
        text.push_str(pick(&WORDS, seed, slot).copied().unwrap_or_default());
        text.push_str(match slot {
            _ if slot == count => "?",
            _ if slot.is_multiple_of(24) => ".\n\n",
            _ if slot.is_multiple_of(8) => ". ",
            _ => " ",
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::llm::contract::request;

    async fn said(question: &str) -> Vec<Result<ModelEvent, ModelError>> {
        let model = Scripted::new(Pace::of_ms(0));
        match model.stream(request(question, 1)).await {
            Ok(stream) => stream.collect().await,
            Err(error) => vec![Err(error)],
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what a stream gives")]
    fn text(part: &str) -> Result<ModelEvent, ModelError> {
        Ok(ModelEvent::Text(part.to_owned()))
    }

    #[tokio::test]
    async fn ping_is_answered_in_two_deltas() {
        let usage = Ok(ModelEvent::Usage { input: 2, output: 2 });

        assert_eq!(said("/ck ping").await, [text("po"), text("ng"), usage]);
    }

    #[tokio::test]
    async fn tokens_are_exactly_as_many_as_asked_for() {
        let all = said("/ck tokens 1000").await;

        assert_eq!(all.len(), 1001);
        assert_eq!((&all[0], &all[999]), (&text("tok0 "), &text("tok999 ")));
    }

    #[tokio::test]
    async fn errors_come_before_any_text_but_partial() {
        let code = |kind: &'static str| async move {
            let all = said(kind).await;
            (all.len() - 1, all.last().unwrap().as_ref().unwrap_err().code())
        };

        assert_eq!(code("/ck error custom").await, (0, Code::QuotaExceeded));
        assert_eq!(code("/ck error stream").await, (0, Code::UpstreamError));
        assert_eq!(code("/ck error crash").await, (0, Code::Internal));
        assert_eq!(code("/ck error partial").await, (2, Code::UpstreamError));
    }

    #[tokio::test]
    async fn echo_says_the_message_and_leaves_out_what_is_absent() {
        let mut asked = request("/ck echo me", 1);
        let plain: serde_json::Value = serde_json::from_str(&echo(&asked)).unwrap();
        assert_eq!(plain["content"][0]["text"], "/ck echo me");
        assert!(plain.get("quoted_text").is_none());

        asked.material.quote = Some("let s2 = s1;".to_owned());
        let quoted: serde_json::Value = serde_json::from_str(&echo(&asked)).unwrap();
        assert_eq!(quoted["quoted_text"], "let s2 = s1;");
    }

    #[test]
    fn other_text_gets_seeded_words_of_a_seeded_length() {
        assert_eq!(seeded(1), seeded(1));
        assert_ne!(seeded(1), seeded(2));
        for seed in 0..200 {
            assert!((40..168).contains(&count_words(&seeded(seed))));
        }
    }
}

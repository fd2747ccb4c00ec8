//! What the tutor says, written down: one attempt after the other, if the model breaks off.

use futures_util::{StreamExt, stream::BoxStream};
use tokio::sync::watch;

use super::{
    Lost, Outcome, RETRY_STORE, Writer,
    handle::{Signal, stopped},
    upstream::Noting,
};
use crate::{
    course::CourseError,
    domain::{
        clock::Millis,
        code::Code,
        event::{Ending, LogEvent, TurnNews, Usage},
        item::Source,
    },
    store::StoreError,
    tutor::{Question, TutorEvent},
};

/// So often one owner lets a model begin that breaks off or stalls.
const TRIES: u32 = 3;

/// How an attempt was left.
enum Left {
    Ended(Outcome),
    /// It was told to stop.
    Stopped,
    /// The model broke off; another try may work, and else this is how it ended.
    Broke(Outcome),
}

impl Writer {
    /// None if it was told to stop.
    pub(super) async fn answer(
        &mut self,
        signal: &mut watch::Receiver<Signal>,
    ) -> Result<Option<Outcome>, Lost> {
        let mut tries = 1;
        loop {
            let question = tokio::select! {
                biased;
                _ = stopped(signal) => return Ok(None),
                question = self.question() => question,
            };
            let question = match question {
                Ok(question) => question,
                Err(error) => {
                    tracing::error!(turn = %self.turn.id, %error, "a question cannot be put together");
                    let message = "The lesson could not be read.";
                    return Ok(Some(Outcome::failed(Code::StoreUnavailable, message)));
                }
            };
            let answer = self.bench.tutor.answer(question);
            match self.follow(answer, signal).await? {
                Left::Ended(outcome) => return Ok(Some(outcome)),
                Left::Stopped => return Ok(None),
                Left::Broke(outcome) if tries >= TRIES => return Ok(Some(outcome)),
                Left::Broke(_) => {
                    tries += 1;
                    self.begin_attempt().await?;
                }
            }
        }
    }

    /// What stands goes on as another attempt, which whoever takes the turn over knows of.
    async fn begin_attempt(&mut self) -> Result<(), Lost> {
        let (turn, fence) = (&self.turn.id, self.turn.fence);
        self.turn.attempt = match self.bench.store.begin_attempt(turn, fence).await {
            Ok(Some(attempt)) => attempt,
            Ok(None) => return Err(Lost),
            Err(error) => {
                tracing::warn!(%turn, %error, "an attempt is not noted");
                self.turn.attempt + 1
            }
        };
        Ok(())
    }

    /// Writes down what the tutor says.
    async fn follow(
        &mut self,
        mut answer: BoxStream<'static, TutorEvent>,
        signal: &mut watch::Receiver<Signal>,
    ) -> Result<Left, Lost> {
        let prefixed = !self.running.text.is_empty();
        let mut level = None;
        let mut noting = Noting::terminated();
        loop {
            let event = tokio::select! {
                biased;
                _ = stopped(signal) => return Ok(Left::Stopped),
                () = &mut noting => continue,
                event = answer.next() => event,
            };
            match event {
                Some(TutorEvent::Started { hint_level }) => {
                    level = Some(hint_level);
                    if !prefixed {
                        self.news(TurnNews::Running, level, None).await?;
                    }
                }
                Some(TutorEvent::Continued) => {
                    self.news(TurnNews::Continued, level, None).await?;
                }
                Some(TutorEvent::Restarted) => {
                    let from = self.running.first_delta;
                    self.news(TurnNews::Restarted, level, from).await?;
                }
                Some(TutorEvent::Upstream(name)) => noting = self.note_upstream(name),
                Some(TutorEvent::Citations(sources)) => self.cite(sources).await?,
                Some(TutorEvent::Text(text)) => self.say(text).await?,
                Some(TutorEvent::Done { hint, input_tokens, output_tokens, degraded, .. }) => {
                    let usage = Usage { input: input_tokens.into(), output: output_tokens.into() };
                    return Ok(Left::Ended(Outcome {
                        usage,
                        hint: serde_json::to_string(&hint).ok(),
                        degraded: degraded.into_iter().map(str::to_owned).collect(),
                        ..Outcome::plain(Ending::Done)
                    }));
                }
                Some(TutorEvent::Failed { code, message, passes }) => {
                    let outcome = Outcome::failed(code, message);
                    return Ok(if passes { Left::Broke(outcome) } else { Left::Ended(outcome) });
                }
                None => {
                    let message = "The answer broke off. Please ask again.";
                    return Ok(Left::Ended(Outcome::failed(Code::UpstreamError, message)));
                }
            }
        }
    }

    async fn cite(&mut self, sources: Vec<Source>) -> Result<(), Lost> {
        if sources.is_empty() || sources == self.running.sources {
            return Ok(());
        }
        self.append(LogEvent::Citations { turn: self.turn.id.clone(), sources }).await
    }

    async fn say(&mut self, text: String) -> Result<(), Lost> {
        if text.is_empty() {
            return Ok(());
        }
        let now = self.bench.clock.now();
        self.handle.progress.wrote(now);
        match self.latest_text.replace(now) {
            None => {
                self.first_text = Some(now);
                let asked = Millis(self.turn.created_at);
                self.bench.metrics.first_delta(seconds(now.since(asked)));
            }
            Some(before) => self.bench.metrics.delta_gap(seconds(now.since(before))),
        }
        let (turn, attempt) = (self.turn.id.clone(), self.turn.attempt);
        self.append(LogEvent::Delta { turn, attempt, text }).await
    }

    /// A store that is away for a while fails no question.
    async fn question(&self) -> Result<Question, CourseError> {
        loop {
            let Self { bench, turn, thread, running, .. } = self;
            match crate::actors::question::build(bench, turn, thread, &running.text).await {
                Err(CourseError::Store(StoreError::Unavailable(error))) => {
                    tracing::debug!(turn = %turn.id, %error, "a question waits for the store");
                    tokio::time::sleep(RETRY_STORE).await;
                }
                built => return built,
            }
        }
    }
}

/// Milliseconds as seconds, for a histogram.
fn seconds(ms: i64) -> f64 {
    f64::from(i32::try_from(ms).unwrap_or(i32::MAX)) / 1_000.0
}

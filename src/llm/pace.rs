//! The pace of speech: text that is known at once comes out word by word, as a model's would.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Answer, ModelEvent, generate::generate};

/// The time between two words. The first comes at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace(Duration);

impl Pace {
    /// Zero is no pace at all: every word is ready when asked for.
    pub(crate) const fn new(each: Duration) -> Self {
        Self(each)
    }

    #[cfg(test)]
    pub(crate) const fn of_ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Says `parts`, then `usage`. The first `skip` bytes come without a pause: a reader who has
    /// them already does not wait for them again.
    pub(crate) fn say(self, parts: Vec<String>, skip: usize, usage: ModelEvent) -> Answer {
        generate(move |out| async move {
            let mut clock = (!self.0.is_zero()).then(|| interval(self.0));
            if let Some(clock) = &mut clock {
                clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            }
            let mut said = 0;
            for part in parts {
                said += part.len();
                if let Some(clock) = clock.as_mut().filter(|_| said > skip) {
                    clock.tick().await;
                }
                out.send(Ok(ModelEvent::Text(part))).await;
            }
            out.send(Ok(usage)).await;
        })
    }
}

/// `text` in words, each with the white space behind it. Joined they are `text`.
pub(crate) fn spoken(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut in_space = false;
    for c in text.chars() {
        if in_space && !c.is_whitespace() {
            parts.push(std::mem::take(&mut part));
        }
        in_space = c.is_whitespace();
        part.push(c);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Words, as the usage of a twin that has no tokens.
pub(crate) fn count_words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::StreamExt;
    use proptest::prelude::*;

    use super::*;

    const USAGE: ModelEvent = ModelEvent::Usage { input: 0, output: 0 };

    async fn time_to_say(pace: Pace, words: usize, skip: usize) -> Duration {
        let began = Instant::now();
        let parts = vec!["word ".to_owned(); words];
        assert_eq!(pace.say(parts, skip, USAGE).count().await, words + 1);
        began.elapsed()
    }

    #[tokio::test]
    async fn words_keep_their_distance() {
        // The first comes at once, the other four 20 ms apart.
        assert!(time_to_say(Pace::of_ms(20), 5, 0).await >= Duration::from_millis(80));
    }

    #[tokio::test]
    async fn what_was_said_before_is_not_waited_for() {
        // At this pace a single pause would be an hour.
        let pace = Pace::of_ms(3_600_000);

        assert!(time_to_say(pace, 40, 40 * 5).await < Duration::from_mins(1));
    }

    proptest! {
        #[test]
        fn the_words_joined_are_the_text(text in "[a-z \n]{0,60}") {
            prop_assert_eq!(spoken(&text).concat(), text);
        }
    }
}

//! The passage guide: answers without any model. It ranks the sentences of the passages, fills the
//! hint ladder's templates with the best of them, word for word and cited, and asks.
//!
//! A line of an answer is a template (`templates.rs`), a quotation (`> …`) or a line of a listing;
//! quotations and listings are slices of the passages. The same request gives the same text.

use async_trait::async_trait;

use super::{
    Answer, Author, Continuation, Material, Model, ModelError, ModelEvent, ModelKind, ModelRequest,
    pace::{Pace, count_words, spoken},
};

mod compose;
mod rank;
mod reading;
mod templates;

/// See the module.
pub(crate) struct Extractive {
    pace: Pace,
}

impl Extractive {
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace }
    }
}

#[async_trait]
impl Model for Extractive {
    fn kind(&self) -> ModelKind {
        ModelKind::Extractive
    }

    async fn stream(&self, request: ModelRequest) -> Result<Answer, ModelError> {
        let ModelRequest { material, seed, prefix, messages, .. } = request;
        let answers = messages.iter().filter(|message| message.author == Author::Assistant);
        let said: Vec<&str> = answers.map(|message| message.text.as_str()).collect();
        let text = compose::answer(&material, &said, seed);
        let usage = ModelEvent::Usage { input: words_read(&material), output: count_words(&text) };
        Ok(self.pace.say(spoken(&text), prefix.len(), usage))
    }

    fn continuation(&self) -> Continuation {
        Continuation::Replay
    }
}

fn words_read(material: &Material) -> u32 {
    let passages = material.passages.iter().map(|passage| count_words(&passage.text)).sum::<u32>();
    passages.saturating_add(count_words(&material.question))
}

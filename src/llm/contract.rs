//! What every twin of [`Model`] keeps, run on each of them by one macro call.

use std::any::Any;

use futures_util::StreamExt;

use super::{
    ChatMessage, Continuation, Material, ModelEvent, ModelRequest, Passage, SharedModel,
    extractive::Extractive, pace::Pace, scripted::Scripted,
};
use crate::{
    domain::{hint::Level, intent::Intent},
    llm::Author,
};

/// A question with one passage to answer from.
pub(crate) fn request(question: &str, seed: u64) -> ModelRequest {
    let passage = Passage {
        id: "clocks#b1".into(),
        title: "Clocks".into(),
        stage: 1,
        score: 1.0,
        text: "The wall clock can jump backwards at any time. The monotonic clock never returns."
            .into(),
    };
    let material = Material {
        question: question.to_owned(),
        about: question.to_owned(),
        quote: None,
        level: Level::Orient,
        passages: vec![passage],
        intent: Intent::Concept,
        turn_number: 0,
    };
    let messages = vec![ChatMessage { author: Author::User, text: question.to_owned() }];
    ModelRequest { messages, material, seed, prefix: String::new(), upstream: None }
}

/// A twin, and what must live as long as it.
pub(crate) struct Fixture {
    pub model: SharedModel,
    pub _keep: Box<dyn Any>,
}

impl Fixture {
    fn alone(model: SharedModel) -> Self {
        Self { model, _keep: Box::new(()) }
    }
}

async fn collect(model: &SharedModel, request: ModelRequest) -> Vec<ModelEvent> {
    let stream = model.stream(request).await.unwrap();
    stream.map(|event| event.unwrap()).collect().await
}

fn text_of(events: &[ModelEvent]) -> String {
    let text = |event: &ModelEvent| match event {
        ModelEvent::Text(text) => text.clone(),
        _ => String::new(),
    };
    events.iter().map(text).collect()
}

pub(crate) async fn an_answer_is_text_in_pieces_and_then_its_usage(model: SharedModel) {
    let events = collect(&model, request("why does the wall clock jump?", 7)).await;

    let (last, mut texts) = events.split_last().unwrap();
    if let Some((ModelEvent::Upstream(_), behind)) = texts.split_first() {
        texts = behind;
    }
    assert!(matches!(last, ModelEvent::Usage { output: 1.., .. }), "{last:?}");
    assert!(
        texts.len() > 1 && texts.iter().all(|t| matches!(t, ModelEvent::Text(t) if !t.is_empty()))
    );
}

pub(crate) async fn a_replaying_twin_says_the_same_again_whatever_the_prefix(model: SharedModel) {
    if model.continuation() != Continuation::Replay {
        return;
    }
    let whole = text_of(&collect(&model, request("why does the clock jump?", 7)).await);
    let prefix = whole.chars().take(25).collect();

    let again = collect(&model, ModelRequest { prefix, ..request("why does the clock jump?", 7) });

    assert_eq!(text_of(&again.await), whole);
}

pub(crate) async fn a_dropped_answer_leaves_the_twin_able_to_answer(model: SharedModel) {
    let mut stream = model.stream(request("why?", 1)).await.unwrap();
    let begins = |event| matches!(event, ModelEvent::Text(_) | ModelEvent::Upstream(_));
    assert!(stream.next().await.is_some_and(|event| begins(event.unwrap())));
    drop(stream);

    assert!(!text_of(&collect(&model, request("why?", 2)).await).is_empty());
}

pub(crate) async fn many_answers_at_once_do_not_mix(model: SharedModel) {
    let ask = |seed| collect(&model, request("/ck ping", seed));

    let all = futures_util::future::join_all((0..8).map(ask)).await;

    let texts: Vec<String> = all.iter().map(|events| text_of(events)).collect();
    let alone = text_of(&ask(0).await);
    assert_eq!(texts[0], alone);
    assert!(texts.iter().all(|text| text.len().abs_diff(alone.len()) < 200), "{texts:?}");
}

/// Runs the contract on a twin. `$open` is an async function that gives a [`Fixture`].
macro_rules! contract {
    ($twin:ident, $open:expr) => {
        mod $twin {
            use super::*;
            contract!(@each $open,
                an_answer_is_text_in_pieces_and_then_its_usage,
                a_replaying_twin_says_the_same_again_whatever_the_prefix,
                a_dropped_answer_leaves_the_twin_able_to_answer,
                many_answers_at_once_do_not_mix,
            );
        }
    };
    (@each $open:expr, $($law:ident,)*) => {$(
        #[actix_web::test]
        async fn $law() {
            let fixture: Fixture = $open.await;
            crate::llm::contract::$law(std::sync::Arc::clone(&fixture.model)).await;
        }
    )*};
}

contract!(extractive, async {
    Fixture::alone(std::sync::Arc::new(Extractive::new(Pace::of_ms(0))))
});
contract!(scripted, async { Fixture::alone(std::sync::Arc::new(Scripted::new(Pace::of_ms(0)))) });
contract!(openai, async {
    let server =
        crate::llm::openai::server::Server::speaking("Look at the clock again. Why?").await;
    Fixture { model: std::sync::Arc::new(server.model()), _keep: Box::new(server) }
});
contract!(responses, async {
    let server = crate::llm::openai::server::Server::writing("Look at the clock again. Why?").await;
    Fixture { model: std::sync::Arc::new(server.responses()), _keep: Box::new(server) }
});

//! Answers that the model's provider writes in the background, through the whole node: its process
//! dies in the middle of one, or the learner stops it (`turns.md`, The parts, 6).

use std::{cell::OnceCell, path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::clockwork_tests::{Client, Node, on_node_in};
use crate::{
    auth::Identity,
    domain::{event::fingerprint, ids::TurnId},
    llm::openai::server::{Link, Provider, Server},
};

const TEXT: &str = "Two clocks drift apart, as you know, and nobody sees it. Which one is right?";
const A_MOMENT: Duration = Duration::from_millis(5);

/// A provider that lives on while nodes come and go.
struct Apart {
    url: String,
    provider: Arc<Provider>,
    _until: oneshot::Sender<()>,
}

impl Apart {
    fn writing(text: &'static str) -> Self {
        let (sender, started) = std::sync::mpsc::channel();
        let (until, over) = oneshot::channel();
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = Server::writing(text).await;
                let url = server.settings().base_url().to_owned();
                sender.send((url, Arc::clone(&server.provider))).unwrap();
                let _ = over.await;
            });
        });
        let (url, provider) = started.recv().unwrap();
        Self { url, provider, _until: until }
    }

    fn on_node<F: Future<Output = ()>>(
        &self,
        folder: &Path,
        seed: u64,
        test: impl FnOnce(Node) -> F,
    ) {
        let settings = [
            ("MODEL", "openai"),
            ("API", "responses"),
            ("MODEL_NAME", "tutor-1"),
            ("BASE_URL", &self.url),
        ]
        .map(|(key, value)| (format!("INTELLISTACK__TUTOR__{key}"), value.to_owned()));
        on_node_in(folder, seed, async move || settings.into(), test);
    }
}

/// What a reader has of an answer.
#[derive(Default)]
struct Reader {
    text: String,
    news: Vec<String>,
}

impl Reader {
    /// Reads on to a frame of this type.
    async fn until(&mut self, client: &mut Client, kind: &str) -> Value {
        loop {
            let frame = client.next().await.unwrap();
            match frame["type"].as_str().unwrap() {
                "snapshot" => frame["turn"]["text"].as_str().unwrap().clone_into(&mut self.text),
                "turn" => {
                    self.news.push(frame["status"].as_str().unwrap().to_owned());
                    if frame["status"] == "restarted" {
                        self.text.clear();
                    }
                }
                "delta" => self.text.push_str(frame["text"].as_str().unwrap()),
                _ => {}
            }
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

async fn ask(client: &mut Client, reader: &mut Reader) -> Value {
    client.say(json!({ "type": "send", "id": 2, "message_id": "m", "text": "hi?" })).await;
    let ok = reader.until(client, "ok").await;
    reader.until(client, "delta").await;
    ok
}

/// Waits until the store knows a part of the answer, and the provider's name of it.
async fn is_noted(node: &Node, who: &Identity, turn: &Value) {
    let turn = TurnId::new(turn.as_str().unwrap());
    let store = &node.app.store;
    while store.checkpointed_to(&turn).await.unwrap().is_none()
        || store.turn_of(&who.user.id, &turn).await.unwrap().upstream.is_none()
    {
        tokio::time::sleep(A_MOMENT).await;
    }
}

/// Without a word to anybody.
async fn dies(node: Node) {
    actix_rt::System::current().stop();
    while node.app.hub.tutor.connected() {
        tokio::time::sleep(A_MOMENT).await;
    }
}

#[test]
fn another_process_goes_on_with_an_answer_that_its_provider_wrote_on() {
    let folder = tempfile::tempdir().unwrap();
    let apart = Apart::writing(TEXT);
    apart.provider.has_written(8);
    let left = OnceCell::new();
    apart.on_node(folder.path(), 1, async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        let ok = ask(&mut client, &mut Reader::default()).await;
        is_noted(&node, &ada, &ok["turn"]).await;
        left.set((ada, ok["thread"].clone())).unwrap();
        dies(node).await;
    });
    let (ada, thread) = left.into_inner().unwrap();
    // The new owner finds the answer, and reads none of it until the reader is there.
    apart.provider.has_written(0);

    apart.on_node(folder.path(), 2, async |node| {
        while apart.provider.reads().is_empty() {
            tokio::time::sleep(A_MOMENT).await;
        }
        let mut client = node.welcomed(&ada).await;
        let mut reader = Reader::default();
        client.say(json!({ "type": "open", "id": 2, "thread": thread })).await;
        reader.until(&mut client, "snapshot").await;
        assert!(TEXT.starts_with(&reader.text) && !reader.text.is_empty(), "{}", reader.text);
        apart.provider.has_written(usize::MAX);
        let end = reader.until(&mut client, "end").await;

        assert_eq!((&end["status"], &end["attempt"]), (&json!("done"), &json!(2)));
        assert_eq!(reader.news, ["continued"]);
        assert_eq!(reader.text, TEXT);
        let (length, sha256) = fingerprint(TEXT);
        assert_eq!((&end["length"], &end["sha256"]), (&json!(length), &json!(sha256)));
        assert_eq!(apart.provider.posts().len(), 1, "nothing was written twice");
        assert_eq!(apart.provider.reads(), [("resp_1".to_owned(), None)]);
    });
}

#[test]
fn an_owner_whose_connections_all_break_goes_on_with_another_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let apart = Apart::writing(TEXT);
    apart.provider.links([Link::End(8), Link::End(0), Link::End(0)]);
    apart.on_node(folder.path(), 1, async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        let mut reader = Reader::default();
        ask(&mut client, &mut reader).await;
        let end = reader.until(&mut client, "end").await;

        assert_eq!((&end["status"], &end["attempt"]), (&json!("done"), &json!(2)));
        assert_eq!(
            (reader.news, reader.text),
            (vec!["running".into(), "continued".into()], TEXT.into())
        );
        assert_eq!(apart.provider.posts().len(), 1);
    });
}

#[test]
fn a_learner_who_stops_an_answer_stops_its_provider() {
    let folder = tempfile::tempdir().unwrap();
    let apart = Apart::writing(TEXT);
    apart.provider.has_written(8);
    apart.on_node(folder.path(), 1, async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        let mut reader = Reader::default();
        let ok = ask(&mut client, &mut reader).await;
        client.say(json!({ "type": "cancel", "id": 3, "turn": ok["turn"] })).await;

        assert_eq!(reader.until(&mut client, "end").await["status"], "cancelled");
        assert_eq!(apart.provider.one_is_cancelled().await, "resp_1");
    });
}

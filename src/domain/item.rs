//! What stands in a conversation. One item model for both protocols: the JSON shapes are those of
//! `chatkit.md` §3.2.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    clock::Millis,
    ids::{ItemId, ThreadId},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Item {
    pub id: ItemId,
    pub thread_id: ThreadId,
    /// RFC 3339, UTC.
    pub created_at: String,
    #[serde(flatten)]
    pub body: ItemBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub enum ItemBody {
    UserMessage {
        content: Vec<UserContent>,
        attachments: Vec<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        quoted_text: Option<String>,
        inference_options: Map<String, Value>,
    },
    AssistantMessage {
        content: Vec<AssistantContent>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum UserContent {
    InputText { text: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum AssistantContent {
    OutputText { text: String, annotations: Vec<Annotation> },
}

/// A footnote of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "annotation")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Annotation {
    pub source: EntitySource,
    /// Where the marker stands, in Unicode scalar values from the start of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "entity")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EntitySource {
    pub id: String,
    pub title: String,
    pub interactive: bool,
    pub data: Map<String, Value>,
}

/// A passage of a lesson that an answer quotes. `id` is `<lesson>#<block>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Source {
    pub id: String,
    pub title: String,
    pub stage: u8,
    pub score: f32,
}

impl Item {
    pub fn question(
        id: ItemId,
        thread: ThreadId,
        now: Millis,
        text: &str,
        quote: Option<&str>,
    ) -> Self {
        let body = ItemBody::UserMessage {
            content: vec![UserContent::InputText { text: text.to_owned() }],
            attachments: Vec::new(),
            quoted_text: quote.map(str::to_owned),
            inference_options: Map::new(),
        };
        Self { id, thread_id: thread, created_at: now.to_rfc3339(), body }
    }

    pub fn answer(
        id: ItemId,
        thread: ThreadId,
        now: Millis,
        text: &str,
        sources: &[Source],
    ) -> Self {
        let content = AssistantContent::OutputText {
            text: text.to_owned(),
            annotations: annotations(text, sources),
        };
        let body = ItemBody::AssistantMessage { content: vec![content] };
        Self { id, thread_id: thread, created_at: now.to_rfc3339(), body }
    }

    /// The text as the person reads it: what is searched and what `end` counts.
    pub fn text(&self) -> String {
        match &self.body {
            ItemBody::UserMessage { content, .. } => {
                content.iter().map(|UserContent::InputText { text }| text.as_str()).collect()
            }
            ItemBody::AssistantMessage { content } => content
                .iter()
                .map(|AssistantContent::OutputText { text, .. }| text.as_str())
                .collect(),
        }
    }

    /// The `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self.body {
            ItemBody::UserMessage { .. } => "user_message",
            ItemBody::AssistantMessage { .. } => "assistant_message",
        }
    }
}

/// The n-th source is marked in the text as `[n]`.
fn annotations(text: &str, sources: &[Source]) -> Vec<Annotation> {
    let annotate = |(number, source): (usize, &Source)| {
        let marker = format!("[{}]", number + 1);
        let index = text.find(&marker).and_then(|at| text.get(..at)).map(|s| s.chars().count());
        let mut data = Map::new();
        data.insert("stage".to_owned(), source.stage.into());
        let source = EntitySource {
            id: source.id.clone(),
            title: source.title.clone(),
            interactive: true,
            data,
        };
        Annotation { source, index }
    };
    sources.iter().enumerate().map(annotate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: &str) -> Source {
        Source { id: id.to_owned(), title: "Clocks".to_owned(), stage: 1, score: 2.0 }
    }

    #[test]
    fn items_have_the_shapes_of_chatkit() {
        let thread = ThreadId::new("thr_1");
        let asked =
            Item::question(ItemId::new("msg_1"), thread.clone(), Millis(0), "why?", Some("x = 1"));
        let answered =
            Item::answer(ItemId::new("msg_2"), thread, Millis(0), "é [1]", &[source("clocks#b1")]);

        insta::assert_json_snapshot!((asked, answered), @r#"
        [
          {
            "id": "msg_1",
            "thread_id": "thr_1",
            "created_at": "1970-01-01T00:00:00.000Z",
            "type": "user_message",
            "content": [
              {
                "type": "input_text",
                "text": "why?"
              }
            ],
            "attachments": [],
            "quoted_text": "x = 1",
            "inference_options": {}
          },
          {
            "id": "msg_2",
            "thread_id": "thr_1",
            "created_at": "1970-01-01T00:00:00.000Z",
            "type": "assistant_message",
            "content": [
              {
                "type": "output_text",
                "text": "é [1]",
                "annotations": [
                  {
                    "type": "annotation",
                    "source": {
                      "type": "entity",
                      "id": "clocks#b1",
                      "title": "Clocks",
                      "interactive": true,
                      "data": {
                        "stage": 1
                      }
                    },
                    "index": 2
                  }
                ]
              }
            ]
          }
        ]
        "#);
    }

    #[test]
    fn an_item_reads_back_what_was_written() {
        let item = Item::answer(
            ItemId::new("i"),
            ThreadId::new("t"),
            Millis(7),
            "a [1]",
            &[source("l#b")],
        );
        let text = serde_json::to_string(&item).unwrap();

        assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), item);
        assert_eq!(item.text(), "a [1]");
    }
}

//! What this node itself has to show.

use actix::Recipient;

use super::words::{Told, Topic};
use crate::{
    actors::{registry, tutor},
    domain::{
        clock::Millis,
        ids::NodeId,
        live::feed::{ErrorRow, SessionRow, TurnRow},
    },
    telemetry::{Problem, Problems},
};

/// Whom to ask for the rows of this node.
pub(crate) struct Local {
    pub node: NodeId,
    pub registry: Recipient<registry::Rows>,
    pub tutor: Recipient<tutor::Rows>,
    pub problems: Problems,
}

impl Local {
    pub(super) async fn rows(&self, topic: Topic) -> Vec<Told> {
        match topic {
            Topic::Sessions => self.sessions().await.into_iter().map(Told::Session).collect(),
            Topic::Turns => self.turns().await.into_iter().map(Told::Turn).collect(),
            Topic::Errors => self.errors().into_iter().map(Told::Error).collect(),
            // Presence says what changes.
            Topic::Stays => Vec::new(),
        }
    }

    /// An actor that is being restarted has nothing to show just now.
    pub(crate) async fn sessions(&self) -> Vec<SessionRow> {
        self.registry.send(registry::Rows).await.unwrap_or_default()
    }

    pub(crate) async fn turns(&self) -> Vec<TurnRow> {
        self.tutor.send(tutor::Rows).await.unwrap_or_default()
    }

    pub(crate) fn errors(&self) -> Vec<ErrorRow> {
        let row = |problem: Problem| ErrorRow {
            id: format!("{}-{}", self.node, problem.number),
            at: Millis(problem.at).to_rfc3339(),
            node: self.node.clone(),
            level: problem.level.into(),
            target: problem.target,
            message: problem.message,
        };
        self.problems.newest().into_iter().map(row).collect()
    }
}

//! `edit`, `regenerate` and `hint`: the newest question asked in other words, or answered again.

use super::{
    Step,
    asking::{Asked, fingerprint, gate},
    hello::limit_of,
    threads::store_error,
};
use crate::{
    domain::{
        ids::{ItemId, MessageId, TurnId, prefixed},
        live::{
            frame::Error,
            request::{Edit, Hint, Regenerate},
        },
        title,
    },
    store::{
        StoreError,
        accept::{NewMessage, Receipt, Target},
        again::{Again, NewAnswer},
        quota::Used,
    },
};

type Outcome = Result<(Receipt, Used), Box<Error>>;

pub(super) async fn edit(asked: Asked, edit: Edit) -> Step {
    let outcome = accept_edit(&asked, edit).await;
    asked.tell(outcome)
}

async fn accept_edit(asked: &Asked, Edit { item, text, message_id }: Edit) -> Outcome {
    let Asked { hub, who, .. } = asked;
    asked.admit().await?;
    let now = hub.clock.now();
    let turn = TurnId::new(prefixed(&*hub.ids, "trn", now));
    let fingerprint = fingerprint(&text, Some(item.as_str()))
        .map_err(|error| Box::new(store_error(asked.id, &StoreError::from(error))))?;
    let new = NewMessage {
        owner: who.user.id.clone(),
        target: Target::Edit(item),
        message_id: message_id.unwrap_or_else(|| MessageId::new(turn.as_str())),
        fingerprint,
        item: ItemId::new(prefixed(&*hub.ids, "msg", now)),
        turn,
        title: title::from_question(&text),
        // Where it was asked stands with the question that it replaces.
        course: None,
        lesson: None,
        page: None,
        text,
        quote: None,
        gate: gate(hub, None, who).await,
        limit: limit_of(hub, who),
        now,
    };
    asked.read(hub.store.accept(new).await)
}

pub(super) async fn regenerate(asked: Asked, request: Regenerate) -> Step {
    let Regenerate { item, message_id } = request;
    let outcome = answer_again(&asked, Again::Regenerate(item), message_id).await;
    asked.tell(outcome)
}

pub(super) async fn hint(asked: Asked, Hint { turn, message_id }: Hint) -> Step {
    let outcome = match goes_further(&asked, &turn).await {
        Ok(allowed) => answer_again(&asked, Again::Hint { of: turn, allowed }, message_id).await,
        Err(error) => Err(Box::new(store_error(asked.id, &error))),
    };
    asked.tell(outcome)
}

/// Whether the ladder of the turn's thread has a step more to give.
async fn goes_further(Asked { hub, who, .. }: &Asked, turn: &TurnId) -> Result<bool, StoreError> {
    let turn = hub.store.turn_of(&who.user.id, turn).await?;
    let thread = hub.store.thread_of(&who.user.id, &turn.thread_id).await?;
    let ladder: crate::domain::hint::HintState =
        serde_json::from_str(&thread.hint).unwrap_or_default();
    Ok(ladder.goes_further(hub.ladder))
}

async fn answer_again(asked: &Asked, again: Again, message_id: Option<MessageId>) -> Outcome {
    let Asked { hub, who, .. } = asked;
    asked.admit().await?;
    let now = hub.clock.now();
    let turn = TurnId::new(prefixed(&*hub.ids, "trn", now));
    let new = NewAnswer {
        owner: who.user.id.clone(),
        again,
        message_id: message_id.unwrap_or_else(|| MessageId::new(turn.as_str())),
        turn,
        gate: gate(hub, None, who).await,
        limit: limit_of(hub, who),
        now,
    };
    asked.read(hub.store.answer_again(new).await)
}

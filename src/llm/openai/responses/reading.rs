//! One answer of the Responses API, read to its end over as many connections as that takes.

use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Provider,
    wire::{Event, Said},
};
use crate::llm::{
    ModelError, ModelEvent,
    generate::Yielder,
    openai::{Chunks, jitter, upstream::Refusal},
};

pub(super) struct Reading {
    provider: Provider,
    /// The connection, as long as it is of use.
    events: Option<Chunks>,
    place: Place,
    /// Read already, and not passed on yet.
    first: Option<ModelEvent>,
    seed: u64,
}

/// How far an answer was read.
struct Place {
    /// It is written for whoever reads, not for this connection alone.
    background: bool,
    /// Its name, if it is written in the background.
    id: Option<String>,
    /// The number of the last event.
    seen: Option<u64>,
    has_text: bool,
}

/// Why an answer cannot be read on.
enum Fault {
    /// Over this connection.
    Link(ModelError),
    /// Over any.
    Final(ModelError),
}

impl Reading {
    /// A new answer, read up to its name, or to its first text if it has none.
    pub(super) async fn begun(
        provider: Provider,
        events: Chunks,
        background: bool,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let place = Place { background, id: None, seen: None, has_text: false };
        let mut reading = Self { provider, events: Some(events), place, first: None, seed };
        reading.first = match reading.read().await {
            Ok(first) => first,
            Err(Fault::Link(error) | Fault::Final(error)) => return Err(error),
        };
        Ok(reading)
    }

    /// The answer `id`, from its beginning.
    pub(super) fn found(provider: Provider, events: Chunks, id: &str, seed: u64) -> Self {
        let id = id.to_owned();
        let first = Some(ModelEvent::Upstream(id.clone()));
        let place = Place { background: true, id: Some(id), seen: None, has_text: false };
        Self { provider, events: Some(events), place, first, seed }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.place.id.as_deref()
    }

    /// Passes the answer on. The first text has until `deadline`.
    pub(super) async fn relay(
        mut self,
        deadline: Instant,
        out: Yielder<Result<ModelEvent, ModelError>>,
    ) {
        if let Some(first) = self.first.take() {
            out.send(Ok(first)).await;
        }
        loop {
            let item = match self.next(deadline).await {
                Ok(Some(event)) => Ok(event),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let ends = matches!(item, Ok(ModelEvent::Usage { .. }) | Err(_));
            out.send(item).await;
            if ends {
                return;
            }
        }
    }

    /// The next event, if need be over another connection. One that stalls between two tokens is
    /// replaced once, one that breaks as often as a request is retried.
    async fn next(&mut self, deadline: Instant) -> Result<Option<ModelEvent>, ModelError> {
        let (first, between) =
            (self.provider.settings.first_token, self.provider.settings.between_tokens);
        let (mut broken, mut stalled) = (0, false);
        loop {
            let has_text = self.place.has_text;
            let until = if has_text { Instant::now() + between } else { deadline };
            let error = match timeout_at(until, self.read()).await {
                Ok(Ok(event)) => return Ok(event),
                Ok(Err(Fault::Final(error))) => return Err(error),
                Ok(Err(Fault::Link(error))) => {
                    broken += 1;
                    error
                }
                Err(_) if !has_text => return Err(ModelError::Timeout(first.as_millis())),
                Err(_) if stalled => return Err(ModelError::Timeout(between.as_millis())),
                Err(_) => {
                    stalled = true;
                    ModelError::Timeout(between.as_millis())
                }
            };
            self.events = None;
            if !self.place.can_be_found() || broken > self.provider.settings.retries {
                return Err(error);
            }
            tracing::info!(id = self.id(), %error, "an answer is read on over another connection");
            if broken > 1 {
                sleep(jitter(self.seed, broken)).await;
            }
        }
    }

    /// The next event of this connection, which is made if there is none.
    async fn read(&mut self) -> Result<Option<ModelEvent>, Fault> {
        let Self { provider, events, place, .. } = self;
        let events = match (events, &place.id) {
            (Some(events), _) => events,
            (none, Some(id)) => {
                none.insert(provider.follow(id, place.seen).await.map_err(Fault::of_another)?)
            }
            (None, None) => return Err(Fault::Final(broken("the connection is gone"))),
        };
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| Fault::Link(Refusal::read(&error)))?;
            let event = Event::new(event);
            if place.was_read(&event) {
                continue;
            }
            if let Some(id) = place.learns(&event) {
                return Ok(Some(ModelEvent::Upstream(id)));
            }
            match event.said() {
                Said::Text(text) => {
                    place.has_text = true;
                    return Ok(Some(ModelEvent::Text(text)));
                }
                Said::Finished(_) if !place.has_text => {
                    let without = "an answer without text".to_owned();
                    return Err(Fault::Final(ModelError::Refused(without)));
                }
                Said::Finished(usage) => {
                    return Ok(usage.map(|(input, output)| ModelEvent::Usage { input, output }));
                }
                Said::Moderated => return Err(Fault::Final(ModelError::Moderated)),
                Said::Failed => return Err(Fault::Final(broken("the server sent an error"))),
                Said::Nothing => {}
            }
        }
        Err(Fault::Link(broken("it ended without its end")))
    }
}

impl Place {
    /// Whether it can be read on behind the last event.
    const fn can_be_found(&self) -> bool {
        self.id.is_some() && self.seen.is_some()
    }

    /// Moves on to `event`, unless it was read over an earlier connection.
    fn was_read(&mut self, event: &Event) -> bool {
        let number = event.number();
        if number.is_some() && number <= self.seen {
            return true;
        }
        self.seen = number.or(self.seen);
        false
    }

    /// The name, the first time that it is said.
    fn learns(&mut self, event: &Event) -> Option<String> {
        if !self.background || self.id.is_some() {
            return None;
        }
        self.id = event.id().map(str::to_owned);
        self.id.clone()
    }
}

impl Fault {
    /// Of a new connection to an answer that was begun. What is not known any more has broken off:
    /// another attempt begins anew.
    fn of_another(error: ModelError) -> Self {
        match error {
            ModelError::Unavailable(why) => Self::Link(ModelError::Broken(why)),
            ModelError::Refused(why) => Self::Final(ModelError::Broken(why)),
            error => Self::Link(error),
        }
    }
}

fn broken(why: &str) -> ModelError {
    ModelError::Broken(why.to_owned())
}

//! One question, answered: read the message, move the ladder, look up, let the model speak through
//! the gate, and close.

use std::{pin::Pin, sync::Arc};

use futures_util::{StreamExt, stream::BoxStream};

use super::{
    Question, TutorEvent, TutorSettings,
    gate::Gate,
    prompt,
    retrieval::{Found, Retriever, about, look_up},
    splice::{Splice, Told},
    voice,
};
use crate::{
    domain::{
        hint::{Exercise, HintState, Level, Rules},
        ids::SharedIds,
        intent::{Around, Intent, Reading, read},
        item::Source,
    },
    llm::{
        Author, Continuation, Material, ModelError, ModelEvent, ModelKind, ModelRequest, Passage,
        SharedModel,
        generate::{Yielder, generate},
    },
};

/// Answers questions. Cheap to clone; every turn of the process goes through one.
#[derive(Clone)]
pub(crate) struct Tutor {
    parts: Arc<Parts>,
}

struct Parts {
    model: SharedModel,
    retriever: Arc<dyn Retriever>,
    /// For the names of the prompt's fences.
    ids: SharedIds,
    settings: TutorSettings,
}

impl Tutor {
    pub(crate) fn new(
        model: SharedModel,
        retriever: Arc<dyn Retriever>,
        ids: SharedIds,
        settings: TutorSettings,
    ) -> Self {
        Self { parts: Arc::new(Parts { model, retriever, ids, settings }) }
    }

    /// The rules of the hint ladder.
    pub(crate) fn rules(&self) -> Rules {
        self.parts.settings.rules
    }

    pub(crate) fn kind(&self) -> ModelKind {
        self.parts.model.kind()
    }

    /// Stops what the provider writes under this name, in its own time.
    pub(crate) fn cancel(&self, upstream: &str) {
        self.parts.model.cancel(upstream);
    }

    /// The answer as it comes about. Nothing happens until it is polled; dropping it stops it.
    pub(crate) fn answer(&self, question: Question) -> BoxStream<'static, TutorEvent> {
        let parts = Arc::clone(&self.parts);
        generate(move |out| async move {
            let last = parts.run(&question, &out).await;
            out.send(last.unwrap_or_else(|error| {
                let Question { turn, thread, attempt, .. } = &question;
                tracing::warn!(%turn, %thread, attempt, %error, "an answer failed");
                let passes = error.passes() && parts.model.kind() != ModelKind::Scripted;
                TutorEvent::Failed { code: error.code(), message: error.public_message(), passes }
            }))
            .await;
        })
    }
}

/// What was decided before the model speaks.
struct Plan {
    reading: Reading,
    about: String,
    hint: HintState,
    level: Level,
    found: Found,
    seed: u64,
}

impl Parts {
    async fn run(
        &self,
        question: &Question,
        out: &Yielder<TutorEvent>,
    ) -> Result<TutorEvent, ModelError> {
        let plan = self.plan(question).await;
        out.send(TutorEvent::Started { hint_level: plan.level.number() }).await;
        let sources: Vec<Source> = plan.found.passages.iter().map(source).collect();
        let mut speech = Speech { out, sources, usage: (0, 0), upstream: None };
        if plan.reading.intent == Intent::Distress {
            let mut splice = Splice::replay(&question.prefix);
            speech.tell(splice.push(voice::DISTRESS.to_owned())).await;
            speech.tell(splice.finish()).await;
            return Ok(speech.done(plan, false));
        }
        if question.prefix.is_empty() {
            speech.cite().await;
        }
        let model = Arc::clone(&self.model);
        let mut events = model.stream(self.request(question, &plan)).await?.peekable();
        let continuation = match &question.upstream {
            Some(known) => self.continuation(Pin::new(&mut events).peek().await, known),
            None => model.continuation(),
        };
        let mut splice = splice(question, continuation, &mut speech).await;
        if model.kind() == ModelKind::Scripted {
            // A script is passed on to the letter.
            while let Some(event) = events.next().await {
                if let Some(text) = speech.heard(event?).await {
                    speech.tell(splice.push(text)).await;
                }
            }
            speech.tell(splice.finish()).await;
            return Ok(speech.done(plan, false));
        }
        let mut gate = Gate::new(plan.found.passages.len(), self.settings.longest_answer);
        if continuation == Continuation::Prefix {
            gate.resume(&question.prefix);
        }
        while let Some(event) = events.next().await {
            if let Some(text) = speech.heard(event?).await {
                speech.tell(splice.push(gate.push(&text))).await;
            }
            if gate.is_cut() {
                break;
            }
        }
        drop(events);
        if gate.is_cut() {
            speech.upstream.iter().for_each(|upstream| model.cancel(upstream));
        }
        speech.tell(splice.push(gate.finish())).await;
        for text in ending(&mut gate, &plan) {
            speech.tell(splice.push(text)).await;
        }
        speech.tell(splice.finish()).await;
        Ok(speech.done(plan, gate.is_cut()))
    }

    async fn plan(&self, question: &Question) -> Plan {
        let about = about(question);
        let found = if self.looks_up(question) {
            look_up(self.retriever.as_ref(), question, &about, &self.settings).await
        } else {
            Found { on_topic: true, ..Found::default() }
        };
        let has_answer = question.history.iter().any(|(author, _)| *author == Author::Assistant);
        let around = Around { graded: &question.graded, has_answer, on_topic: found.on_topic };
        let reading = read(&question.text, around);
        let rules = self.settings.rules;
        let exercise = exercise(question, &reading);
        let step = question.step.clone().unwrap_or_else(|| reading.step(&question.text));
        let hint = question.hint.after(&exercise, &step, rules);
        let level = hint.level(rules);
        Plan { reading, about, hint, level, found, seed: seed(question.turn.as_str()) }
    }

    /// A person in distress and a test's script are not looked up.
    fn looks_up(&self, question: &Question) -> bool {
        let distress = read(&question.text, Around::default()).intent == Intent::Distress;
        let script = self.model.kind() == ModelKind::Scripted && question.text.starts_with("/ck ");
        !distress && !script
    }

    fn request(&self, question: &Question, plan: &Plan) -> ModelRequest {
        let answers = question.history.iter().filter(|(author, _)| *author == Author::Assistant);
        let passages = plan.found.passages.clone();
        let nonce = self.ids.token(16);
        let intent = plan.reading.intent;
        ModelRequest {
            messages: prompt::messages(question, &passages, plan.level, intent, &nonce),
            material: Material {
                question: question.text.clone(),
                about: plan.about.clone(),
                quote: question.quote.clone(),
                level: plan.level,
                passages,
                intent,
                turn_number: u32::try_from(answers.count()).unwrap_or(u32::MAX),
            },
            seed: plan.seed,
            prefix: question.prefix.clone(),
            upstream: question.upstream.clone(),
        }
    }

    /// An answer that the provider still has begins with its name, and is the same text again.
    fn continuation(
        &self,
        first: Option<&Result<ModelEvent, ModelError>>,
        known: &str,
    ) -> Continuation {
        match first {
            Some(Ok(ModelEvent::Upstream(name))) if name == known => Continuation::Replay,
            _ => self.model.continuation(),
        }
    }
}

/// Tells at once what is known at once of the text before.
async fn splice(
    question: &Question,
    continuation: Continuation,
    speech: &mut Speech<'_>,
) -> Splice {
    if question.prefix.is_empty() {
        return Splice::Open;
    }
    match continuation {
        Continuation::Replay => Splice::replay(&question.prefix),
        Continuation::Prefix => {
            speech.tell(vec![Told::Continued]).await;
            Splice::Open
        }
        Continuation::Restart => {
            speech.tell(vec![Told::Restarted]).await;
            Splice::Open
        }
    }
}

/// The way out to the reader.
struct Speech<'a> {
    out: &'a Yielder<TutorEvent>,
    sources: Vec<Source>,
    usage: (u32, u32),
    /// What the provider calls this answer.
    upstream: Option<String>,
}

impl Speech<'_> {
    async fn tell(&mut self, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Text(text) => self.out.send(TutorEvent::Text(text)).await,
                Told::Continued => self.out.send(TutorEvent::Continued).await,
                Told::Restarted => {
                    self.out.send(TutorEvent::Restarted).await;
                    self.cite().await;
                }
            }
        }
    }

    async fn cite(&mut self) {
        if !self.sources.is_empty() {
            self.out.send(TutorEvent::Citations(self.sources.clone())).await;
        }
    }

    /// The text of an event that brings some.
    async fn heard(&mut self, event: ModelEvent) -> Option<String> {
        match event {
            ModelEvent::Text(text) => Some(text),
            ModelEvent::Upstream(name) => {
                self.upstream = Some(name.clone());
                self.out.send(TutorEvent::Upstream(name)).await;
                None
            }
            ModelEvent::Usage { input, output } => {
                self.usage = (input, output);
                None
            }
        }
    }

    fn done(&self, plan: Plan, is_cut: bool) -> TutorEvent {
        let (input_tokens, output_tokens) = self.usage;
        let degraded = if plan.found.degraded { vec!["retrieval"] } else { Vec::new() };
        let guardrail = guardrail(&plan.reading, is_cut);
        TutorEvent::Done { hint: plan.hint, input_tokens, output_tokens, degraded, guardrail }
    }
}

fn guardrail(reading: &Reading, is_cut: bool) -> Option<String> {
    let intent = match reading.intent {
        Intent::Distress => Some("distress"),
        Intent::Injection => Some("injection"),
        Intent::AnswerDemand => Some("answer_demand"),
        _ => None,
    };
    let graded = reading.graded.as_ref().map(|_| "graded_work");
    let verdicts: Vec<&str> =
        intent.into_iter().chain(graded).chain(is_cut.then_some("length")).collect();
    (!verdicts.is_empty()).then(|| verdicts.join(","))
}

/// What is appended: the end of an open listing, a citation if there is none, a question if there
/// is none.
fn ending(gate: &mut Gate, plan: &Plan) -> Vec<String> {
    let mut appended = Vec::new();
    let mut append = |gate: &mut Gate, text: String| {
        gate.append(&text);
        appended.push(text);
    };
    let asks = gate.ends_with_question();
    if gate.is_in_fence() {
        append(gate, "\n```\n".to_owned());
    }
    if !gate.is_cited() && !plan.found.passages.is_empty() && plan.found.on_topic {
        append(gate, " [1]".to_owned());
    }
    if !asks {
        append(gate, format!("\n\n{}", voice::closing(plan.level, plan.seed)));
    }
    appended
}

/// What the learner works on. Who pasted a quiz item stays with it for as long as the lesson is the
/// same; otherwise its cap could be shaken off by the next message.
fn exercise(question: &Question, reading: &Reading) -> Exercise {
    let lesson = question.lesson.as_ref().map_or("", |lesson| lesson.as_str());
    let quiz = format!("quiz:{lesson}:");
    if let Some(item) = &reading.graded {
        return Exercise { id: format!("{quiz}{item}"), graded: true };
    }
    let current = question.hint.current();
    if question.hint.is_graded() && current.starts_with(&quiz) {
        return Exercise { id: current.to_owned(), graded: true };
    }
    Exercise { id: format!("lesson:{lesson}"), graded: false }
}

fn source(passage: &Passage) -> Source {
    Source {
        id: passage.id.clone(),
        title: passage.title.clone(),
        stage: passage.stage,
        score: passage.score,
    }
}

/// FNV-1a: the same turn has the same seed on every node and in every version.
fn seed(turn: &str) -> u64 {
    turn.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;

//! What can be judged only when all lines were read.

use super::{
    checker::Checker,
    finding::{Findings, Spot},
    invariant::Invariant,
    machines::Answer,
};

/// Milliseconds within which a revocation holds on every node.
const EFFECTIVE: f64 = 1_000.0;

impl Checker {
    /// After the last line of the last file.
    pub(crate) fn close(&mut self) {
        self.end_all_stays();
        self.all_ended();
        self.nothing_after_revocations();
        self.drains_lost_nothing();
        if self.machines.has_stops() {
            let answers: Vec<Answer> = self.answers().collect();
            self.machines.compare_answers(&answers, &mut self.findings);
        }
    }

    /// I4. A turn whose end nobody could have seen says nothing.
    fn all_ended(&mut self) {
        for (name, turn) in &self.known.turns {
            let Some(asked) = turn.asked else { continue };
            let missed =
                self.clients.get(&asked.by).and_then(super::checker::Client::would_have_seen);
            let names = &self.names;
            match (&turn.end, missed) {
                (Some(_), _) => self.findings.fact(Invariant::ONE_END),
                (None, Some(left)) => {
                    self.findings.compare(Invariant::ONE_END, false, (left, asked.spot), || {
                        let name = names.text(*name);
                        format!("{name} never ended, though its client stayed connected")
                    });
                }
                (None, None) => {}
            }
        }
    }

    /// I11: connections that were open at a revocation fall silent within a second.
    fn nothing_after_revocations(&mut self) {
        for (name, user) in &self.known.users {
            for revocation in &user.revocations {
                let spot = &revocation.spot;
                for stay in user.stays.iter().filter(|stay| user.concerns(revocation, stay)) {
                    let late = stay.last.filter(|last| last.at > spot.at + EFFECTIVE);
                    let spots = (late.unwrap_or(*spot), *spot);
                    let names = &self.names;
                    self.findings.compare(Invariant::REVOKED, late.is_none(), spots, || {
                        let name = names.text(*name);
                        format!("an event reached {name} more than a second after a revocation")
                    });
                }
            }
        }
    }

    /// I18: what ran when a server sent its readers away ended, was not begun anew and did not fail.
    fn drains_lost_nothing(&mut self) {
        for (name, turn) in &self.known.turns {
            let Some(drained) = turn.drained else { continue };
            let name = self.names.text(*name);
            if let Some(restarted) = turn.restarted.filter(|it| it.at >= drained.at) {
                again(&mut self.findings, name, (restarted, drained));
            }
            let asker = turn.asked.and_then(|asked| self.clients.get(&asked.by));
            let missed = asker.and_then(super::checker::Client::would_have_seen);
            let Some(shown) = turn.end.as_ref().map(|end| end.spot).or(missed) else { continue };
            let whole = turn.end.as_ref().is_some_and(|end| &*end.status != "failed");
            self.findings.compare(Invariant::DRAIN, whole, (shown, drained), || {
                format!("{name} ran when its server drained, and failed or never ended")
            });
        }
    }

    fn answers(&self) -> impl Iterator<Item = Answer> {
        self.known.turns.values().filter_map(|turn| {
            let (asked, end) = (turn.asked?, turn.end.as_ref()?);
            let (began, ended) = (asked.spot.at, end.spot.at);
            let stopped = self.machines.has_stopped(asked.by);
            (!stopped).then_some(Answer { file: asked.by.0, began, ended })
        })
    }
}

fn again(findings: &mut Findings, name: &str, spots: (Spot, Spot)) {
    findings.compare(Invariant::DRAIN, false, spots, || {
        format!("{name} ran when its server drained, and was begun anew")
    });
}

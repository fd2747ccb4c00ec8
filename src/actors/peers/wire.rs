//! A wire between buses for tests: it loses and delays notes by a seeded plan.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    bus::{Bus, Here, Line, Note, Wake},
    domain::ids::ThreadId,
};

pub(crate) struct Wire(Mutex<State>);

struct State {
    ends: Vec<End>,
    chance: StdRng,
    /// Of a hundred notes so many are lost, and so many come one note later.
    lost: u32,
    late: u32,
    held: Vec<(usize, Wake)>,
    said: Vec<Note>,
}

struct End {
    here: Here,
    cut: bool,
}

impl Wire {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            ends: Vec::new(),
            chance: StdRng::seed_from_u64(seed),
            lost: 0,
            late: 0,
            held: Vec::new(),
            said: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A further node's bus; nodes are numbered from 0.
    pub(crate) fn bus(self: &Arc<Self>) -> Bus {
        Bus::with_line(|here| {
            let mut state = self.state();
            state.ends.push(End { here, cut: false });
            Arc::new(Way { wire: Arc::clone(self), me: state.ends.len() - 1 })
        })
    }

    pub(crate) fn trouble(&self, lost: u32, late: u32) {
        let mut state = self.state();
        (state.lost, state.late) = (lost, late);
    }

    /// What the node says and is told is lost.
    pub(crate) fn cut(&self, node: usize) {
        self.state().ends[node].cut = true;
    }

    pub(crate) fn join(&self, node: usize) {
        let mut state = self.state();
        state.ends[node].cut = false;
        state.ends[node].here.send(Wake::Gap);
    }

    /// What was said since this was last asked.
    pub(crate) fn said(&self) -> Vec<Note> {
        std::mem::take(&mut self.state().said)
    }
}

impl State {
    fn carry(&mut self, from: usize, wake: &Wake) {
        if let Wake::Note(note) = wake {
            let bytes = serde_json::to_vec(note).unwrap().len();
            assert!(bytes < 64 * 1024, "a note of {bytes} bytes");
            self.said.push(note.clone());
        }
        if self.ends[from].cut {
            return;
        }
        let held = std::mem::take(&mut self.held);
        for to in (0..self.ends.len()).filter(|to| *to != from) {
            let dice = self.chance.random_range(0..100);
            if dice < self.lost {
                continue;
            }
            if dice < self.lost + self.late {
                self.held.push((to, wake.clone()));
            } else {
                self.deliver(to, wake.clone());
            }
        }
        for (to, wake) in held {
            self.deliver(to, wake);
        }
    }

    fn deliver(&self, to: usize, wake: Wake) {
        if !self.ends[to].cut {
            self.ends[to].here.send(wake);
        }
    }
}

struct Way {
    wire: Arc<Wire>,
    me: usize,
}

#[async_trait]
impl Line for Way {
    fn say(&self, wake: &Wake) {
        self.wire.state().carry(self.me, wake);
    }

    async fn follow(&self, _: &ThreadId) {}

    fn unfollow(&self, _: &ThreadId) {}

    fn is_cut(&self) -> bool {
        self.wire.state().ends[self.me].cut
    }
}

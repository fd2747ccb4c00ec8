//! What the server's processes took, and whether readers that stopped were felt by others.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    finding::{Findings, Spot},
    invariant::Invariant,
    line::Server,
    turns::ClientId,
};

/// Connections that must have come before memory is shared out over them.
const ENOUGH: u64 = 50;
/// What a server may take beside its connections: caches, answers, the memory of its threads.
const BESIDE: u64 = 64 << 20;
/// Answers on either side before two medians are compared.
const ANSWERS: usize = 10;
/// Milliseconds that the median may take longer beside stopped readers, over twice as long.
const ALLOWED: f64 = 1_000.0;

#[derive(Debug, Default)]
pub(crate) struct Machines {
    kib_a_connection: u64,
    /// The first sample of each process: memory and connections.
    first: HashMap<(usize, u32), (u64, u64)>,
    /// When the first reader of a file stopped, and when the first of them read on.
    stops: BTreeMap<usize, (Spot, Option<Spot>)>,
    stoppers: HashSet<ClientId>,
}

/// One answer of a client that did not stop: file, times of its `ok` and its `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) file: usize,
    pub(crate) began: f64,
    pub(crate) ended: f64,
}

impl Machines {
    pub(crate) fn new(kib_a_connection: u64) -> Self {
        Self { kib_a_connection, ..Self::default() }
    }

    /// I13: over its first sample a process takes so much for each connection more, and no more.
    pub(crate) fn sample(&mut self, spot: Spot, sample: &Server, findings: &mut Findings) {
        let Server { pid, rss_bytes, connections } = *sample;
        let first = self.first.entry((spot.file, pid)).or_insert((rss_bytes, connections));
        let more = connections.saturating_sub(first.1);
        if more < ENOUGH {
            return;
        }
        let grown = rss_bytes.saturating_sub(first.0);
        let allowed = BESIDE + more * self.kib_a_connection * 1_024;
        findings.check(Invariant::MEMORY, grown <= allowed, spot, || {
            let (grown, allowed) = (grown >> 20, allowed >> 20);
            format!(
                "process {pid} took {grown} MiB more for {more} connections more; {allowed} are \
                 allowed"
            )
        });
    }

    pub(crate) fn stopped(&mut self, spot: Spot) {
        self.stoppers.insert((spot.file, spot.client));
        let stop = self.stops.entry(spot.file).or_insert((spot, None));
        if spot.at < stop.0.at {
            stop.0 = spot;
        }
    }

    pub(crate) fn reads_on(&mut self, spot: Spot) {
        if let Some((_, reads_on)) = self.stops.get_mut(&spot.file)
            && reads_on.is_none_or(|known| spot.at < known.at)
        {
            *reads_on = Some(spot);
        }
    }

    /// Whether this client stopped reading at some time.
    pub(crate) fn has_stopped(&self, client: ClientId) -> bool {
        self.stoppers.contains(&client)
    }

    /// Whether there are readers that stopped.
    pub(crate) fn has_stops(&self) -> bool {
        !self.stops.is_empty()
    }

    /// I12: the median answer of the others takes at most twice as long, and a second.
    pub(crate) fn compare_answers(&self, answers: &[Answer], findings: &mut Findings) {
        for (file, (stopped, reads_on)) in &self.stops {
            let Some(reads_on) = reads_on else { continue };
            let own = || answers.iter().copied().filter(|answer| answer.file == *file);
            let alone = own().filter(|answer| answer.ended < stopped.at);
            let beside = own().filter(|it| (stopped.at..reads_on.at).contains(&it.began));
            let (Some(alone), Some(beside)) = (median(alone), median(beside)) else { continue };
            let allowed = 2.0 * alone + ALLOWED;
            findings.check(Invariant::NOT_SLOWED, beside <= allowed, *reads_on, || {
                format!(
                    "the median answer took {beside:.0} ms beside readers that had stopped, and \
                     {alone:.0} ms before"
                )
            });
        }
    }
}

/// Of how long they took; none of a few.
fn median(answers: impl Iterator<Item = Answer>) -> Option<f64> {
    let mut times: Vec<f64> = answers.map(|answer| answer.ended - answer.began).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().filter(|_| times.len() >= ANSWERS)
}

//! The figures behind `/metrics`, one typed field each.

use std::{fmt, fs};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::{MailFigures, RedisFigures};

/// One label whose values are few and known: a status, a code, an outcome. Never an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Label {
    value: String,
}

type Labelled = Family<Label, Counter>;

/// The values of a session's label.
const TRANSPORTS: [&str; 2] = ["websocket", "sse"];

/// All figures of one node.
pub(crate) struct Metrics {
    registry: Registry,
    /// HTTP answers by status class (`2xx`).
    http_answers: Labelled,
    http_seconds: Histogram,
    /// Sockets that are open now.
    pub(crate) sockets: Gauge,
    /// Sockets closed, by close code.
    socket_closes: Labelled,
    /// Sessions that have said hello, by transport.
    sessions: Family<Label, Gauge>,
    /// Threads that a client came back to, by how it got the rest (`current`, `replay`, …).
    resumes: Labelled,
    /// Turns that this node has claimed and that have not ended.
    pub(crate) turns_running: Gauge,
    /// Of these, the ones that wait for another turn of their user.
    pub(crate) turns_queued: Gauge,
    /// Answers that were gone on with because their node's lease was over.
    pub(crate) takeovers: Counter,
    /// Between two pieces of one answer, as they are written.
    delta_gap_seconds: Histogram,
    /// Turns that ended, by status.
    turn_ends: Labelled,
    /// From the accepted question to the first piece of its answer.
    first_delta_seconds: Histogram,
    /// Requests on sockets that were refused, by error code.
    refusals: Labelled,
    /// Sign-ins, by outcome.
    sign_ins: Labelled,
    resident_bytes: Gauge,
    pub(crate) flow: Flow,
    pub(crate) redis: RedisFigures,
    pub(crate) mail: MailFigures,
}

/// What moves over the live sockets, and who cannot keep up.
#[derive(Default)]
pub(crate) struct Flow {
    /// Messages of the protocol and the bytes of their text, before TCP and WebSocket.
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// Pieces of answers that were sent within another.
    pub(crate) merged: Counter,
    /// How often a client took so little that nothing more was read for it.
    pub(crate) held: Counter,
    /// Clients that were cut off for it (4301).
    pub(crate) slow_readers: Counter,
}

impl Flow {
    fn register(&self, all: &mut Registry) {
        for (name, help, figure) in [
            ("live_frames_in", "Messages from live sockets", &self.frames_in),
            ("live_frames_out", "Messages to live sockets", &self.frames_out),
            ("live_bytes_in", "Text from live sockets in bytes", &self.bytes_in),
            ("live_bytes_out", "Text to live sockets in bytes", &self.bytes_out),
            ("live_merged", "Pieces of answers sent within another", &self.merged),
            ("live_held", "Times that a client took too little to read on for it", &self.held),
            ("live_slow_readers", "Clients cut off since they did not read", &self.slow_readers),
        ] {
            all.register(name, help, figure.clone());
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut new = Self {
            registry: Registry::with_prefix("intellistack"),
            http_answers: Labelled::default(),
            http_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            sockets: Gauge::default(),
            socket_closes: Labelled::default(),
            sessions: Family::default(),
            resumes: Labelled::default(),
            turns_running: Gauge::default(),
            turns_queued: Gauge::default(),
            takeovers: Counter::default(),
            delta_gap_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            turn_ends: Labelled::default(),
            first_delta_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 13)),
            refusals: Labelled::default(),
            sign_ins: Labelled::default(),
            resident_bytes: Gauge::default(),
            flow: Flow::default(),
            redis: RedisFigures::default(),
            mail: MailFigures::default(),
        };
        new.register();
        new
    }

    fn register(&mut self) {
        let all = &mut self.registry;
        let seconds = || Unit::Seconds;
        all.register("http_answers", "HTTP answers by class", self.http_answers.clone());
        let time = self.http_seconds.clone();
        all.register_with_unit("http_answer", "Time to an HTTP answer", seconds(), time);
        all.register("sockets", "Open live sockets", self.sockets.clone());
        let closes = self.socket_closes.clone();
        all.register("socket_closes", "Closed live sockets by close code", closes);
        all.register("sessions", "Sessions by transport", self.sessions.clone());
        all.register("resumes", "Resumed threads by mode", self.resumes.clone());
        all.register("turns_running", "Turns being answered", self.turns_running.clone());
        all.register(
            "turns_queued",
            "Turns waiting for their user's others",
            self.turns_queued.clone(),
        );
        let takeovers = self.takeovers.clone();
        all.register("takeovers", "Answers taken over from nodes that died", takeovers);
        let gap = self.delta_gap_seconds.clone();
        all.register_with_unit("delta_gap", "Time between pieces of an answer", seconds(), gap);
        all.register("turn_ends", "Ended turns by status", self.turn_ends.clone());
        let first = self.first_delta_seconds.clone();
        all.register_with_unit("first_delta", "Time to an answer's first words", seconds(), first);
        all.register("refusals", "Refused live requests by code", self.refusals.clone());
        all.register("sign_ins", "Sign-ins by outcome", self.sign_ins.clone());
        let resident = self.resident_bytes.clone();
        all.register_with_unit("resident", "Memory of the process", Unit::Bytes, resident);
        self.flow.register(all);
        self.redis.register(all);
        self.mail.register(all);
    }

    pub(crate) fn http_answer(&self, status: u16, seconds: f64) {
        count(&self.http_answers, format!("{}xx", status / 100));
        self.http_seconds.observe(seconds);
    }

    pub(crate) fn socket_closed(&self, code: u16) {
        count(&self.socket_closes, code);
    }

    pub(crate) fn turn_ended(&self, status: &str) {
        count(&self.turn_ends, status);
    }

    pub(crate) fn first_delta(&self, seconds: f64) {
        self.first_delta_seconds.observe(seconds);
    }

    pub(crate) fn delta_gap(&self, seconds: f64) {
        self.delta_gap_seconds.observe(seconds);
    }

    pub(crate) fn resumed(&self, mode: &str) {
        count(&self.resumes, mode);
    }

    pub(crate) fn session_began(&self, transport: &str) {
        self.sessions.get_or_create(&Label { value: transport.to_owned() }).inc();
    }

    /// Sessions that are open now, whatever their transport.
    pub(crate) fn sessions_now(&self) -> i64 {
        let open = |transport: &str| {
            self.sessions.get_or_create(&Label { value: transport.to_owned() }).get()
        };
        TRANSPORTS.into_iter().map(open).sum()
    }

    pub(crate) fn session_ended(&self, transport: &str) {
        self.sessions.get_or_create(&Label { value: transport.to_owned() }).dec();
    }

    pub(crate) fn refused(&self, code: &str) {
        count(&self.refusals, code);
    }

    pub(crate) fn sign_in(&self, outcome: &str) {
        count(&self.sign_ins, outcome);
    }

    /// The OpenMetrics text of all figures.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            self.resident_bytes.set(bytes);
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// One more in a gauge, for as long as it lives.
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn count(family: &Labelled, value: impl fmt::Display) {
    family.get_or_create(&Label { value: value.to_string() }).inc();
}

/// Linux alone tells; elsewhere the figure stays 0.
pub(crate) fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_rendered_with_its_labels() {
        let metrics = Metrics::new();

        metrics.http_answer(204, 0.01);
        metrics.sockets.inc();
        metrics.socket_closed(4103);
        metrics.turn_ended("done");
        metrics.first_delta(0.2);
        metrics.delta_gap(0.02);
        metrics.resumed("replay");
        metrics.session_began("sse");
        assert_eq!(metrics.sessions_now(), 1);
        metrics.refused("quota_exceeded");
        metrics.sign_in("ok");
        metrics.flow.bytes_out.inc_by(7);
        metrics.redis.up.set(1);
        metrics.mail.sent.inc();
        metrics.redis.append_seconds.observe(0.001);
        let text = metrics.render().unwrap();

        for line in [
            r#"intellistack_http_answers_total{value="2xx"} 1"#,
            "intellistack_http_answer_seconds_count 1",
            "intellistack_sockets 1",
            r#"intellistack_socket_closes_total{value="4103"} 1"#,
            r#"intellistack_turn_ends_total{value="done"} 1"#,
            "intellistack_first_delta_seconds_count 1",
            "intellistack_delta_gap_seconds_count 1",
            r#"intellistack_resumes_total{value="replay"} 1"#,
            r#"intellistack_sessions{value="sse"} 1"#,
            r#"intellistack_refusals_total{value="quota_exceeded"} 1"#,
            r#"intellistack_sign_ins_total{value="ok"} 1"#,
            "intellistack_live_bytes_out_total 7",
            "intellistack_redis_up 1",
            "intellistack_mail_sent_total 1",
            "intellistack_mail_dead_letters 0",
            "intellistack_redis_append_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_memory_of_the_process_is_told() {
        let text = Metrics::new().render().unwrap();

        let line = text.lines().find(|line| line.starts_with("intellistack_resident_bytes "));
        let bytes: i64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(bytes > 1_000_000, "{bytes}");
    }
}

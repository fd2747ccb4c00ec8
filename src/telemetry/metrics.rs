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

/// One label whose values are few and known: a status, a code, an outcome. Never an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Label {
    value: String,
}

type Labelled = Family<Label, Counter>;

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
    /// Turns that are being answered now.
    pub(crate) turns_running: Gauge,
    /// Turns that ended, by status.
    turn_ends: Labelled,
    /// From the accepted question to the first piece of its answer.
    first_delta_seconds: Histogram,
    /// Requests on sockets that were refused, by error code.
    refusals: Labelled,
    /// Sign-ins, by outcome.
    sign_ins: Labelled,
    resident_bytes: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut new = Self {
            registry: Registry::with_prefix("intellistack"),
            http_answers: Labelled::default(),
            http_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            sockets: Gauge::default(),
            socket_closes: Labelled::default(),
            turns_running: Gauge::default(),
            turn_ends: Labelled::default(),
            first_delta_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 13)),
            refusals: Labelled::default(),
            sign_ins: Labelled::default(),
            resident_bytes: Gauge::default(),
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
        all.register("turns_running", "Turns being answered", self.turns_running.clone());
        all.register("turn_ends", "Ended turns by status", self.turn_ends.clone());
        let first = self.first_delta_seconds.clone();
        all.register_with_unit("first_delta", "Time to an answer's first words", seconds(), first);
        all.register("refusals", "Refused live requests by code", self.refusals.clone());
        all.register("sign_ins", "Sign-ins by outcome", self.sign_ins.clone());
        let resident = self.resident_bytes.clone();
        all.register_with_unit("resident", "Memory of the process", Unit::Bytes, resident);
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

fn count(family: &Labelled, value: impl fmt::Display) {
    family.get_or_create(&Label { value: value.to_string() }).inc();
}

/// Linux alone tells; elsewhere the figure stays 0.
fn resident_bytes() -> Option<i64> {
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
        metrics.refused("quota_exceeded");
        metrics.sign_in("ok");
        let text = metrics.render().unwrap();

        for line in [
            r#"intellistack_http_answers_total{value="2xx"} 1"#,
            "intellistack_http_answer_seconds_count 1",
            "intellistack_sockets 1",
            r#"intellistack_socket_closes_total{value="4103"} 1"#,
            r#"intellistack_turn_ends_total{value="done"} 1"#,
            "intellistack_first_delta_seconds_count 1",
            r#"intellistack_refusals_total{value="quota_exceeded"} 1"#,
            r#"intellistack_sign_ins_total{value="ok"} 1"#,
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

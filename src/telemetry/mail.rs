//! The figures of mail.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Default)]
pub(crate) struct MailFigures {
    /// Mails that wait to be delivered, on all nodes.
    pub(crate) queued: Gauge,
    /// Mails that were given up and that nobody has dealt with, on all nodes.
    pub(crate) dead_letters: Gauge,
    pub(crate) sent: Counter,
    /// Tries that another one follows.
    pub(crate) failed: Counter,
    /// Mails that this node has given up.
    pub(crate) dead: Counter,
}

impl MailFigures {
    pub(super) fn register(&self, all: &mut Registry) {
        all.register("mail_queued", "Mails that wait to be delivered", self.queued.clone());
        all.register("mail_dead_letters", "Mails that were given up", self.dead_letters.clone());
        for (name, help, figure) in [
            ("mail_sent", "Mails delivered", &self.sent),
            ("mail_failed", "Tries to deliver that another one follows", &self.failed),
            ("mail_dead", "Mails given up", &self.dead),
        ] {
            all.register(name, help, figure.clone());
        }
    }
}

//! What takes mail to its readers, by configuration.

use std::sync::Arc;

use actix::Arbiter;

use super::{AppError, supervise};
use crate::{
    actors::postman::Postman,
    auth::{Auth, Delivery},
    config::{self, MailTransport},
    mail::{Mailer, Patience, resend::Resend, smtp::Smtp},
    telemetry::Metrics,
};

pub(super) fn mailer(mail: &config::Mail) -> Result<Option<Arc<dyn Mailer>>, AppError> {
    Ok(match mail.transport {
        MailTransport::Outbox => None,
        MailTransport::Smtp => Some(Arc::new(Smtp::new(mail)?)),
        MailTransport::Resend => Some(Arc::new(Resend::new(mail)?)),
    })
}

/// Starts who delivers it.
pub(super) fn deliver(
    mail: &config::Mail,
    mailer: Option<Arc<dyn Mailer>>,
    auth: &Arc<Auth>,
    metrics: &Arc<Metrics>,
    control: &Arbiter,
) {
    let delivery = Arc::new(Delivery {
        auth: Arc::clone(auth),
        mailer,
        patience: Patience { tries: mail.tries, first: mail.retry_ms() },
        timeout: i64::try_from(mail.timeout().as_millis()).unwrap_or(i64::MAX),
        kept: mail.keep_ms(),
    });
    let (metrics, most) = (Arc::clone(metrics), mail.at_once);
    supervise(control, move || Postman::new(delivery, metrics, most));
}

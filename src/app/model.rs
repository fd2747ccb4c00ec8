//! Who answers, by configuration.

use std::sync::Arc;

use super::AppError;
use crate::{
    config,
    domain::ids::SharedIds,
    llm,
    rag::Index,
    tutor::{Indexed, Tutor, TutorSettings},
};

pub(super) fn tutor(
    settings: &config::Tutor,
    index: Arc<dyn Index>,
    ids: SharedIds,
) -> Result<Tutor, AppError> {
    let model = llm::connect(settings).map_err(|error| AppError::Model(error.to_string()))?;
    let retriever = Arc::new(Indexed::new(index));
    let chosen = TutorSettings { max_passages: settings.max_passages, ..TutorSettings::default() };
    Ok(Tutor::new(model, retriever, ids, chosen))
}

//! Which model answers, by configuration.

use std::sync::Arc;

use super::AppError;
use crate::{
    config::{self, TutorModel},
    domain::ids::SharedIds,
    llm::{
        SharedModel,
        extractive::Extractive,
        openai::{OpenAi, Settings},
        pace::Pace,
        scripted::Scripted,
    },
    rag::Index,
    tutor::{Indexed, Tutor, TutorSettings},
};

pub(super) fn tutor(
    settings: &config::Tutor,
    index: Arc<dyn Index>,
    ids: SharedIds,
) -> Result<Tutor, AppError> {
    let pace = Pace::new(settings.pace());
    let wrong = |error: crate::llm::openai::InvalidSettings| AppError::Model(error.to_string());
    let model: SharedModel = match settings.model {
        TutorModel::Extractive => Arc::new(Extractive::new(pace)),
        TutorModel::Scripted => Arc::new(Scripted::new(pace)),
        TutorModel::Openai => {
            Arc::new(OpenAi::new(Settings::read(settings).map_err(wrong)?).map_err(wrong)?)
        }
    };
    let retriever = Arc::new(Indexed::new(index));
    let chosen = TutorSettings { max_passages: settings.max_passages, ..TutorSettings::default() };
    Ok(Tutor::new(model, retriever, ids, chosen))
}

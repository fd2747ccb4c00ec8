//! Reads the settings: defaults, then a file, then the environment, then the command line.

use std::path::{Path, PathBuf};

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{Config, ConfigError};

const DEFAULTS: &str = include_str!("../../config.default.toml");
const PREFIX: &str = "INTELLISTACK__";

/// What the command line sets; it wins over everything.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub data_dir: Option<PathBuf>,
}

/// Reads the settings. `environment` is the whole of it; only `INTELLISTACK__…` counts.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<Config, ConfigError> {
    let defaults = Figment::from(Toml::string(DEFAULTS));
    let mut figment = defaults.clone();
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError::NoFile(path.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Environment::read(&defaults, environment)?);
    if let Some(dir) = &overrides.data_dir {
        figment = figment.merge(("data.dir", dir));
    }
    figment.extract().map_err(|error| explain(&error))
}

/// The variables that are ours. Text stays text where the default is text, so that a password of
/// digits is not taken for a number; anything else is read as JSON.
struct Environment(Dict);

impl Environment {
    fn read(
        defaults: &Figment,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut sections = Dict::new();
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let path = rest.to_lowercase();
            let Some((section, key)) = path.split_once("__") else {
                return Err(ConfigError::UnknownVariable(name));
            };
            let value = match defaults.find_value(&format!("{section}.{key}")) {
                Err(_) => return Err(ConfigError::UnknownVariable(name)),
                Ok(Value::String(..)) => Value::from(text),
                Ok(_) => json(&name, &text)?,
            };
            let entry = sections.entry(section.to_owned()).or_insert_with(|| Dict::new().into());
            if let Value::Dict(_, keys) = entry {
                keys.insert(key.to_owned(), value);
            }
        }
        Ok(Self(sections))
    }
}

fn json(name: &str, text: &str) -> Result<Value, ConfigError> {
    let wrong = |error: String| ConfigError::Variable { name: name.to_owned(), error };
    let parsed: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        wrong(format!("{text:?} is not a number, true, false or a JSON list ({error})"))
    })?;
    Value::serialize(parsed).map_err(|error| wrong(error.to_string()))
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment")
            .interpolater(|_, keys| format!("{PREFIX}{}", keys.join("__").to_uppercase()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// Names the key, where it was set and what would be right.
fn explain(error: &Error) -> ConfigError {
    let place = error.metadata.as_ref().map_or_else(String::new, |metadata| {
        metadata.source.as_ref().map_or_else(
            || format!(" (from {})", metadata.name),
            |source| format!(" (in {source})"),
        )
    });
    let mut path = error.path.clone();
    match &error.kind {
        Kind::UnknownField(name, known) => {
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            ConfigError::UnknownKey { key: path.join("."), place, known: known.join(", ") }
        }
        Kind::UnknownVariant(found, known) => ConfigError::Value {
            key: path.join("."),
            place,
            error: format!("{found:?} is none of {}", known.join(", ")),
        },
        kind if path.is_empty() => ConfigError::Unreadable { place, error: kind.to_string() },
        kind => ConfigError::Value { key: path.join("."), place, error: kind.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TutorModel;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn with_env(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(None, env(pairs), &Overrides::default())
    }

    fn with_file(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("school.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), [], &Overrides::default())
    }

    #[test]
    fn the_manual_is_the_defaults() {
        let config = with_env(&[]).unwrap();

        assert_eq!(config.server.listen, "127.0.0.1:8080");
        assert_eq!(config.limits.messages_per_day, 20);
        assert_eq!(config.tutor.model, TutorModel::Extractive);
        assert_eq!(config.public_url_for(8080), "http://localhost:8080");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("school.toml");
        std::fs::write(&path, "[server]\nlisten = \"127.0.0.1:1\"\ndrain_s = 3\n").unwrap();
        let variables = env(&[
            ("INTELLISTACK__SERVER__LISTEN", "127.0.0.1:2"),
            ("INTELLISTACK__DATA__DIR", "/from/env"),
        ]);

        let overrides = Overrides { data_dir: Some("/from/line".into()) };
        let config = load(Some(&path), variables, &overrides).unwrap();

        assert_eq!(config.server.listen, "127.0.0.1:2");
        assert_eq!(config.server.drain().as_secs(), 3);
        assert_eq!(config.data.dir, Path::new("/from/line"));
    }

    #[test]
    fn a_list_in_the_environment_is_json_and_text_stays_text() {
        let config = with_env(&[
            ("INTELLISTACK__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1","::1"]"#),
            ("INTELLISTACK__AUTH__SECRET", "12345678901234567890123456789012"),
            ("INTELLISTACK__ACCOUNTS__HIDE_EXISTING", "true"),
            ("INTELLISTACK__TUTOR__PACE_MS", "0"),
        ])
        .unwrap();

        assert_eq!(config.server.trusted_proxies.len(), 2);
        assert_eq!(config.auth.secret.reveal(), "12345678901234567890123456789012");
        assert!(config.accounts.hide_existing);
        assert_eq!(config.tutor.pace_ms, 0);
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name() {
        let in_file = with_file("[server]\nlisten_on = \"127.0.0.1:1\"\n").unwrap_err();
        let section = with_file("[sever]\nlisten = \"127.0.0.1:1\"\n").unwrap_err();
        let variable = with_env(&[("INTELLISTACK__SERVER__LISTN", "x")]).unwrap_err();

        assert!(in_file.to_string().contains("server.listen_on "), "{in_file}");
        assert!(in_file.to_string().contains("school.toml"), "{in_file}");
        assert!(section.to_string().contains("sever "), "{section}");
        assert!(variable.to_string().contains("INTELLISTACK__SERVER__LISTN"), "{variable}");
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_key_and_place() {
        let in_file = with_file("[limits]\nmessages_per_day = \"many\"\n").unwrap_err();
        let variable = with_env(&[("INTELLISTACK__SERVER__WORKERS", "many")]).unwrap_err();
        let choice = with_env(&[("INTELLISTACK__TUTOR__MODEL", "gpt")]).unwrap_err();

        assert!(in_file.to_string().contains("limits.messages_per_day"), "{in_file}");
        assert!(variable.to_string().contains("INTELLISTACK__SERVER__WORKERS"), "{variable}");
        assert!(choice.to_string().contains("extractive"), "{choice}");
    }

    #[test]
    fn a_file_that_is_not_there_is_refused() {
        let error = load(Some(Path::new("/nowhere.toml")), [], &Overrides::default()).unwrap_err();

        assert!(error.to_string().contains("/nowhere.toml"));
    }
}

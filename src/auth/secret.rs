//! The server's secret: what signs cookies and tickets and seals the signing keys.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use aws_lc_rs::hkdf;

use crate::domain::ids::Ids;

const MIN_LENGTH: usize = 32;
const FILE: &str = "secret";

/// Whoever knows it can sign in as anybody. Does not print.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("auth.secret is too short: use at least {MIN_LENGTH} characters, or leave it empty")]
    TooShort,
    #[error("cannot keep the server's secret in {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

impl Secret {
    /// The configured secret; where that is empty, the one in `<data_dir>/secret`, which is made at
    /// the first start, readable by its owner alone. Several nodes on one database need a
    /// configured one: a node that has another cannot open the signing key, and says so.
    pub(crate) fn load(
        configured: &str,
        data_dir: &Path,
        ids: &dyn Ids,
    ) -> Result<Self, SecretError> {
        if !configured.is_empty() {
            return Self::new(configured);
        }
        let path = data_dir.join(FILE);
        let failed = |source| SecretError::File { path: path.clone(), source };
        fs::create_dir_all(data_dir).map_err(failed)?;
        match write_private_new(&path, ids.token(64).as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => Self::new(fs::read_to_string(&path).map_err(failed)?.trim()),
        }
    }

    pub(crate) fn new(text: &str) -> Result<Self, SecretError> {
        if text.len() < MIN_LENGTH { Err(SecretError::TooShort) } else { Ok(Self(text.to_owned())) }
    }

    /// Cookies are signed with the secret itself, as Better-Auth does.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A key for one purpose (HKDF-SHA-256, RFC 5869), so that what is signed for one is worth
    /// nothing for another.
    pub(crate) fn key_for(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        let info = [purpose.as_bytes()];
        let filled = hkdf::Salt::new(hkdf::HKDF_SHA256, b"intellistack")
            .extract(self.as_bytes())
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key));
        debug_assert!(filled.is_ok(), "32 bytes are within HKDF's limit");
        key
    }
}

/// Writes a file that only its owner can read. Fails if it is there; a reader never sees half.
pub(crate) fn write_private_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = path.with_extension(format!("part{}", std::process::id()));
    write_private(&part, content)?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part)?;
    linked
}

/// Writes a file that only its owner can read, over what was there.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    #[test]
    fn an_empty_secret_is_made_once_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ids = SeededIds::new(1);

        let first = Secret::load("", folder.path(), &ids).unwrap();
        let second = Secret::load("", folder.path(), &ids).unwrap();

        assert_eq!(first.as_bytes(), second.as_bytes());
        assert_eq!(first.as_bytes().len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("secret")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Secret::load("change-me", folder.path(), &SeededIds::new(1));
        assert!(matches!(refused, Err(SecretError::TooShort)));
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();

        assert_eq!(secret.key_for("a"), secret.key_for("a"));
        assert_ne!(secret.key_for("a"), secret.key_for("b"));
        assert_ne!(secret.key_for("a"), [0; 32]);
    }
}

//! Demo accounts: one a role, verified, with random passwords that survive a restart.

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{Auth, AuthError, people::NewPerson, secret::write_private};
use crate::domain::{email::Email, ids::Ids, password::Password, role::Role};

const FILE: &str = "demo-accounts.json";
const PEOPLE: [(Role, &str, &str); 3] = [
    (Role::Student, "student@demo.example", "Sam Student"),
    (Role::Instructor, "instructor@demo.example", "Ina Instructor"),
    (Role::Admin, "admin@demo.example", "Ada Admin"),
];

/// How to sign in to the demonstration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DemoAccount {
    pub email: String,
    pub password: String,
    pub role: Role,
}

impl Auth {
    /// Makes or mends the demo accounts: student, instructor, admin, in this order. Their passwords
    /// stand in `<data.dir>/demo-accounts.json`, for its owner alone; without that file they get
    /// new ones. Outside demo mode there are none.
    pub(crate) async fn ensure_demo_accounts(&self) -> Result<Vec<DemoAccount>, AuthError> {
        if !self.demo {
            return Ok(Vec::new());
        }
        let path = self.demo_file();
        let kept = self.demo_accounts()?;
        let fits = kept.iter().map(|account| account.role).eq(PEOPLE.map(|(role, ..)| role));
        let accounts = if fits { kept } else { self.new_demo_accounts() };
        for (account, (role, email, name)) in accounts.iter().zip(PEOPLE) {
            let broken = || AuthError::Broken(format!("{} is damaged: remove it", path.display()));
            let email = Email::parse(email).map_err(|_| broken())?;
            let password = Password::parse(&account.password).map_err(|_| broken())?;
            let person = NewPerson { email, name: name.to_owned(), role, verified: true };
            self.ensure_user(person, password).await?;
        }
        if !fits {
            let text = serde_json::to_vec_pretty(&accounts).unwrap_or_default();
            write_private(&path, &text).map_err(|error| self.cannot(&error))?;
        }
        Ok(accounts)
    }

    /// The accounts as kept in the file; none outside demo mode or before the first start.
    pub(crate) fn demo_accounts(&self) -> Result<Vec<DemoAccount>, AuthError> {
        if !self.demo {
            return Ok(Vec::new());
        }
        match fs::read(self.demo_file()) {
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.cannot(&error)),
        }
    }

    fn new_demo_accounts(&self) -> Vec<DemoAccount> {
        PEOPLE
            .map(|(role, email, _)| DemoAccount {
                email: email.to_owned(),
                password: random_password(self.ids.as_ref()),
                role,
            })
            .to_vec()
    }

    fn demo_file(&self) -> PathBuf {
        self.data_dir.join(FILE)
    }

    fn cannot(&self, error: &io::Error) -> AuthError {
        AuthError::Broken(format!("cannot keep {}: {error}", self.demo_file().display()))
    }
}

/// Satisfies every policy: 130 bits, with one of each kind of character put behind.
pub(crate) fn random_password(ids: &dyn Ids) -> String {
    format!("{}-{}-Aa1", ids.token(11), ids.token(11))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{sessions::Device, sign_in::SignIn, tests::Bench};

    async fn signs_in(bench: &Bench, account: &DemoAccount) -> bool {
        let form = SignIn {
            email: Email::parse(&account.email).unwrap(),
            password: Password::parse(&account.password).unwrap(),
            remember: true,
            replaces: None,
            known_device: None,
        };
        let started = bench.auth.sign_in(form, Device::default(), None).await;
        started.is_ok_and(|it| it.user.role == account.role && it.user.email_verified)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn demo_passwords_survive_a_restart_and_are_new_without_their_file() {
        let bench = Bench::new().await;

        let first = bench.auth.ensure_demo_accounts().await.unwrap();
        let again = bench.auth.ensure_demo_accounts().await.unwrap();

        assert_eq!(first, again);
        let roles: Vec<_> = first.iter().map(|account| account.role).collect();
        assert_eq!(roles, [Role::Student, Role::Instructor, Role::Admin]);
        for account in &first {
            assert!(Password::parse(&account.password).unwrap().check_classic().is_ok());
            assert!(signs_in(&bench, account).await, "{}", account.email);
        }
        let path = bench.folder.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }

        fs::remove_file(&path).unwrap();
        let fresh = bench.auth.ensure_demo_accounts().await.unwrap();
        assert_ne!(fresh[0].password, first[0].password);
        assert!(!signs_in(&bench, &first[0]).await);
        assert!(signs_in(&bench, &fresh[0]).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn outside_demo_mode_there_are_no_demo_accounts() {
        let bench = Bench::at("https://school.example", false).await;

        assert_eq!(bench.auth.ensure_demo_accounts().await.unwrap(), []);
        assert_eq!(bench.store.count_users().await.unwrap(), 0);
    }
}

//! Devices on which somebody has signed in before. While others guess at an account it is locked
//! for them; its owner gets in with the right password on such a device, which has five tries of
//! its own (attack A6).
//!
//! A signed cookie says which device it is, since when, and who signed in on it last: of a computer
//! that a class shares, the last few.

use super::{Auth, cookie, hash_token};
use crate::domain::clock::DAY;

/// How values of this kind begin, so that nothing else that is signed passes for one.
const KIND: &str = "kd1";
/// Days that a device is known after the last sign-in on it.
const KNOWN_DAYS: i64 = 365;
/// Accounts of one device.
const MOST: usize = 8;
/// Characters of an account's hashed address that stand in the cookie.
const SHORT: usize = 16;
const ID_LENGTH: usize = 22;

/// What a cookie says, once its signature has been checked.
struct Known {
    id: String,
    accounts: Vec<String>,
}

impl Auth {
    /// Seconds that the cookie is kept.
    pub(crate) const KNOWN_DEVICE_AGE: i64 = KNOWN_DAYS * DAY / 1_000;

    /// The cookie's value after a sign-in of `email` on the device that came with `before`.
    pub(crate) fn know_device(&self, before: Option<&str>, email: &str) -> String {
        let known = before.and_then(|signed| self.open_device(signed));
        let account = short(&hash_token(email));
        let (id, mut accounts) = match known {
            Some(Known { id, accounts }) => (id, accounts),
            None => (self.ids.token(ID_LENGTH), Vec::new()),
        };
        accounts.retain(|other| *other != account);
        accounts.insert(0, account);
        accounts.truncate(MOST);
        let day = self.clock.now().0 / DAY;
        cookie::sign(&self.secret, &format!("{KIND}.{day}.{id}.{}", accounts.join(".")))
    }

    /// Under which name passwords of the account are counted: a known device has its own.
    /// `account` is the hashed address.
    pub(super) fn counted_as(&self, account: String, device: Option<&str>) -> String {
        let known = device.and_then(|signed| self.open_device(signed));
        match known {
            Some(Known { id, accounts }) if accounts.contains(&short(&account)) => {
                hash_token(&format!("{KIND} {id} {account}"))
            }
            _ => account,
        }
    }

    fn open_device(&self, signed: &str) -> Option<Known> {
        let value = cookie::open(&self.secret, signed)?;
        let mut parts = value.split('.');
        let kind = parts.next()?;
        let day: i64 = parts.next()?.parse().ok()?;
        let id = parts.next()?.to_owned();
        let fresh = self.clock.now().0 / DAY - day <= KNOWN_DAYS;
        let accounts = parts.map(str::to_owned).collect();
        (kind == KIND && fresh).then_some(Known { id, accounts })
    }
}

fn short(account: &str) -> String {
    account.chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::Bench;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_device_is_known_for_its_last_accounts_for_a_year_and_cannot_be_made_up() {
        let bench = Bench::new().await;
        let auth = &bench.auth;
        let of = |name: &str| hash_token(&format!("{name}@school.example"));
        let known = |cookie: &str, name: &str| auth.counted_as(of(name), Some(cookie)) != of(name);

        let mut cookie = auth.know_device(None, "ada@school.example");
        assert!(known(&cookie, "ada") && !known(&cookie, "bob"));
        let own = auth.counted_as(of("ada"), Some(&cookie));
        for n in 0..8 {
            cookie = auth.know_device(Some(&cookie), &format!("pupil{n}@school.example"));
        }
        assert!(!known(&cookie, "ada") && known(&cookie, "pupil0") && known(&cookie, "pupil7"));
        assert!(cookie.len() < 512, "{}", cookie.len());
        cookie = auth.know_device(Some(&cookie), "ada@school.example");
        assert_eq!(auth.counted_as(of("ada"), Some(&cookie)), own, "the device is the same");

        for forged in [
            cookie.replacen("kd1", "kd2", 1),
            format!("{cookie}A"),
            auth.signed("a-session-token"),
            String::new(),
        ] {
            assert!(!known(&forged, "ada"), "{forged}");
        }
        bench.clock.advance(366 * DAY);
        assert!(!known(&cookie, "ada"));
    }
}

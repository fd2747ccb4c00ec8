//! Names of stays. Each node must know one that was given to this user, whichever node gave it: so
//! the name holds a signature that is bound to the user.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::secret::Secret;
use crate::domain::{
    clock::Millis,
    ids::{Ids, StayId, UserId, prefixed},
};

/// Bytes of the signature that stand in a name: 128 bits.
const TAG: usize = 16;

/// What signs the names of stays. Nodes with the same secret know each other's.
#[derive(Clone)]
pub(crate) struct Stays(hmac::Key);

impl Stays {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret.key_for("stays v1")))
    }

    pub(crate) fn name(&self, user: &UserId, ids: &dyn Ids, now: Millis) -> StayId {
        let name = prefixed(ids, "s", now);
        let tag = self.tag(&name, user);
        StayId::new(format!("{name}.{tag}"))
    }

    /// Whether we gave this user this stay.
    pub(crate) fn is_of(&self, stay: &StayId, user: &UserId) -> bool {
        stay.as_str().split_once('.').is_some_and(|(name, tag)| {
            let ours = self.tag(name, user);
            aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_bytes(), tag.as_bytes())
                .is_ok()
        })
    }

    fn tag(&self, name: &str, user: &UserId) -> String {
        // A name holds no zero byte, so that no two pairs are signed alike.
        let tag = hmac::sign(&self.0, format!("{name}\0{user}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..TAG).unwrap_or_default())
    }
}

#[cfg(test)]
impl Stays {
    pub(crate) fn of_secret(secret: &str) -> Self {
        Self::new(&Secret::new(secret).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_stay_is_known_to_every_node_of_one_secret_and_is_its_users_alone() {
        let (here, there) = (Stays::of_secret(SECRET), Stays::of_secret(SECRET));
        let foreign = Stays::of_secret("another-secret-of-enough-letters");
        let (ada, bob) = (UserId::new("ada"), UserId::new("bob"));
        let stay = here.name(&ada, &SeededIds::new(1), Millis(5));

        assert!(there.is_of(&stay, &ada));
        assert!(!there.is_of(&stay, &bob) && !foreign.is_of(&stay, &ada));
        let (name, tag) = stay.as_str().split_once('.').unwrap();
        for forged in [name.to_owned(), format!("{name}."), format!("{name}1.{tag}"), String::new()]
        {
            assert!(!here.is_of(&StayId::new(&*forged), &ada), "{forged}");
        }
    }
}

//! What apps are told of a person: by scope (OpenID Connect Core §5.4), or by name (§5.5).

use serde_json::{Map, Value, json};

use super::client::Client;
use crate::{
    auth::{Auth, AuthError},
    domain::{
        clock::SECOND,
        ids::CourseId,
        oidc::scope::{self, Scopes},
        stage::Stage,
    },
    store::users::User,
};

/// What there is to tell of a person beside who she is, and the scopes by which it is told.
const TOLD: &[(&str, &[&str])] = &[
    ("name", &[scope::PROFILE]),
    ("given_name", &[scope::PROFILE]),
    ("family_name", &[scope::PROFILE]),
    ("picture", &[scope::PROFILE]),
    ("updated_at", &[scope::PROFILE]),
    ("email", &[scope::EMAIL]),
    ("email_verified", &[scope::EMAIL, scope::TUTOR]),
    ("role", &[scope::PROFILE, scope::TUTOR]),
];

/// Where claims that were asked for by name are told.
pub(super) enum Place {
    IdToken,
    Userinfo,
}

/// The names that the `claims` parameter asks for there, as far as there is something to tell.
pub(super) fn asked(claims: Option<&Value>, place: &Place) -> Vec<String> {
    let place = match place {
        Place::IdToken => "id_token",
        Place::Userinfo => "userinfo",
    };
    let Some(asked) = claims.and_then(|it| it.get(place)?.as_object()) else { return Vec::new() };
    let known = TOLD.iter().map(|(name, _)| *name);
    known.filter(|name| asked.contains_key(*name)).map(str::to_owned).collect()
}

/// A `claims` parameter without what there is nothing to tell of, and without what is said of the rest.
pub(super) fn narrowed(claims: &Value) -> Value {
    let names = |place| asked(Some(claims), &place).into_iter().map(|name| (name, Value::Null));
    let of = |place| Value::Object(names(place).collect());
    json!({ "id_token": of(Place::IdToken), "userinfo": of(Place::Userinfo) })
}

/// What is told of her by these scopes and names.
pub(super) fn about(user: &User, scopes: &Scopes, asked: &[String]) -> Map<String, Value> {
    let told = TOLD.iter().filter(|(name, by)| {
        by.iter().any(|scope| scopes.has(scope)) || asked.iter().any(|it| it == name)
    });
    told.filter_map(|(name, _)| Some(((*name).to_owned(), claim(user, name)?))).collect()
}

fn claim(user: &User, name: &str) -> Option<Value> {
    Some(match name {
        "name" => json!(user.name),
        "given_name" => json!(parts(&user.name)?.0),
        "family_name" => json!(parts(&user.name)?.1),
        "picture" => json!(user.image.as_ref()?),
        "updated_at" => json!(user.updated_at / SECOND),
        "email" => json!(user.email),
        "email_verified" => json!(user.email_verified),
        "role" => json!(user.role),
        _ => return None,
    })
}

/// A name of several words: the last is the family's.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (given, family) = name.trim().rsplit_once(' ')?;
    Some((given.trim(), family))
}

impl Auth {
    /// How far the person is in the course that the app is bound to. Staff have all of it; who is
    /// not enrolled yet may see the first stage.
    pub(super) async fn stage_for(
        &self,
        client: &Client,
        user: &User,
    ) -> Result<Option<u8>, AuthError> {
        let Some(course) = &client.metadata.ours.course else { return Ok(None) };
        let course = CourseId::new(course);
        if user.role.is_staff() {
            let stages = self.store.stages().await?;
            let of_it = stages.into_iter().filter(|stage| stage.course_id == course);
            let last = of_it.filter_map(|stage| u8::try_from(stage.number).ok()).max();
            return Ok(Some(last.unwrap_or(Stage::FIRST.number())));
        }
        let enrolment = self.store.enrolment(&user.id, &course).await?;
        let stage = enrolment.map_or(Stage::FIRST, |enrolment| enrolment.unlocked());
        Ok(Some(stage.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::role::Role, store::users::tests::person};

    fn ada() -> User {
        User { name: "Ada King Lovelace".to_owned(), ..person("ada", Role::Student) }
    }

    fn told(scopes: &str, asked: &[&str]) -> Vec<String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        about(&ada(), &Scopes::parse(scopes).unwrap(), &asked).keys().cloned().collect()
    }

    #[test]
    fn a_scope_tells_its_own_claims_and_a_name_that_alone() {
        assert_eq!(told("openid", &[]), Vec::<String>::new());
        assert_eq!(told("openid email", &[]), ["email", "email_verified"]);
        assert_eq!(told("openid tutor", &[]), ["email_verified", "role"]);
        assert_eq!(told("openid", &["name"]), ["name"]);
        let profile = told("openid profile", &[]);
        assert_eq!(profile, ["family_name", "given_name", "name", "role", "updated_at"]);
    }

    #[test]
    fn a_name_of_several_words_has_a_given_and_a_family_part() {
        let all = about(&ada(), &Scopes::parse("profile").unwrap(), &[]);
        assert_eq!(
            (&all["given_name"], &all["family_name"]),
            (&json!("Ada King"), &json!("Lovelace"))
        );
        assert!(all["updated_at"].is_number());
        assert_eq!(parts("Plato"), None);
    }

    #[test]
    fn only_what_there_is_to_tell_counts_as_asked_for() {
        let claims = json!({"userinfo": {"name": {"essential": true}, "ssn": null}, "id_token": 7});
        assert_eq!(asked(Some(&claims), &Place::Userinfo), ["name"]);
        assert!(asked(Some(&claims), &Place::IdToken).is_empty());
        assert!(asked(None, &Place::Userinfo).is_empty());
        assert_eq!(narrowed(&claims), json!({"userinfo": {"name": null}, "id_token": {}}));
    }
}

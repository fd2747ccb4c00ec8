use super::*;

fn with(authority: Authority) -> Oidc {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = crate::config::load(None, [], &crate::config::Overrides::default());
    let clock = Arc::new(crate::domain::clock::ManualClock::default());
    let mut oidc = Oidc::google(&settings.unwrap().social, clock).unwrap();
    oidc.authority = authority;
    oidc
}

fn profile(oidc: &Oidc, claims: Value) -> Profile {
    let Value::Object(claims) = claims else { unreachable!() };
    oidc.profile_of(claims)
}

/// Attack D8 (`nOAuth`): a provider's word on an address of somebody else's domain.
#[test]
fn a_provider_is_believed_on_the_addresses_of_its_own_domains() {
    let google = with(Authority::Google);
    let school = with(Authority::Domains(vec!["school.example".to_owned()]));
    for (oidc, claims, authoritative) in [
        (&google, serde_json::json!({"email": "ada@gmail.com"}), true),
        (&google, serde_json::json!({"email": "ada@s.example", "hd": "s.example"}), true),
        (&google, serde_json::json!({"email": "ada@s.example"}), false),
        (&google, serde_json::json!({"email": "ada@gmail.com.evil.example"}), false),
        (&school, serde_json::json!({"email": "ada@School.Example"}), true),
        (&school, serde_json::json!({"email": "ada@gmail.com", "hd": "x"}), false),
    ] {
        assert_eq!(profile(oidc, claims.clone()).authoritative, authoritative, "{claims}");
    }
}

#[test]
fn an_address_is_verified_only_where_the_provider_says_so() {
    let google = with(Authority::Google);
    for (value, verified) in [
        (serde_json::json!(true), true),
        (serde_json::json!("true"), true),
        (serde_json::json!(false), false),
        (serde_json::json!("false"), false),
        (serde_json::json!("no"), false),
        (serde_json::json!(1), false),
        (Value::Null, false),
    ] {
        let claims = serde_json::json!({"email": "a@gmail.com", "email_verified": value});
        assert_eq!(profile(&google, claims).email_verified, verified, "{value}");
    }
}

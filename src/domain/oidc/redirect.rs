//! Where the browser is sent back to: what an app may register, and whether what it asks for is
//! that (RFC 9700 §2.1, RFC 8252; attacks D1, D2).

use url::Url;

use super::client::ApplicationType;

/// Bytes of the longest address that is registered.
const LONGEST: usize = 2_000;

/// Schemes that run or read something in the browser itself.
const DANGEROUS: [&str; 8] =
    ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source"];

/// Whether the app registered this address. Strings are compared as they stand; only the port of a
/// native app's `http://127.0.0.1` or `http://[::1]` is free, since it is whichever was open on the
/// person's machine (RFC 8252 §7.3). `localhost` is a name, and compared as one.
pub fn matches(registered: &[String], asked: &str, kind: ApplicationType) -> bool {
    if registered.iter().any(|own| own == asked) {
        return true;
    }
    if kind != ApplicationType::Native {
        return false;
    }
    let Some(asked) = without_port(asked) else { return false };
    registered.iter().any(|own| without_port(own).is_some_and(|own| own == asked))
}

/// A loopback address and what stands behind its port; none if it is no such address.
fn without_port(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|host| Some((host, uri.strip_prefix(host)?)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            let (port, rest) = rest.split_at_checked(end)?;
            port.parse::<u16>().ok().filter(|port| *port > 0)?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// Whether such an address may be registered. `local`: whether a web app may be on this machine, as
/// while it is being written; only an operator's word makes it so.
pub fn check(uri: &str, kind: ApplicationType, local: bool) -> Result<(), &'static str> {
    check_characters(uri)?;
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Err("it must be a whole address, such as https://app.example/callback");
    };
    if DANGEROUS.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err("no page may be sent to such a scheme");
    }
    match (scheme, kind) {
        ("https", _) => check_web(uri).map(|_| ()),
        ("http", ApplicationType::Native) => {
            let host = check_web(uri)?;
            if is_loopback(&host) { Ok(()) } else { Err("http is for the person's own machine") }
        }
        ("http", ApplicationType::Web) => {
            let host = check_web(uri)?;
            match (is_loopback(&host), local) {
                (true, true) => Ok(()),
                (true, false) => Err("http on this machine is for application_type native"),
                (false, _) => Err("it must begin with https://"),
            }
        }
        (scheme, ApplicationType::Native) => check_own_scheme(scheme, rest),
        (_, ApplicationType::Web) => Err("it must begin with https://"),
    }
}

/// What no address of ours has: what browsers, proxies and apps read in more than one way.
fn check_characters(uri: &str) -> Result<(), &'static str> {
    if uri.len() > LONGEST {
        return Err("it is too long");
    }
    if uri.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("it has spaces, control characters or letters beyond ASCII");
    }
    if uri.contains('#') {
        return Err("it must not have a fragment");
    }
    if uri.contains('*') {
        return Err("it must be one address, without a wildcard");
    }
    if uri.contains(['\\', '<', '>', '"', '{', '}', '|', '^', '`']) {
        return Err("it has characters that no address has");
    }
    Ok(())
}

/// An http or https address that means to all what it means to us. Gives its host.
fn check_web(uri: &str) -> Result<String, &'static str> {
    let odd = "it must be written as browsers write it, without detours";
    let url = Url::parse(uri).map_err(|_| "it is no address")?;
    let (_, behind) = uri.split_once("://").ok_or("it is no address")?;
    let end = behind.find(['/', '?']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at_checked(end).ok_or("it is no address")?;
    if authority.contains('@') {
        return Err("it must not name a user");
    }
    let host = url.host_str().ok_or("it is no address")?;
    // `HTTPS://A.example`, `https://2130706433` and `https://127.1` are other names of the same.
    let port = authority.strip_prefix(host).ok_or(odd)?;
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|it| it > 0));
    if !port_fits || host.ends_with('.') {
        return Err(odd);
    }
    let path = rest.split('?').next().unwrap_or_default();
    // Dots that lead elsewhere are gone from what was parsed.
    if !path.is_empty() && path != url.path() {
        return Err(odd);
    }
    Ok(host.to_owned())
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

/// A scheme of the app's own is a domain name read from behind, so that two apps do not meet
/// (RFC 8252 §7.1).
fn check_own_scheme(scheme: &str, rest: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    let begins = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !begins || !scheme.bytes().all(fits) {
        return Err("its scheme must be made of small letters, digits, + - and dots");
    }
    if !scheme.contains('.') || scheme.split('.').any(str::is_empty) {
        return Err("a scheme of its own is a domain name from behind, such as com.example.app");
    }
    let authority = rest.strip_prefix("//").map(|it| it.split(['/', '?']).next());
    if authority.flatten().is_some_and(|it| it.contains('@')) {
        return Err("it must not name a user");
    }
    if rest.trim_matches('/').is_empty() {
        return Err("something must stand behind the scheme, such as com.example.app:/callback");
    }
    Ok(())
}

/// Another address of an app: of its page, its keys, its logout. `local`: whether it may be on this
/// machine and in clear.
pub fn check_url(uri: &str, local: bool) -> Result<(), &'static str> {
    check_characters(uri)?;
    match uri.split_once(':').map(|(scheme, _)| scheme) {
        Some("https") => check_web(uri).map(|_| ()),
        Some("http") if local => {
            let host = check_web(uri)?;
            if is_loopback(&host) { Ok(()) } else { Err("it must begin with https://") }
        }
        _ => Err("it must begin with https://"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        ApplicationType::{Native, Web},
        *,
    };

    fn one(uri: &str) -> Vec<String> {
        vec![uri.to_owned()]
    }

    /// Attack D1.
    #[test]
    fn a_web_app_is_answered_at_exactly_the_address_it_registered() {
        let own = one("https://app.example/cb?x=1");
        assert!(matches(&own, "https://app.example/cb?x=1", Web));
        for near in [
            "https://app.example/cb?x=1&y=2",
            "https://app.example/cb?x=1#",
            "https://app.example/cb?x=1%00",
            "https://app.example/cb?x=1\r\n",
            "https://app.example/cb?x=1\0",
            "https://app.example/cb",
            "https://app.example/cb/?x=1",
            "https://app.example/CB?x=1",
            "https://APP.example/cb?x=1",
            "HTTPS://app.example/cb?x=1",
            "https://app.example:443/cb?x=1",
            "https://app.example:8443/cb?x=1",
            "https://app.example./cb?x=1",
            "https://app.example.evil/cb?x=1",
            "https://evil@app.example/cb?x=1",
            "https://app.example@evil/cb?x=1",
            "https://app.example%2f@evil/cb?x=1",
            "https://app.example\\@evil/cb?x=1",
            "https://app.example/a/../cb?x=1",
            "https://app.example/%63b?x=1",
            "https://app.example/cb?x=1,https://evil",
            "https://app.example/cb?x=1 https://evil",
            "https://sub.app.example/cb?x=1",
            "http://app.example/cb?x=1",
            "",
        ] {
            assert!(!matches(&own, near, Web) && !matches(&own, near, Native), "{near:?}");
        }
        assert!(!matches(&one("http://127.0.0.1:7/cb"), "http://127.0.0.1:8/cb", Web));
        assert!(!matches(&[], "", Web));
    }

    /// Attack D2.
    #[test]
    fn a_native_app_takes_any_port_of_the_loopback_addresses_and_nothing_else() {
        for (own, asked, fits) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
            ("http://127.0.0.1:7/cb", "http://127.0.0.1:65535/cb", true),
            ("http://127.0.0.1:7/cb", "http://127.0.0.1/cb", true),
            ("http://[::1]/cb?a=b", "http://[::1]:9/cb?a=b", true),
            ("http://localhost:7/cb", "http://localhost:7/cb", true),
            ("http://localhost:7/cb", "http://localhost:8/cb", false),
            ("http://localhost/cb", "http://127.0.0.1:8/cb", false),
            ("http://127.0.0.1/cb", "http://localhost:8/cb", false),
            ("http://127.0.0.1/cb", "http://[::1]:8/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8/cb/", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8/CB", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8/cb?x", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8/cb#x", false),
            ("http://127.0.0.1/cb", "https://127.0.0.1:8/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8@evil/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:+8/cb", false),
            ("http://127.0.0.1", "http://127.0.0.1:8evil", false),
            ("http://127.0.0.1/cb", "http://127.1:8/cb", false),
            ("http://127.0.0.1/cb", "http://2130706433/cb", false),
            ("http://127.0.0.1/cb", "http://[::ffff:127.0.0.1]/cb", false),
            ("https://127.0.0.1/cb", "https://127.0.0.1:8/cb", false),
            ("com.example.app:/cb", "com.example.app:/cb", true),
            ("com.example.app:/cb", "com.example.app:/cb2", false),
        ] {
            assert_eq!(matches(&one(own), asked, Native), fits, "{own} {asked}");
        }
    }

    proptest! {
        #[test]
        fn only_a_port_may_differ(asked in "http://127\\.0\\.0\\.1[:/0-9a-z@?]{0,12}") {
            let fits = matches(&one("http://127.0.0.1/cb"), &asked, Native);
            let of_port = asked.strip_prefix("http://127.0.0.1:").and_then(|it| it.strip_suffix("/cb"));
            let port = of_port.is_some_and(|it| it.parse::<u16>().is_ok_and(|port| port > 0));
            prop_assert_eq!(fits, asked == "http://127.0.0.1/cb" || port);
        }
    }

    /// Attack D1, at registration.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of addresses")]
    fn only_plain_addresses_are_registered() {
        for (uri, kind, fits) in [
            ("https://app.example/cb", Web, true),
            ("https://app.example", Web, true),
            ("https://app.example:8443/a/b?x=%2F", Web, true),
            ("https://app.example/cb", Native, true),
            ("http://127.0.0.1/cb", Native, true),
            ("http://[::1]:7/cb", Native, true),
            ("http://localhost:7/cb", Native, true),
            ("com.example.app:/cb", Native, true),
            ("com.example.app://cb/x", Native, true),
            ("http://127.0.0.1/cb", Web, false),
            ("http://localhost/cb", Web, false),
            ("http://app.example/cb", Web, false),
            ("http://app.example/cb", Native, false),
            ("http://127.0.0.2/cb", Native, false),
            ("http://127.0.0.1.evil/cb", Native, false),
            ("com.example.app:/cb", Web, false),
            ("myapp:/cb", Native, false),
            ("com..app:/cb", Native, false),
            ("com.example.app:", Native, false),
            ("com.example.app://", Native, false),
            ("com.example.app://eve@cb", Native, false),
            ("Com.Example.App:/cb", Native, false),
            ("javascript:alert(1)", Web, false),
            ("javascript:alert(1)", Native, false),
            ("JavaScript://app.example/%0aalert(1)", Native, false),
            ("data:text/html,x", Native, false),
            ("vbscript:x", Native, false),
            ("file:///etc/passwd", Native, false),
            ("blob:https://app.example/1", Native, false),
            ("https://app.example/cb#x", Web, false),
            ("https://app.example/cb#", Web, false),
            ("https://eve@app.example/cb", Web, false),
            ("https://eve:x@app.example/cb", Web, false),
            ("https://@app.example/cb", Web, false),
            ("https://*.app.example/cb", Web, false),
            ("https://app.example/*", Web, false),
            ("https://app.example\\cb", Web, false),
            ("https:\\\\app.example/cb", Web, false),
            ("https:app.example/cb", Web, false),
            ("https:/app.example/cb", Web, false),
            ("//app.example/cb", Web, false),
            ("/cb", Web, false),
            ("callback", Web, false),
            ("", Web, false),
            ("https:///cb", Web, false),
            ("https://app.example/a/../cb", Web, false),
            ("https://app.example/%2e%2e/cb", Web, false),
            ("https://app.example/./cb", Web, false),
            ("https://APP.example/cb", Web, false),
            ("HTTPS://app.example/cb", Web, false),
            ("https://app.example./cb", Web, false),
            ("https://app.ex%61mple/cb", Web, false),
            ("https://\u{e4}pp.example/cb", Web, false),
            ("https://2130706433/cb", Web, false),
            ("https://127.1/cb", Web, false),
            ("https://app.example:0/cb", Web, false),
            ("https://app.example:/cb", Web, false),
            ("https://app.example/c b", Web, false),
            (" https://app.example/cb", Web, false),
            ("https://app.example/cb\n", Web, false),
            ("https://app.example/c\tb", Web, false),
            ("https://app.example/\0", Web, false),
            ("https://app.example/<x>", Web, false),
        ] {
            assert_eq!(check(uri, kind, false).is_ok(), fits, "{uri:?} {kind:?}");
        }
        assert!(check(&format!("https://a.example/{}", "x".repeat(2_000)), Web, false).is_err());
    }

    #[test]
    fn a_web_app_on_this_machine_takes_an_operators_word() {
        assert!(check("http://localhost:3000/cb", Web, true).is_ok());
        assert!(check("http://app.example/cb", Web, true).is_err());
        assert!(check("com.example.app:/cb", Web, true).is_err());
    }

    /// Attacks D13, D21: syntax and scheme; what it leads to is looked at when it is called.
    #[test]
    fn an_apps_other_addresses_are_https() {
        assert!(check_url("https://app.example/jwks.json", false).is_ok());
        assert!(check_url("http://127.0.0.1:9/jwks", true).is_ok());
        for (uri, local) in [
            ("http://127.0.0.1:9/jwks", false),
            ("http://app.example/", true),
            ("javascript:alert(1)", true),
            ("data:image/svg+xml,x", true),
            ("https://eve@app.example/", true),
            ("https://2130706433/", true),
            ("ftp://app.example/", true),
            ("logo.png", true),
        ] {
            assert!(check_url(uri, local).is_err(), "{uri}");
        }
    }
}

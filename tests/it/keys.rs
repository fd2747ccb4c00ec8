//! The keys that sign our tokens, replaced from the command line beside two nodes on one database.

use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{SOON, nodes::Nodes, person::Person};

/// Runs a command and gives the JSON of each line.
fn run(nodes: &Nodes, arguments: &[&str]) -> Vec<Value> {
    let output = nodes.run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of the keys that a node publishes.
async fn published(person: &Person, url: &str) -> BTreeSet<String> {
    let set = person.http.get(format!("{url}/api/auth/jwks")).send().await.unwrap();
    let set: Value = set.json().await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn token(person: &Person) -> String {
    let (status, body) = person.get("/api/auth/token").await;
    assert_eq!(status, 200, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn opens(person: &Person, url: &str, token: &str) -> bool {
    let request = person.http.get(format!("{url}/api/v1/courses")).bearer_auth(token);
    request.send().await.unwrap().status() == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_sign_on_every_node_within_a_second_and_old_tokens_stay_good() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let ada = nodes.person(0, "ada", "student").await;
    let urls = [nodes.url(0), nodes.url(1)];
    let old = token(&ada).await;
    let before = published(&ada, &urls[0]).await;
    assert_eq!((before.len(), &published(&ada, &urls[1]).await), (3, &before));

    let made = run(&nodes, &["keys", "rotate", "--alg", "RS256"]);
    let began = Instant::now();

    assert_eq!((made.len(), &made[0]["alg"]), (1, &json!("RS256")));
    let new = made[0]["kid"].as_str().unwrap().to_owned();
    let expected: BTreeSet<String> = before.iter().cloned().chain([new.clone()]).collect();
    for url in &urls {
        while published(&ada, url).await != expected {
            assert!(began.elapsed() < SOON, "{url} does not publish the new key");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let fresh = token(&ada).await;
    assert_eq!(kid(&fresh), new);
    assert_ne!(kid(&old), new);
    for url in &urls {
        assert!(opens(&ada, url, &old).await && opens(&ada, url, &fresh).await, "{url}");
    }
    let listed = run(&nodes, &["keys", "list"]);
    let signing = listed.iter().filter(|key| key["signs"] == true);
    let signing: Vec<_> = signing.map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!((listed.len(), signing.len()), (4, 3), "{listed:?}");
    assert!(listed.iter().any(|key| key["kid"] == kid(&old) && key["signs"] == false));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_at_once_leave_one_key_an_algorithm_that_signs() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let ada = nodes.person(0, "ada", "student").await;
    let url = nodes.url(1);
    let rotate = |_| nodes.command(&["keys", "rotate"]).stdout(Stdio::null()).spawn().unwrap();
    let started: Vec<_> = (0..3).map(rotate).collect();
    for mut rotation in started {
        assert!(rotation.wait().unwrap().success());
    }
    let began = Instant::now();

    let listed = run(&nodes, &["keys", "list"]);

    assert_eq!(listed.len(), 12);
    let signing: BTreeSet<_> = listed
        .iter()
        .filter(|key| key["signs"] == true)
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    assert_eq!(signing, BTreeSet::from(["ES256", "EdDSA", "RS256"]));
    assert_eq!(listed.iter().filter(|key| key["signs"] == true).count(), 3);
    while published(&ada, &url).await.len() != 12 {
        assert!(began.elapsed() < SOON, "{url} does not publish the new keys");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! The database as an operator meets it: damaged, from the future, or a PostgreSQL server.

use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde_json::json;

use crate::support::{
    live::{Live, Reader},
    person::Person,
    postgres,
    server::Home,
};

/// Starts a server that must refuse, and gives what it says.
fn refusal(home: &Home) -> String {
    let output = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_damaged_database_is_refused_and_left_untouched() {
    let home = Home::quick();
    std::fs::create_dir_all(home.data()).unwrap();
    let file = home.data().join("intellistack.db");

    let garbage = b"this is no database, but somebody's only copy of something".repeat(100);
    std::fs::write(&file, &garbage).unwrap();
    let said = refusal(&home);
    assert!(said.contains("left untouched") && said.contains("backup"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), garbage);

    std::fs::remove_file(&file).unwrap();
    assert!(home.run(&["migrate"]).status.success());
    let mut torn = std::fs::read(&file).unwrap();
    torn[4_096..12_288].fill(0x5a);
    std::fs::write(&file, &torn).unwrap();
    let said = refusal(&home);
    assert!(said.contains("left untouched"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), torn);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_untouched() {
    let home = Home::quick();
    assert!(home.run(&["migrate"]).status.success());
    let file = home.data().join("intellistack.db");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')")
        .execute(&mut connection)
        .unwrap();
    drop(connection);
    let before = std::fs::read(&file).unwrap();

    let said = refusal(&home);
    assert!(said.contains("newer version") && said.contains("29990101000000"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn nodes_that_begin_at_once_on_an_empty_database_migrate_once() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let homes = [(); 3].map(|()| Home::with(&[("INTELLISTACK__DATABASE__URL", &url)]));
    let runs = std::thread::scope(|scope| {
        let runs = homes.each_ref().map(|home| scope.spawn(|| home.run(&["migrate"])));
        runs.map(|run| run.join().unwrap())
    });
    let said = runs.map(|run| {
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    });
    let applied = said.iter().filter(|said| said.contains("applied")).count();
    assert_eq!(applied, 1, "{said:?}");
}

/// The same server on PostgreSQL: asked, killed, started again, answered.
#[tokio::test]
async fn an_answer_survives_a_kill_on_postgresql_too() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let home = Home::with(&[
        ("INTELLISTACK__DATABASE__URL", &url),
        ("INTELLISTACK__TUTOR__MODEL", "scripted"),
    ]);

    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live: Live = student.live().await;
    live.send(json!({ "type": "send", "id": 2, "message_id": "m", "text": "/ck tokens 300 6" }))
        .await;
    let mut reader = Reader::of(&live.expect("ok").await);
    reader.read(&mut live, 700).await;
    server.kill();

    let server = home.start();
    let student = Person { url: server.url().to_owned(), ..student };
    let mut live = student.resume(reader.have()).await;
    reader.finish(&mut live).await;
    assert!(reader.text.ends_with("tok299 "));
    assert_eq!(reader.ends.len(), 1);
}

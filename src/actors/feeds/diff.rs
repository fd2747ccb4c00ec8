//! What a watcher has, against what there is now.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    ids::UserId,
    live::{
        feed::{Feed, Row},
        frame::Frame,
        request::Filter,
    },
};

/// Bytes of one frame's rows; what is over comes with the next frame. A client's queue holds
/// 1 MiB, answers included.
const PORTION: usize = 256 * 1024;

/// The rows that a watcher has, by id.
#[derive(Debug, Default)]
pub(super) struct Have(HashMap<String, Row>);

/// What brings a watcher up to date, or nearer to it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Diff {
    pub add: Vec<Row>,
    pub update: Vec<Row>,
    pub remove: Vec<String>,
}

impl Have {
    /// What there is to tell of `now`, if anything. A row that no longer passes the filter is
    /// removed, as one that is gone.
    pub(super) fn against(&self, now: &[Row], filter: &Filter) -> Option<Diff> {
        let mut diff = Diff::default();
        let (mut stand, mut room) = (HashSet::new(), Some(PORTION));
        for row in now.iter().filter(|row| passes(filter, row)) {
            let known = self.0.get(row.id());
            if known.is_some() {
                stand.insert(row.id());
            }
            if known == Some(row) {
                continue;
            }
            let Some(left) = room else { continue };
            let bytes = serde_json::to_vec(row).map_or(0, |json| json.len());
            // The first one goes, whatever its size.
            if bytes > left && left < PORTION {
                room = None;
                continue;
            }
            room = Some(left.saturating_sub(bytes));
            if known.is_some() { diff.update.push(row.clone()) } else { diff.add.push(row.clone()) }
        }
        diff.remove = self.0.keys().filter(|id| !stand.contains(id.as_str())).cloned().collect();
        (diff != Diff::default()).then_some(diff)
    }

    pub(super) fn apply(&mut self, diff: Diff) {
        for id in &diff.remove {
            self.0.remove(id);
        }
        for row in diff.add.into_iter().chain(diff.update) {
            self.0.insert(row.id().to_owned(), row);
        }
    }
}

impl Diff {
    pub(super) fn frame(&self, feed: &Feed) -> Frame {
        Frame::FeedDiff {
            feed: feed.to_string(),
            add: self.add.clone(),
            update: self.update.clone(),
            remove: self.remove.clone(),
        }
    }
}

/// Whether a watcher who filters so sees this row. What a row does not tell is not filtered by:
/// nodes, errors and the entries of a conversation have neither role nor user nor course.
fn passes(filter: &Filter, row: &Row) -> bool {
    let equal = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == is)
    };
    match row {
        Row::Session(row) => {
            equal(&filter.role, Some(row.user.role.as_str()))
                && equal(&filter.user, Some(row.user.id.as_str()))
                && equal(&filter.course, row.page.as_ref().map(|page| page.course.as_str()))
        }
        Row::Turn(row) => equal(&filter.user, Some(row.user.as_str())),
        Row::AuthEvent(row) => equal(&filter.user, row.user.as_ref().map(UserId::as_str)),
        Row::Node(_) | Row::Error(_) | Row::Entry(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Millis,
        ids::{ConnectionId, CourseId, ItemId, NodeId, StayId, ThreadId, TurnId},
        item::Item,
        live::{
            feed::{
                AuthEventRow, EntryRow, ErrorRow, NodeRow, RowUser, RunningTag, SessionRow, TurnRow,
            },
            request::Page,
        },
        role::Role,
    };

    fn session(stay: &str, user: &str, role: Role, course: Option<&str>) -> Row {
        Row::Session(SessionRow {
            session: StayId::new(stay),
            connection: ConnectionId::new(stay),
            node: NodeId::new("n1"),
            user: RowUser { id: UserId::new(user), name: user.to_owned(), role },
            impersonated_by: None,
            page: course.map(|course| Page {
                course: CourseId::new(course),
                lesson: None,
                block: None,
            }),
            since: String::new(),
            threads: Vec::new(),
            transport: "websocket".into(),
            queued_bytes: 0,
            lag: 0,
        })
    }

    fn turn(id: &str, user: &str, tokens: u64) -> Row {
        Row::Turn(TurnRow {
            turn: TurnId::new(id),
            thread: ThreadId::new("t"),
            user: UserId::new(user),
            status: "running".into(),
            node: None,
            attempt: 1,
            since: String::new(),
            hint_level: None,
            tokens,
            tokens_per_second: 0,
        })
    }

    fn node(id: &str, alive: bool) -> Row {
        let version = "1".to_owned();
        let (node, started) = (NodeId::new(id), String::new());
        let (sessions, turns, rss_bytes, draining, degraded) = (0, 0, 0, false, Vec::new());
        let row = NodeRow {
            node,
            version,
            started,
            alive,
            draining,
            degraded,
            sessions,
            turns,
            rss_bytes,
        };
        Row::Node(row)
    }

    fn auth_event(id: &str, user: Option<&str>) -> Row {
        Row::AuthEvent(AuthEventRow {
            id: id.to_owned(),
            at: String::new(),
            kind: "sign_in".to_owned(),
            user: user.map(UserId::new),
            email: None,
            address: None,
            agent: None,
        })
    }

    fn error(id: &str, message: &str) -> Row {
        let (id, at, target) = (id.to_owned(), String::new(), String::new());
        let (node, level, message) = (NodeId::new("n1"), "warn".into(), message.to_owned());
        Row::Error(ErrorRow { id, at, node, level, target, message })
    }

    fn item(id: &str) -> Row {
        let thread = ThreadId::new("t");
        let item = Item::question(ItemId::new(id), thread, Millis(0), "why?", None);
        Row::Entry(EntryRow::Item(Box::new(item)))
    }

    fn running(id: &str, text: &str) -> Row {
        let (r#type, text) = (RunningTag::RunningTurn, text.to_owned());
        Row::Entry(EntryRow::Running { id: TurnId::new(id), r#type, attempt: 1, text })
    }

    /// Applies and names what came, changed and went.
    fn step(
        have: &mut Have,
        now: &[Row],
        filter: &Filter,
    ) -> (Vec<String>, Vec<String>, Vec<String>) {
        let diff = have.against(now, filter).unwrap_or_default();
        let ids = |rows: &[Row]| rows.iter().map(|row| row.id().to_owned()).collect();
        let told = (ids(&diff.add), ids(&diff.update), diff.remove.clone());
        have.apply(diff);
        assert!(have.against(now, filter).is_none(), "up to date");
        told
    }

    #[test]
    fn a_diff_of_any_feed_names_what_came_changed_and_went() {
        let student = |stay: &str, course| session(stay, "u", Role::Student, course);
        for (feed, before, now) in [
            (
                "sessions",
                [student("a", None), student("b", None)],
                [student("b", Some("rust")), student("c", None)],
            ),
            (
                "turns",
                [turn("a", "u", 1), turn("b", "u", 1)],
                [turn("b", "u", 2), turn("c", "u", 0)],
            ),
            ("nodes", [node("a", true), node("b", true)], [node("b", false), node("c", true)]),
            ("errors", [error("a", ""), error("b", "")], [error("b", "x"), error("c", "")]),
            ("thread:t", [item("a"), running("b", "So")], [running("b", "So it"), item("c")]),
        ] {
            let (mut have, all_of_it) = (Have::default(), Filter::default());
            let all: Vec<_> = before.iter().map(|row| row.id().to_owned()).collect();
            assert_eq!(step(&mut have, &before, &all_of_it), (all, vec![], vec![]), "{feed}");

            let (b, c) = (vec!["b".to_owned()], vec!["c".to_owned()]);
            let mut expected = (c, b, vec!["a".to_owned()]);
            assert_eq!(step(&mut have, &now, &all_of_it), expected, "{feed}");
            expected.2 = now.iter().map(|row| row.id().to_owned()).collect();
            let mut gone = step(&mut have, &[], &all_of_it);
            gone.2.sort();
            assert_eq!(gone, (vec![], vec![], expected.2), "{feed}");
        }
    }

    #[test]
    fn each_feed_is_filtered_by_what_its_rows_tell() {
        let filter = |role: Option<&str>, user: Option<&str>, course: Option<&str>| Filter {
            role: role.map(str::to_owned),
            user: user.map(str::to_owned),
            course: course.map(str::to_owned),
        };
        let ada = session("s", "ada", Role::Student, Some("rust"));
        let nowhere = session("s", "ada", Role::Student, None);
        for (filter, row, seen) in [
            (filter(Some("student"), Some("ada"), Some("rust")), &ada, true),
            (filter(Some("admin"), None, None), &ada, false),
            (filter(None, Some("bob"), None), &ada, false),
            (filter(None, None, Some("go")), &ada, false),
            (filter(None, None, Some("rust")), &nowhere, false),
            (filter(None, Some("ada"), None), &turn("t", "ada", 0), true),
            (filter(None, Some("bob"), None), &turn("t", "ada", 0), false),
            (filter(Some("admin"), None, Some("go")), &turn("t", "ada", 0), true),
            (filter(None, Some("ada"), None), &auth_event("e", Some("ada")), true),
            (filter(None, Some("ada"), None), &auth_event("e", None), false),
            (filter(Some("admin"), Some("bob"), Some("go")), &node("n", true), true),
            (filter(Some("admin"), Some("bob"), Some("go")), &error("e", ""), true),
            (filter(Some("admin"), Some("bob"), Some("go")), &item("i"), true),
        ] {
            assert_eq!(passes(&filter, row), seen, "{filter:?} {row:?}");
        }
    }

    #[test]
    fn a_row_that_stops_matching_is_removed() {
        let filter = Filter { course: Some("rust".to_owned()), ..Filter::default() };
        let mut have = Have::default();
        let there = session("a", "u", Role::Student, Some("rust"));
        assert_eq!(step(&mut have, &[there], &filter).0, ["a"]);

        let elsewhere = session("a", "u", Role::Student, Some("go"));
        assert_eq!(step(&mut have, &[elsewhere], &filter), (vec![], vec![], vec!["a".to_owned()]));
    }

    #[test]
    fn many_rows_come_in_portions_and_a_large_one_alone() {
        let long = |id: usize, kib: usize| error(&id.to_string(), &"x".repeat(kib * 1024));
        let mut rows: Vec<Row> = (0..6).map(|id| long(id, 100)).collect();
        rows.push(long(6, 900));
        let mut have = Have::default();
        let mut portions = Vec::new();
        while let Some(diff) = have.against(&rows, &Filter::default()) {
            portions.push(diff.add.len());
            have.apply(diff);
        }

        assert_eq!(portions, [2, 2, 2, 1]);
        // What waits for its portion is not taken for gone.
        let mut changed: Vec<Row> = (0..6).map(|id| long(id, 101)).collect();
        changed.push(long(6, 900));
        let diff = have.against(&changed, &Filter::default()).unwrap();
        assert_eq!((diff.update.len(), diff.remove.len()), (2, 0));
    }
}

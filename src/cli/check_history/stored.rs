//! The histories against the store itself: what was accepted and seen must be stored so.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    checker::Checker,
    finding::{Findings, Spot},
    invariant::Invariant,
    turns::{Asked, Ending},
};
use crate::{
    domain::{
        event::fingerprint,
        ids::{ItemId, TurnId, UserId},
        quota::WINDOW,
    },
    store::{
        Store, StoreError,
        audit_turns::{AuditedItem, AuditedMail, AuditedTurn},
    },
};

/// Turns that one look at the store brings.
const PAGE: usize = 500;
const ANSWER: &str = "assistant_message";
const UNFINISHED: [&str; 2] = ["queued", "running"];

/// What the histories know of a turn.
struct Seen {
    id: TurnId,
    asked: Option<Asked>,
    item: Option<String>,
    message: Option<String>,
    user: Option<String>,
    end: Option<(Ending, Option<String>)>,
}

impl Seen {
    /// A line to show for it.
    fn spot(&self) -> Option<Spot> {
        self.end.as_ref().map(|(end, _)| end.spot).or(self.asked.map(|asked| asked.spot))
    }
}

/// `default_limit` is the messages a day of students without a limit of their own.
pub(crate) async fn check(
    checker: &mut Checker,
    store: &Store,
    default_limit: i64,
) -> Result<(), StoreError> {
    let seen = seen(checker);
    let mut fences: BTreeMap<String, Vec<(i64, i64, Option<Spot>)>> = BTreeMap::new();
    for page in seen.chunks(PAGE) {
        let ids: Vec<TurnId> = page.iter().map(|seen| seen.id.clone()).collect();
        let rows = store.audit_turns(&ids).await?;
        let items = store.audit_items(&ids).await?;
        let rows: HashMap<&str, &AuditedTurn> =
            rows.iter().map(|row| (row.id.as_str(), row)).collect();
        for one in page {
            let row = rows.get(one.id.as_str()).copied();
            exists(&mut checker.findings, one, row);
            let Some(row) = row else { continue };
            let own: Vec<&AuditedItem> =
                items.iter().filter(|item| item.turn_id.as_ref() == Some(&row.id)).collect();
            judge(&mut checker.findings, one, row, &own);
            if row.fence > 0 {
                let thread = fences.entry(row.thread_id.to_string()).or_default();
                thread.push((row.message_seq, row.fence, one.spot()));
            }
        }
    }
    in_order(&mut checker.findings, fences);
    quotas(checker, store, default_limit).await?;
    let mails = store.audit_outbox().await?;
    outbox(&mut checker.findings, &mails);
    Ok(())
}

fn seen(checker: &Checker) -> Vec<Seen> {
    let names = &checker.names;
    let text = |name| names.text(name).to_owned();
    let of = |(name, turn): (&super::names::Name, &super::turns::Turn)| Seen {
        id: TurnId::new(names.text(*name)),
        asked: turn.asked,
        item: turn.asked.and_then(|asked| asked.item).map(text),
        message: turn.asked.and_then(|asked| asked.message).map(text),
        user: turn.asked.and_then(|asked| asked.user).map(text),
        end: turn.end.clone().map(|end| (end.clone(), end.item.map(text))),
    };
    let known = checker.known.turns.iter().filter(|(_, it)| it.asked.is_some() || it.end.is_some());
    known.map(of).collect()
}

/// I8 and I1.
fn exists(findings: &mut Findings, seen: &Seen, row: Option<&AuditedTurn>) {
    let kept = if seen.asked.is_some() { Invariant::SURVIVES } else { Invariant::LOGGED };
    let spot = seen.asked.map(|asked| asked.spot).or(seen.spot());
    findings.check_stored(kept, row.is_some(), spot, || {
        format!("{} was accepted or seen, but the store does not have it", seen.id)
    });
}

fn judge(findings: &mut Findings, seen: &Seen, row: &AuditedTurn, items: &[&AuditedItem]) {
    let spot = seen.spot();
    if let Some(asked) = seen.asked {
        question(findings, (seen, asked.spot), row, items);
    }
    let answers: Vec<_> = items.iter().filter(|item| item.kind == ANSWER).collect();
    let ended = !UNFINISHED.contains(&row.status.as_str()) && row.ended_at.is_some();
    findings.check_stored(Invariant::ONE_END, ended && answers.len() <= 1, spot, || {
        let (status, count) = (&row.status, answers.len());
        format!("{} is stored as {status} with {count} answers", seen.id)
    });
    let Some((end, item)) = &seen.end else { return };
    let stated = (Some(end.length), Some(&*end.sha256));
    let same = (row.length, row.sha256.as_deref()) == stated
        && row.status == *end.status
        && row.answer_item.as_ref().map(ItemId::as_str) == item.as_deref();
    findings.check_stored(Invariant::LOGGED, same, spot, || {
        format!("the end of {} is not what the store says of it", seen.id)
    });
    let kept = match (item, answers.first()) {
        (None, None) => true,
        (Some(id), Some(stored)) => {
            let (length, sha256) = fingerprint(&stored.text);
            stored.id.as_str() == id && (length, sha256.as_str()) == (end.length, &*end.sha256)
        }
        _ => false,
    };
    findings.check_stored(Invariant::HASH, kept, spot, || {
        format!("the stored answer of {} is not the text of its end", seen.id)
    });
}

/// I7: the message is this turn's, and of no other. I8: its text is kept.
fn question(
    findings: &mut Findings,
    (seen, spot): (&Seen, Spot),
    row: &AuditedTurn,
    items: &[&AuditedItem],
) {
    let same = |stored: &str, told: &Option<String>| told.as_deref().is_none_or(|it| it == stored);
    let one = same(row.message_id.as_str(), &seen.message)
        && same(row.user_id.as_str(), &seen.user)
        && same(row.question_item.as_str(), &seen.item);
    findings.check_stored(Invariant::ONE_TURN, one, Some(spot), || {
        format!("{} is stored for another message than it answered", seen.id)
    });
    let kept = items.iter().any(|item| item.id == row.question_item);
    findings.check_stored(Invariant::SURVIVES, kept, Some(spot), || {
        format!("the question of {} is not stored", seen.id)
    });
}

/// I6: the later a turn stands in its thread, the higher its fence.
fn in_order(findings: &mut Findings, threads: BTreeMap<String, Vec<(i64, i64, Option<Spot>)>>) {
    for (thread, mut turns) in threads {
        turns.sort_by_key(|(seq, _, _)| *seq);
        for pair in turns.windows(2) {
            let [(_, before, _), (_, after, spot)] = pair else { continue };
            findings.check_stored(Invariant::OWNERS, after > before, *spot, || {
                format!("in {thread} a turn has fence {after}, the one before it {before}")
            });
        }
    }
}

/// I16: in no 24 hours more than the limit that holds now; and I7: each unit is a turn's.
async fn quotas(
    checker: &mut Checker,
    store: &Store,
    default_limit: i64,
) -> Result<(), StoreError> {
    let users: Vec<UserId> =
        checker.known.users.keys().map(|name| UserId::new(checker.names.text(*name))).collect();
    for user in users {
        let units = store.audit_quota(&user).await?;
        let mut stored = HashSet::new();
        for page in units.chunks(PAGE) {
            let ids: Vec<TurnId> = page.iter().map(|(turn, _)| turn.clone()).collect();
            stored.extend(store.audit_turns(&ids).await?.into_iter().map(|turn| turn.id));
        }
        let strays = units.iter().filter(|(turn, _)| !stored.contains(turn)).count();
        if !units.is_empty() {
            checker.findings.check_stored(Invariant::ONE_TURN, strays == 0, None, || {
                format!("{strays} units of quota of {user} are of no turn")
            });
        }
        let Some((role, own)) = store.audit_limit(&user).await? else { continue };
        if !role.is_staff() && !units.is_empty() {
            let limit = own.map_or(default_limit, i64::from);
            let times: Vec<i64> = units.into_iter().map(|(_, at)| at).collect();
            let most = most_within(&times, WINDOW);
            let held = i64::try_from(most).is_ok_and(|most| most <= limit);
            checker.findings.check_stored(Invariant::QUOTA, held, None, || {
                format!("{user} used {most} units within 24 hours; the limit is {limit}")
            });
        }
    }
    Ok(())
}

/// The most of these times, in order, that lie within one window.
fn most_within(times: &[i64], window: i64) -> usize {
    let mut oldest = times.iter().enumerate().peekable();
    let mut most = 0;
    for (at, time) in times.iter().enumerate() {
        while oldest.next_if(|(_, old)| **old <= time - window).is_some() {}
        let from = oldest.peek().map_or(at, |(from, _)| *from);
        most = most.max(at + 1 - from);
    }
    most
}

/// I15, as far as the table shows it: no row twice, none sent before it was written.
fn outbox(findings: &mut Findings, mails: &[AuditedMail]) {
    let mut known: HashSet<(&str, &str, &str)> = HashSet::new();
    for mail in mails {
        let AuditedMail { id, kind, recipient, body, created_at, sent_at } = mail;
        let once = known.insert((kind, recipient, body));
        let in_order = sent_at.is_none_or(|sent| sent >= *created_at);
        findings.check_stored(Invariant::OUTBOX, once && in_order, None, || {
            format!("the mail {id} ({kind}) stands in the outbox twice, or was sent too early")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_leaves_the_window_when_it_is_a_day_old() {
        assert_eq!(most_within(&[], 10), 0);
        assert_eq!(most_within(&[0, 1, 9], 10), 3);
        assert_eq!(most_within(&[0, 1, 10], 10), 2);
        assert_eq!(most_within(&[0, 20, 21, 22, 40], 10), 3);
    }
}

//! What holds between a topic of one node and its mirror on another, over a way that loses,
//! delays and repeats.

use std::collections::{BTreeSet, HashMap, VecDeque};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::{
    StayRow, Told, Topic,
    mirror::Mirror,
    published::Published,
    words::{Stand, Word},
};
use crate::domain::{
    clock::Millis,
    ids::{ConnectionId, StayId, UserId},
};

/// The law of the numbered changes: a mirror that believes to be at a number holds exactly what
/// its node had at that number, whatever was lost, late or repeated; and in the end it gets there.
#[test]
fn a_mirror_never_shows_what_its_node_never_was() {
    for seed in 0..50 {
        let mut chance = StdRng::seed_from_u64(seed);
        let begin = |step: u64| {
            let there = Published::new(Topic::Stays, format!("r{step}"), Vec::new());
            there.in_portions_of(400)
        };
        let mut there = begin(0);
        let mut mirror = Mirror::new(Topic::Stays);
        let mut been: HashMap<(String, u64), BTreeSet<String>> = HashMap::new();
        let mut way: VecDeque<Word> = VecDeque::new();
        let set_of = |rows: Vec<Told>| -> BTreeSet<String> {
            rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect()
        };
        for step in 1..400 {
            let calm = step > 350;
            let words = match chance.random_range(0..20) {
                _ if calm => vec![there.at()],
                0 => {
                    there = begin(step);
                    vec![there.at()]
                }
                1..=4 => vec![there.at()],
                _ => {
                    let now = (0..30).filter(|_| chance.random_bool(0.7)).collect::<Vec<u32>>();
                    let at = i64::from(chance.random_bool(0.5));
                    there.become_all(now.into_iter().map(|id| stay(id, at)).collect())
                }
            };
            remember(&mut been, &there, &words, set_of);
            way.extend(words);
            if mirror.must_ask(step) {
                way.extend(there.all());
            }
            while let Some(word) = way.pop_front() {
                match chance.random_range(0..10) {
                    0 if !calm => continue,
                    1 if !calm => way.push_back(word.clone()),
                    2 if !calm => {
                        way.push_back(word);
                        break;
                    }
                    _ => {}
                }
                hear(&mut mirror, word);
                if let Some(stand) = mirror.believes() {
                    let rows = set_of(mirror.rows().cloned().collect());
                    let known = been.get(&(stand.run.clone(), stand.n));
                    assert_eq!(Some(&rows), known, "seed {seed}, step {step}, {stand:?}");
                }
            }
        }
        let end = mirror.believes().cloned();
        assert_eq!(end.as_ref(), Some(there.stand()), "seed {seed}: it got there");
    }
}

fn stay(id: u32, at: i64) -> Told {
    Told::Stay(StayRow {
        stay: StayId::new(id.to_string()),
        user: UserId::new("ada"),
        connection: ConnectionId::new("c"),
        at: Millis(at),
    })
}

/// What a node had at each number: portions of one change are numbers of their own.
fn remember(
    been: &mut HashMap<(String, u64), BTreeSet<String>>,
    there: &Published,
    words: &[Word],
    set_of: impl Fn(Vec<Told>) -> BTreeSet<String>,
) {
    let Stand { run, n } = there.stand().clone();
    let mut rows = set_of(there.rows().cloned().collect());
    been.insert((run.clone(), n), rows.clone());
    // Backwards from what holds now is not possible; forwards from what held before it is.
    let diffs = words.iter().filter_map(|word| match word {
        Word::Diff { stand, set, gone, .. } => Some((stand.n, set, gone)),
        _ => None,
    });
    for (n, set, gone) in diffs {
        rows = been.get(&(run.clone(), n - 1)).cloned().unwrap_or_default();
        rows.retain(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            let id = row["stay"].as_str().unwrap();
            !gone.iter().any(|gone| gone == id) && !set.iter().any(|set| set["stay"] == *id)
        });
        rows.extend(
            set.iter()
                .map(|row| serde_json::to_string(&Told::read(Topic::Stays, row.clone())).unwrap()),
        );
        been.insert((run.clone(), n), rows.clone());
    }
    assert_eq!(been[&(run, n)], set_of(there.rows().cloned().collect()));
}

fn hear(mirror: &mut Mirror, word: Word) {
    match word {
        Word::At { stand, .. } => mirror.at(&stand),
        Word::Part { stand, part, last, rows, .. } => {
            mirror.part(&stand, (part, last), rows);
        }
        Word::Diff { stand, set, gone, .. } => {
            mirror.diff(stand, set, gone);
        }
        other => panic!("{other:?}"),
    }
}

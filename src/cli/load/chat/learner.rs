//! What one learner does from the start to the end of a run, and one who reads along.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::super::{
    client::{Client, Gone},
    questions::Questions,
};
use crate::domain::ids::{Ids, SharedIds, ThreadId, TurnId};

pub(crate) struct Plan {
    pub(crate) questions: Questions,
    pub(crate) asks: u32,
    /// Instead of `asks`.
    pub(crate) lasting: Option<Duration>,
    /// Milliseconds from an answer to the next question.
    pub(crate) think: u64,
    pub(crate) ramp: Duration,
    pub(crate) users: u32,
    /// Questions after which another conversation begins; 0 for never.
    pub(crate) per_conversation: u32,
    /// Every so manieth answer is stopped; 0 for none.
    pub(crate) cancel: u32,
    pub(crate) reread: bool,
    pub(crate) ids: SharedIds,
}

impl Plan {
    /// When the learner at this place begins: evenly over the ramp.
    fn start(&self, place: u32) -> Duration {
        self.ramp * place / self.users.max(1)
    }

    /// Half less to half more than the mean, so that learners do not march in step.
    fn think(&self) -> Duration {
        Duration::from_millis(self.think / 2 + below(self.think + 1, &*self.ids))
    }

    fn is_over(&self, asked: u32, began: Instant) -> bool {
        match self.lasting {
            Some(lasting) => began.elapsed() >= lasting,
            None => asked >= self.asks,
        }
    }
}

fn below(limit: u64, ids: &dyn Ids) -> u64 {
    let mut random = [0; 8];
    ids.fill(&mut random);
    u64::from_le_bytes(random) % limit.max(1)
}

/// What those who read along are told: the conversation, and the turn to follow to its end.
pub(crate) type Current = Option<(ThreadId, TurnId)>;

pub(crate) async fn learn(
    mut client: Client,
    plan: Arc<Plan>,
    place: u32,
    told: watch::Sender<Current>,
) {
    // What was wrong is on the board.
    let _: Result<(), Gone> = ask_all(&mut client, &plan, place, &told).await;
    client.leave().await;
}

async fn ask_all(
    client: &mut Client,
    plan: &Plan,
    place: u32,
    told: &watch::Sender<Current>,
) -> Result<(), Gone> {
    let began = Instant::now();
    client.rest(began + plan.start(place)).await?;
    let mut asked = 0;
    while !plan.is_over(asked, began) {
        if every(plan.per_conversation, asked) && asked > 0 {
            client.begin_anew();
        }
        let question = plan.questions.of(client.number(), asked);
        asked += 1;
        client.ask(question, every(plan.cancel, asked));
        client.until_accepted().await?;
        if let Some(current) = client.following() {
            told.send_replace(Some(current));
        }
        client.finish().await?;
        if plan.think > 0 && !plan.is_over(asked, began) {
            client.rest(Instant::now() + plan.think()).await?;
        }
    }
    if plan.reread { client.reread().await } else { Ok(()) }
}

/// 0 is never.
const fn every(count: u32, number: u32) -> bool {
    count > 0 && number.is_multiple_of(count)
}

/// Follows the answers of another socket of the same person until it has left.
pub(crate) async fn read_along(mut client: Client, mut current: watch::Receiver<Current>) {
    let _: Result<(), Gone> = follow(&mut client, &mut current).await;
    client.leave().await;
}

async fn follow(client: &mut Client, current: &mut watch::Receiver<Current>) -> Result<(), Gone> {
    loop {
        tokio::select! {
            changed = current.changed() => if changed.is_err() { return Ok(()) },
            step = client.go_on() => {
                step?;
                continue;
            }
        }
        let now = current.borrow_and_update().clone();
        if let Some((thread, turn)) = now {
            client.read_along(&thread, turn);
            client.finish().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    fn plan(think: u64, asks: u32) -> Plan {
        Plan {
            questions: Questions::new(None),
            asks,
            lasting: None,
            think,
            ramp: Duration::from_secs(10),
            users: 100,
            per_conversation: 0,
            cancel: 0,
            reread: false,
            ids: Arc::new(SeededIds::new(5)),
        }
    }

    #[test]
    fn learners_begin_one_after_the_other_over_the_ramp() {
        let plan = plan(0, 1);
        assert_eq!(plan.start(0), Duration::ZERO);
        assert_eq!(plan.start(50), Duration::from_secs(5));
        assert!(plan.start(99) < plan.ramp);
    }

    #[test]
    fn thinking_takes_half_to_one_and_a_half_of_what_was_set() {
        let plan = plan(3_000, 1);
        let times: Vec<_> = (0..200).map(|_| plan.think().as_millis()).collect();
        assert!(times.iter().all(|ms| (1_500..=4_500).contains(ms)), "{times:?}");
        assert!(times.iter().any(|ms| *ms < 2_000) && times.iter().any(|ms| *ms > 4_000));
    }

    #[test]
    fn a_learner_stops_after_its_questions_or_its_time() {
        let now = Instant::now();
        assert!(!plan(0, 2).is_over(1, now) && plan(0, 2).is_over(2, now));
        let timed = Plan { lasting: Some(Duration::ZERO), ..plan(0, 9) };
        assert!(timed.is_over(0, now));
        assert!(every(3, 6) && !every(3, 7) && !every(0, 0));
    }
}

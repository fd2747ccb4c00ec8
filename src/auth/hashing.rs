//! Password hashing on threads of its own, so that no wave of sign-ins slows anything else.
//!
//! argon2id with 19 MiB and two passes (OWASP). The queue is bounded: full means
//! [`AuthError::Overloaded`].

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use argon2::{Algorithm, Params, PasswordHash};
use tokio::sync::oneshot;

use super::{AuthError, hash_memory::HashMemory, imported::Imported};
use crate::domain::{ids::Ids, password::Password};

const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const SALT: usize = 16;

/// How a hash begins that [`Hasher::hash`] makes.
const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Whether a stored hash is as we make them now; another is to be renewed when its password is
/// known.
pub(crate) fn is_ours(hash: &str) -> bool {
    hash.starts_with(OURS)
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that hash. They end when this is dropped.
pub(crate) struct Hasher {
    jobs: SyncSender<Job>,
    /// The hash of a password that nobody knows: checked where there is no account, so that it
    /// takes the same time.
    nobody: String,
    memory: Arc<HashMemory>,
    checks: Arc<AtomicU64>,
}

impl Hasher {
    /// Hashes once, for the one of nobody.
    pub(crate) async fn start(
        threads: usize,
        queue: usize,
        ids: &dyn Ids,
    ) -> Result<Self, AuthError> {
        let (jobs, waiting) = sync_channel::<Job>(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        let memory = Arc::<HashMemory>::default();
        for number in 0..threads.max(1) {
            let (waiting, memory) = (Arc::clone(&waiting), Arc::clone(&memory));
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&waiting, &memory))
                .map_err(|error| AuthError::Broken(format!("no thread to hash on: {error}")))?;
        }
        let mut hasher = Self { jobs, nobody: String::new(), memory, checks: Arc::default() };
        let nobody = Password::parse(&ids.token(32))
            .map_err(|error| AuthError::Broken(error.to_string()))?;
        hasher.nobody = hasher.hash(nobody, ids).await?;
        Ok(hasher)
    }

    /// Gives a PHC string.
    pub(crate) async fn hash(
        &self,
        password: Password,
        ids: &dyn Ids,
    ) -> Result<String, AuthError> {
        let mut salt = [0; SALT];
        ids.fill(&mut salt);
        let memory = Arc::clone(&self.memory);
        self.run(move || {
            let hash = Params::new(MEMORY_KIB, PASSES, 1, None)
                .map_err(Into::into)
                .and_then(|params| {
                    memory.hash(Algorithm::Argon2id, params, password.as_bytes(), &salt)
                })
                .map_err(|error| AuthError::Broken(error.to_string()))?;
            Ok(hash.to_string())
        })
        .await?
    }

    /// Whether `password` belongs to `hash`. Without a hash the answer is no, after the same work.
    pub(crate) async fn matches(
        &self,
        password: Password,
        hash: Option<String>,
    ) -> Result<bool, AuthError> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let (memory, checks) = (Arc::clone(&self.memory), Arc::clone(&self.checks));
        self.run(move || {
            checks.fetch_add(1, Ordering::Relaxed);
            if let Some(imported) = Imported::read(&hash) {
                return Ok(imported.matches(&password));
            }
            let hash = PasswordHash::new(&hash).map_err(|error| {
                AuthError::Broken(format!("a stored password hash cannot be read: {error}"))
            })?;
            Ok(memory.verify(password.as_bytes(), &hash).unwrap_or(false) && exists)
        })
        .await?
    }

    /// How many passwords were compared.
    #[cfg(test)]
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            // A caller that went away has no use for the answer, and none for the work.
            if !done.is_closed() {
                let _ = done.send(work());
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => AuthError::Overloaded,
            TrySendError::Disconnected(_) => AuthError::Broken("the hash threads ended".into()),
        })?;
        answer.await.map_err(|_| AuthError::Broken("a hash thread ended".to_owned()))
    }
}

fn work(waiting: &Mutex<Receiver<Job>>, memory: &HashMemory) {
    while let Some(job) = next(waiting, memory) {
        job();
    }
}

/// The next job, or nothing when the hasher is gone. Whoever has to wait for it frees the memory
/// first: a server at rest holds none.
fn next(waiting: &Mutex<Receiver<Job>>, memory: &HashMemory) -> Option<Job> {
    // A thread that waits holds the lock: where it is taken, most likely there is no job.
    let ready = waiting.try_lock().ok().and_then(|jobs| jobs.try_recv().ok());
    if ready.is_some() {
        return ready;
    }
    memory.release();
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_hashed_with_argon2id_at_19_mib_and_two_passes() {
        let ids = SeededIds::new(5);
        let hasher = Hasher::start(1, 4, &ids).await.unwrap();

        let hash = hasher.hash(password("Owl-Lamp-7-road"), &ids).await.unwrap();

        assert!(is_ours(&hash), "{hash}");
        assert!(hasher.matches(password("Owl-Lamp-7-road"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.matches(password("Owl-Lamp-7-roae"), Some(hash)).await.unwrap());
        assert!(!hasher.matches(password("Owl-Lamp-7-road"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_defect_and_no_match() {
        let hasher = Hasher::start(1, 4, &SeededIds::new(5)).await.unwrap();

        let result = hasher.matches(password("Owl-Lamp-7-road"), Some("plain".to_owned())).await;

        assert!(matches!(result, Err(AuthError::Broken(_))));
    }

    #[test]
    fn memory_is_kept_while_jobs_wait_and_freed_before_waiting_for_one() {
        let (jobs, waiting) = sync_channel::<Job>(1);
        let (waiting, memory) = (Mutex::new(waiting), HashMemory::default());
        let params = Params::new(64, 1, 1, None).unwrap();
        memory.hash(Algorithm::Argon2id, params, b"password", &[7; SALT]).unwrap();
        jobs.send(Box::new(|| ())).unwrap();
        drop(jobs);

        assert!(next(&waiting, &memory).is_some());
        assert_eq!(memory.unused(), 1);

        assert!(next(&waiting, &memory).is_none());
        assert_eq!(memory.unused(), 0);
    }

    /// Attack A13: more sign-ins at once than can be hashed.
    #[tokio::test]
    async fn a_full_queue_is_overloaded_at_once() {
        let hasher = Hasher::start(1, 1, &SeededIds::new(5)).await.unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, started) = std::sync::mpsc::channel::<()>();
        let busy = hasher.run(move || {
            begun.send(()).unwrap();
            held.recv().unwrap();
        });
        let mut busy = std::pin::pin!(busy);
        assert!(futures_util::poll!(&mut busy).is_pending());
        started.recv().unwrap();
        let mut queued = std::pin::pin!(hasher.matches(password("a"), None));
        assert!(futures_util::poll!(&mut queued).is_pending());

        let refused = hasher.matches(password("a"), None).await;

        assert!(matches!(refused, Err(AuthError::Overloaded)));
        release.send(()).unwrap();
        busy.await.unwrap();
        assert!(!queued.await.unwrap());
    }
}

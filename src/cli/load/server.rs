//! What the server's process takes, as Linux tells it: memory and processor time.

use std::{fs, io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    Failure,
    history::{Entry, Trail},
    times::milliseconds,
};

const EVERY: Duration = Duration::from_millis(500);
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// A look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) rss_kib: u64,
    pub(crate) cpu: Duration,
}

impl Sample {
    /// Memory of the process, and processor time of it and of its children, such as PostgreSQL's.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let own = Self::of_one(pid)?;
        // None to read: a kernel that does not tell. One that is gone is counted by its parent.
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let samples = children.split_whitespace().filter_map(|child| child.parse().ok());
        let cpu = samples.filter_map(|child| Self::of_one(child).ok()).map(|child| child.cpu).sum();
        Ok(Self { cpu: own.cpu.saturating_add(cpu), ..own })
    }

    fn of_one(pid: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let ticks = rustix::param::clock_ticks_per_second();
        read(&status, &stat, ticks).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid} is not understood"))
        })
    }
}

fn read(status: &str, stat: &str, ticks_per_second: u64) -> Option<Sample> {
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let rss_kib = rss.split_whitespace().next()?.parse().ok()?;
    // The program's name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    // User and system time, its own and that of children that have ended (proc(5)).
    let times = fields.split_whitespace().skip(11).take(4);
    let times: Vec<u64> = times.map(str::parse).collect::<Result<_, _>>().ok()?;
    let ticks: u64 = (times.len() == 4).then(|| times.iter().sum())?;
    let nanoseconds = ticks.checked_mul(1_000_000_000)?.checked_div(ticks_per_second)?;
    Some(Sample { rss_kib, cpu: Duration::from_nanos(nanoseconds) })
}

impl Sample {
    /// Of all these processes together.
    pub(crate) fn sum(samples: impl IntoIterator<Item = Self>) -> Self {
        samples.into_iter().fold(Self { rss_kib: 0, cpu: Duration::ZERO }, |sum, one| Self {
            rss_kib: sum.rss_kib + one.rss_kib,
            cpu: sum.cpu + one.cpu,
        })
    }
}

/// `NAME=PID`.
pub(crate) fn named_pid(text: &str) -> Result<(String, u32), String> {
    let (name, pid) = text.split_once('=').ok_or("write it as NAME=PID")?;
    let pid = pid.parse().map_err(|_| format!("{pid} is no process id"))?;
    Ok((name.to_owned(), pid))
}

/// Writes once a second into the history what a process takes, until it is gone.
pub(crate) async fn record(pid: u32, mut trail: Trail) {
    let mut ticks = interval(RECORD_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Thousands of descriptors take a while to count.
        let looked = spawn_blocking(move || Ok::<_, io::Error>((Sample::of(pid)?, sockets(pid)?)));
        let Ok(Ok((sample, connections))) = looked.await else { return };
        let cpu_ms = u64::try_from(sample.cpu.as_millis()).unwrap_or(u64::MAX);
        let rss_bytes = sample.rss_kib * 1_024;
        trail.note(Instant::now(), &Entry::Server { pid, rss_bytes, cpu_ms, connections });
        trail.flush().await;
    }
}

/// Sockets that a process has open.
fn sockets(pid: u32) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that was closed meanwhile is none.
        let target = fs::read_link(entry?.path()).unwrap_or_default();
        count += u64::from(target.to_string_lossy().starts_with("socket:"));
    }
    Ok(count)
}

/// Looks at one process twice a second.
struct Look {
    name: String,
    pid: u32,
    start: Sample,
    /// The most memory so far, and the newest sample.
    seen: watch::Receiver<(u64, Sample)>,
}

impl Look {
    fn start(name: String, pid: u32, looking: &mut JoinSet<()>) -> Result<Self, Failure> {
        let start = Sample::of(pid)
            .map_err(|error| Failure::new(format!("process {pid} cannot be seen: {error}")))?;
        let (sender, seen) = watch::channel((start.rss_kib, start));
        looking.spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // Ends with the process.
            while let Ok(sample) = Sample::of(pid) {
                sender.send_modify(|(peak, last)| {
                    *peak = sample.rss_kib.max(*peak);
                    *last = sample;
                });
                ticks.tick().await;
            }
        });
        Ok(Self { name, pid, start, seen })
    }

    /// As it is now, or was when the process was last seen.
    fn last(&self) -> Sample {
        Sample::of(self.pid).unwrap_or(self.seen.borrow().1)
    }

    fn usage(&self, wall: Duration) -> (String, Usage) {
        let end = self.last();
        let usage = Usage {
            start_kib: self.start.rss_kib,
            peak_kib: self.seen.borrow().0.max(end.rss_kib),
            end_kib: end.rss_kib,
            cpu: end.cpu.saturating_sub(self.start.cpu),
            wall,
        };
        (self.name.clone(), usage)
    }
}

/// Looks at the servers, and at what else was named.
pub(crate) struct Watcher {
    servers: Vec<Look>,
    also: Vec<Look>,
    began: Instant,
    /// Ends with this.
    _looking: JoinSet<()>,
}

impl Watcher {
    pub(crate) fn start(servers: &[u32], also: &[(String, u32)]) -> Result<Self, Failure> {
        let mut looking = JoinSet::new();
        let servers = servers
            .iter()
            .map(|pid| Look::start(format!("server {pid}"), *pid, &mut looking))
            .collect::<Result<_, _>>()?;
        let also = also
            .iter()
            .map(|(name, pid)| Look::start(name.clone(), *pid, &mut looking))
            .collect::<Result<_, _>>()?;
        Ok(Self { servers, also, began: Instant::now(), _looking: looking })
    }

    /// All servers together.
    pub(crate) fn now(&self) -> Sample {
        Sample::sum(self.servers.iter().map(Look::last))
    }

    /// What they took since the start.
    pub(crate) fn usage(&self) -> Usages {
        let wall = self.began.elapsed();
        let of = |looks: &[Look]| looks.iter().map(|look| look.usage(wall)).collect();
        Usages { servers: of(&self.servers), also: of(&self.also) }
    }
}

/// By name.
pub(crate) struct Usages {
    pub(crate) servers: Vec<(String, Usage)>,
    pub(crate) also: Vec<(String, Usage)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) start_kib: u64,
    pub(crate) peak_kib: u64,
    pub(crate) end_kib: u64,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

impl Usage {
    /// Of several processes; their peaks may have been at different times.
    pub(crate) fn sum(usages: impl IntoIterator<Item = Self>) -> Option<Self> {
        usages.into_iter().reduce(|sum, one| Self {
            start_kib: sum.start_kib + one.start_kib,
            peak_kib: sum.peak_kib + one.peak_kib,
            end_kib: sum.end_kib + one.end_kib,
            cpu: sum.cpu + one.cpu,
            wall: sum.wall.max(one.wall),
        })
    }

    /// Microseconds of processor time for each token that reached a client.
    pub(crate) fn us_per_token(self, tokens: u64) -> Option<f64> {
        let nanoseconds = u64::try_from(self.cpu.as_nanos()).ok()?.checked_div(tokens)?;
        Some(milliseconds(Duration::from_nanos(nanoseconds) * 1_000))
    }

    pub(crate) fn to_json(self, tokens: u64) -> Value {
        json!({
            "rss_kib": { "start": self.start_kib, "peak": self.peak_kib, "end": self.end_kib },
            "cpu_s": self.cpu.as_secs_f64(),
            "wall_s": self.wall.as_secs_f64(),
            "cpu_us_per_token": self.us_per_token(tokens),
        })
    }

    pub(crate) fn in_words(self, tokens: u64) -> String {
        let each = self.us_per_token(tokens);
        let each = each.map_or_else(String::new, |us| format!(", {us} us a token"));
        format!(
            "{:.1} s of processor time in {:.1} s{each}; memory {} at the start, {} at most, {} now",
            self.cpu.as_secs_f64(),
            self.wall.as_secs_f64(),
            mib(self.start_kib),
            mib(self.peak_kib),
            mib(self.end_kib),
        )
    }
}

pub(crate) fn mib(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1_024, kib % 1_024 * 10 / 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_holds() {
        let status = "Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  48052 kB\n";
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";

        let sample = read(status, stat, 100).unwrap();

        assert_eq!(sample, Sample { rss_kib: 48_052, cpu: Duration::from_secs(3) });
        assert_eq!(read(status, "7 (a", 100), None);
        assert_eq!(read("Name:\tx\n", stat, 100), None);
    }

    #[test]
    fn this_process_can_be_seen_and_one_that_is_none_cannot() {
        assert!(Sample::of(std::process::id()).unwrap().rss_kib > 100);
        assert!(Sample::of(u32::MAX).is_err());
        let _socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(sockets(std::process::id()).unwrap() > 0);
    }

    #[test]
    fn a_database_is_named_with_its_process() {
        assert_eq!(named_pid("redis=7"), Ok(("redis".to_owned(), 7)));
        assert!(named_pid("7").is_err() && named_pid("redis=x").is_err());
    }

    #[test]
    fn processor_time_is_shared_out_over_the_tokens() {
        let usage = Usage {
            start_kib: 1,
            peak_kib: 3,
            end_kib: 2,
            cpu: Duration::from_secs(3),
            wall: Duration::from_secs(10),
        };
        assert_eq!(usage.us_per_token(200_000), Some(15.0));
        assert_eq!(usage.us_per_token(0), None);
        let both = Usage::sum([usage, usage]).unwrap();
        assert_eq!((both.us_per_token(200_000), both.peak_kib), (Some(30.0), 6));
        assert_eq!(mib(1_536), "1.5 MiB");
    }
}

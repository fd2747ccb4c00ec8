//! What the server's process takes, as Linux tells it: memory and processor time.

use std::{fs, io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use super::times::milliseconds;

const EVERY: Duration = Duration::from_millis(500);

/// A look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) rss_kib: u64,
    pub(crate) cpu: Duration,
}

impl Sample {
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
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
    let mut times = fields.split_whitespace().skip(11);
    let (user, system) = (times.next()?, times.next()?);
    let ticks: u64 = user.parse::<u64>().ok()? + system.parse::<u64>().ok()?;
    let nanoseconds = ticks.checked_mul(1_000_000_000)?.checked_div(ticks_per_second)?;
    Some(Sample { rss_kib, cpu: Duration::from_nanos(nanoseconds) })
}

/// Looks at the server twice a second.
pub(crate) struct Watcher {
    pid: u32,
    start: Sample,
    began: Instant,
    peak: watch::Receiver<u64>,
    /// Ends with this.
    _looking: JoinSet<()>,
}

impl Watcher {
    pub(crate) fn start(pid: u32) -> io::Result<Self> {
        let start = Sample::of(pid)?;
        let (sender, peak) = watch::channel(start.rss_kib);
        let mut looking = JoinSet::new();
        looking.spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // Ends with the process.
            while let Ok(sample) = Sample::of(pid) {
                sender.send_modify(|peak| *peak = sample.rss_kib.max(*peak));
                ticks.tick().await;
            }
        });
        Ok(Self { pid, start, began: Instant::now(), peak, _looking: looking })
    }

    pub(crate) fn now(&self) -> io::Result<Sample> {
        Sample::of(self.pid)
    }

    /// What it took since the start. `None` once the process is gone.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let end = self.now().ok()?;
        Some(Usage {
            start_kib: self.start.rss_kib,
            peak_kib: (*self.peak.borrow()).max(end.rss_kib),
            end_kib: end.rss_kib,
            cpu: end.cpu.saturating_sub(self.start.cpu),
            wall: self.began.elapsed(),
        })
    }
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
        assert_eq!(mib(1_536), "1.5 MiB");
    }
}

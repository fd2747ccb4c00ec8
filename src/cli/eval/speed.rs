//! `eval speed`: how long a search takes over many passages, on made-up text.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::super::{Failure, say};
use crate::{
    domain::{
        ids::{CourseId, LessonId},
        stage::{Allowed, Stage},
    },
    rag::{Chunk, Index as _, Query, bm25::Bm25},
};

/// Fills an index with made-up passages, whose words are as unevenly common as those of a language
/// (Zipf's law), and times searches in it. Needs no data and touches none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example (with a release build; a debug build is many times slower):
  intellistack eval speed --chunks 100000")]
pub(super) struct Args {
    #[arg(long, default_value_t = 100_000)]
    chunks: u32,
    #[arg(long, default_value_t = 1_000)]
    queries: u32,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Different words of the made-up language, words of a passage (about 1,200 characters) and of a
/// question.
const VOCABULARY: u32 = 60_000;
const PASSAGE_WORDS: u32 = 190;
const QUESTION_WORDS: u32 = 9;
/// The most common words of a language are stop words, which no search asks for.
const STOP_RANKS: u32 = 30;
const STAGES: u32 = 5;

#[derive(Serialize)]
struct Timing {
    chunks: u32,
    queries: u32,
    build_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let mut rng = StdRng::seed_from_u64(1);
    let course = CourseId::new("made-up");
    let chunks = (0..args.chunks).map(|number| passage(&mut rng, &course, number, args.chunks));
    let chunks: Vec<Chunk> = chunks.collect();
    let index = Bm25::new();
    let start = Instant::now();
    index.replace(&course, chunks).await?;
    let build = start.elapsed();
    let mut times = Vec::new();
    for _ in 0..args.queries {
        let (text, course) = (words(&mut rng, QUESTION_WORDS), Some(course.clone()));
        let query = Query { text, vector: None, course, allowed: Allowed::ALL, limit: 8 };
        let start = Instant::now();
        index.search(&query).await?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let timing = Timing {
        chunks: args.chunks,
        queries: args.queries,
        build_s: build.as_secs_f64(),
        p50_ms: percentile(&times, 50),
        p99_ms: percentile(&times, 99),
        max_ms: percentile(&times, 100),
    };
    say(&line(&timing, args.json)?)?;
    Ok(())
}

fn line(timing: &Timing, json: bool) -> Result<String, Failure> {
    if json {
        return Ok(serde_json::to_string(timing)?);
    }
    let Timing { chunks, queries, build_s, p50_ms, p99_ms, max_ms } = timing;
    Ok(format!(
        "{queries} searches over {chunks} passages: p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, \
         longest {max_ms:.2} ms; built in {build_s:.1} s"
    ))
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1).min(last);
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

fn passage(rng: &mut StdRng, course: &CourseId, number: u32, total: u32) -> Chunk {
    let stage = 1 + u64::from(number) * u64::from(STAGES) / u64::from(total);
    Chunk {
        id: number.to_string(),
        course: course.clone(),
        stage: i32::try_from(stage).ok().and_then(Stage::new).unwrap_or(Stage::FIRST),
        lesson: LessonId::new((number / 10).to_string()),
        lesson_title: words(rng, 4),
        heading: String::new(),
        blocks: Vec::new(),
        text: words(rng, PASSAGE_WORDS),
    }
}

fn words(rng: &mut StdRng, count: u32) -> String {
    let mut text = String::new();
    for _ in 0..count {
        if !text.is_empty() {
            text.push(' ');
        }
        push_word(rank(rng), &mut text);
    }
    text
}

/// A rank whose chance falls as 1 over the rank: the logarithm of such a rank is even. (A binary
/// search, since a number with a fraction does not turn into a whole one without `as`.)
fn rank(rng: &mut StdRng) -> u32 {
    let (low, high) = (f64::from(STOP_RANKS).ln(), f64::from(VOCABULARY).ln());
    let drawn = rng.random_range(low..high).exp();
    let (mut below, mut above) = (STOP_RANKS, VOCABULARY);
    while below + 1 < above {
        let middle = below.midpoint(above);
        if f64::from(middle) <= drawn { below = middle } else { above = middle }
    }
    below
}

/// A word of syllables, another for each rank.
fn push_word(rank: u32, text: &mut String) {
    const SYLLABLES: [&str; 16] = [
        "ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "do", "gu", "fa", "pe", "vo", "zi", "hu",
        "ja",
    ];
    let mut rest = rank;
    while rest > 0 {
        let at = usize::try_from(rest % 16).unwrap_or_default();
        text.push_str(SYLLABLES.get(at).copied().unwrap_or_default());
        rest /= 16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_common_and_every_rank_is_a_word_of_its_own() {
        let mut rng = StdRng::seed_from_u64(3);
        let ranks: Vec<u32> = (0..2_000).map(|_| rank(&mut rng)).collect();
        let below = |limit: u32| ranks.iter().filter(|rank| **rank < limit).count();

        // Half of the draws lie below the geometric mean of the ends, about 1,340.
        assert!((900..1_100).contains(&below(1_340)), "{}", below(1_340));
        let word = |rank| {
            let mut text = String::new();
            push_word(rank, &mut text);
            text
        };
        let all: std::collections::BTreeSet<String> = (1..5_000).map(word).collect();
        assert_eq!(all.len(), 4_999);
    }

    #[test]
    fn a_percentile_is_the_time_that_so_many_stay_within() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();

        assert!((percentile(&times, 50) - 100.0).abs() < 1e-9);
        assert!((percentile(&times, 99) - 198.0).abs() < 1e-9);
        assert!((percentile(&[], 99) - 0.0).abs() < 1e-9);
    }
}

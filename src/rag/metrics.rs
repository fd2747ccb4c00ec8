//! How good a ranking is, by the measures of TREC: nDCG, recall, mean average precision.

use std::collections::{BTreeMap, BTreeSet};

/// What the judges said: by query, the documents that fit and how well. 0 and below: does not fit.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Qrels(BTreeMap<String, BTreeMap<String, i32>>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub(crate) struct BadLine {
    pub line: usize,
    pub why: String,
}

impl Qrels {
    /// Reads TREC's form, `query 0 document grade` a line.
    pub(crate) fn parse(text: &str) -> Result<Self, BadLine> {
        let mut judged: BTreeMap<String, BTreeMap<String, i32>> = BTreeMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = |why: &str| BadLine { line: number + 1, why: why.to_owned() };
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [query, _, document, grade] = fields.as_slice() else {
                return Err(bad("a judgement is `query 0 document grade`"));
            };
            let grade: i32 = grade.parse().map_err(|_| bad("the grade is not a whole number"))?;
            judged.entry((*query).to_owned()).or_default().insert((*document).to_owned(), grade);
        }
        Ok(Self(judged))
    }

    /// Whether any document was judged to fit.
    pub(crate) fn judges(&self, query: &str) -> bool {
        self.0.get(query).is_some_and(|documents| documents.values().any(|grade| *grade > 0))
    }

    /// Every document that was judged for some query.
    pub(crate) fn documents(&self) -> BTreeSet<&str> {
        self.0.values().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    fn fitting(&self, query: &str) -> BTreeMap<&str, i32> {
        let documents = self.0.get(query).into_iter().flatten();
        documents.filter(|(_, grade)| **grade > 0).map(|(id, g)| (id.as_str(), *g)).collect()
    }
}

/// Reads queries, `id<TAB>text` a line.
pub(crate) fn parse_queries(text: &str) -> Result<Vec<(String, String)>, BadLine> {
    let mut queries = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |why: String| BadLine { line: number + 1, why };
        let Some((id, text)) = line.split_once('\t') else {
            return Err(bad("a query is `id<TAB>text`".to_owned()));
        };
        if !seen.insert(id) {
            return Err(bad(format!("the query {id:?} stands here a second time")));
        }
        queries.push((id.trim().to_owned(), text.trim().to_owned()));
    }
    Ok(queries)
}

/// How a judgement counts in nDCG: each fitting document as one, or by its grade (2^grade - 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gain {
    Binary,
    Graded,
}

impl Gain {
    fn of(self, grade: i32) -> f64 {
        match self {
            Self::Binary => 1.0,
            Self::Graded => f64::from(grade).exp2() - 1.0,
        }
    }
}

/// Discounted gain of the first `depth` of `ranking`, over that of the best ranking there is.
pub(crate) fn ndcg(qrels: &Qrels, query: &str, ranking: &[&str], depth: usize, gain: Gain) -> f64 {
    let fitting = qrels.fitting(query);
    let found = ranking.iter().take(depth).map(|id| fitting.get(id).map_or(0.0, |g| gain.of(*g)));
    let mut ideal: Vec<f64> = fitting.values().map(|grade| gain.of(*grade)).collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best = discounted(ideal.into_iter().take(depth));
    if best > 0.0 { discounted(found) / best } else { 0.0 }
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    (1_u32..).zip(gains).map(|(rank, gain)| gain / f64::from(rank + 1).log2()).sum()
}

/// The share of the fitting documents that stand among the first `depth`.
pub(crate) fn recall(qrels: &Qrels, query: &str, ranking: &[&str], depth: usize) -> f64 {
    let fitting = qrels.fitting(query);
    let found = ranking.iter().take(depth).filter(|id| fitting.contains_key(**id)).count();
    share(found, fitting.len())
}

/// The mean, over the fitting documents, of the precision at each one's rank; 0 for one not found.
pub(crate) fn average_precision(qrels: &Qrels, query: &str, ranking: &[&str]) -> f64 {
    let fitting = qrels.fitting(query);
    let mut found = 0;
    let mut sum = 0.0;
    for (before, _) in ranking.iter().enumerate().filter(|(_, id)| fitting.contains_key(**id)) {
        found += 1;
        sum += share(found, before + 1);
    }
    if fitting.is_empty() { 0.0 } else { sum * share(1, fitting.len()) }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    values.sum::<f64>() * share(1, count)
}

/// The means over all queries that were judged.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Report {
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    #[serde(rename = "recall@100")]
    pub recall_100: f64,
    pub map: f64,
    pub queries: usize,
}

/// Measures `rankings` (query, documents best first). A query that nobody judged does not count.
pub(crate) fn evaluate(qrels: &Qrels, rankings: &[(String, Vec<String>)], gain: Gain) -> Report {
    let judged: Vec<(&str, Vec<&str>)> = rankings
        .iter()
        .filter(|(query, _)| qrels.judges(query))
        .map(|(query, ranking)| (query.as_str(), ranking.iter().map(String::as_str).collect()))
        .collect();
    let over = |measure: &dyn Fn(&str, &[&str]) -> f64| {
        mean(judged.iter().map(|(query, ranking)| measure(query, ranking)))
    };
    Report {
        ndcg_10: over(&|query, ranking| ndcg(qrels, query, ranking, 10, gain)),
        recall_10: over(&|query, ranking| recall(qrels, query, ranking, 10)),
        recall_100: over(&|query, ranking| recall(qrels, query, ranking, 100)),
        map: over(&|query, ranking| average_precision(qrels, query, ranking)),
        queries: judged.len(),
    }
}

/// 0 where there is nothing to share.
fn share(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
    }

    fn qrels() -> Qrels {
        Qrels::parse("q 0 a 3\nq 0 b 2\nq 0 c 1\nq 0 d 0\n\nnone 0 a 0\n").unwrap()
    }

    /// Worked by hand: gains 7, 0, 3 at the ranks 1, 2, 3 against the ideal 7, 3, 1.
    #[test]
    fn ndcg_is_what_a_hand_works_out() {
        let ranking = ["a", "d", "b"];

        let graded = (7.0 + 3.0 / 2.0) / (7.0 + 3.0 / 3_f64.log2() + 1.0 / 2.0);
        close(ndcg(&qrels(), "q", &ranking, 10, Gain::Graded), graded);
        let binary = (1.0 + 0.5) / (1.0 + 1.0 / 3_f64.log2() + 0.5);
        close(ndcg(&qrels(), "q", &ranking, 10, Gain::Binary), binary);
        close(ndcg(&qrels(), "q", &["a", "b", "c"], 10, Gain::Graded), 1.0);
        close(ndcg(&qrels(), "q", &ranking, 2, Gain::Binary), 1.0 / (1.0 + 1.0 / 3_f64.log2()));
    }

    #[test]
    fn recall_counts_the_fitting_documents_that_were_found() {
        close(recall(&qrels(), "q", &["d", "a", "x", "b"], 10), 2.0 / 3.0);
        close(recall(&qrels(), "q", &["d", "a", "x", "b"], 2), 1.0 / 3.0);
    }

    #[test]
    fn average_precision_is_what_a_hand_works_out() {
        close(average_precision(&qrels(), "q", &["a", "x", "b"]), (1.0 + 2.0 / 3.0) / 3.0);
        close(average_precision(&qrels(), "q", &["x", "y"]), 0.0);
    }

    #[test]
    fn a_report_is_the_mean_over_the_judged_queries() {
        let qrels = Qrels::parse("q 0 a 1\nr 0 b 1\nnone 0 a 0").unwrap();
        let ranked = |query: &str, found: &[&str]| {
            (query.to_owned(), found.iter().map(|id| (*id).to_owned()).collect())
        };
        let rankings = [ranked("q", &["a"]), ranked("r", &["a", "b"]), ranked("none", &["a"])];

        let report = evaluate(&qrels, &rankings, Gain::Binary);

        assert_eq!(report.queries, 2);
        close(report.map, 0.75);
        close(report.recall_10, 1.0);
        close(report.ndcg_10, f64::midpoint(1.0, 1.0 / 3_f64.log2()));
    }

    #[test]
    fn a_query_without_a_fitting_document_is_not_judged() {
        assert!(qrels().judges("q"));
        assert!(!qrels().judges("none"));
        assert!(!qrels().judges("unknown"));
        assert_eq!(qrels().documents().into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        close(ndcg(&qrels(), "none", &["a"], 10, Gain::Binary), 0.0);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(Qrels::parse("q 0 a 1\nq a 1\n").unwrap_err().line, 2);
        assert_eq!(Qrels::parse("q 0 a high").unwrap_err().line, 1);
        assert_eq!(parse_queries("1\tone\n2 two").unwrap_err().line, 2);
        assert_eq!(parse_queries("1\tone\n1\ttwo").unwrap_err().line, 2);
    }
}

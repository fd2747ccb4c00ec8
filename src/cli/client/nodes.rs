//! The nodes of one service, as a browser behind a load balancer meets them: any of them will do.

use url::Url;

/// At least one address.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    first: Url,
    others: Vec<Url>,
}

impl Nodes {
    pub(crate) const fn one(url: Url) -> Self {
        Self { first: url, others: Vec::new() }
    }

    /// None without an address.
    pub(crate) fn new(urls: impl IntoIterator<Item = Url>) -> Option<Self> {
        let mut urls = urls.into_iter();
        Some(Self { first: urls.next()?, others: urls.collect() })
    }

    pub(crate) const fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Whoever counts on gets to the next, and behind the last to the first.
    pub(crate) fn at(&self, place: usize) -> &Url {
        match place % self.count() {
            0 => &self.first,
            place => self.others.get(place - 1).unwrap_or(&self.first),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_last_comes_the_first() {
        let urls = ["http://a/", "http://b/", "http://c/"].map(|url| url.parse::<Url>().unwrap());
        let nodes = Nodes::new(urls.clone()).unwrap();
        let met: Vec<_> = (1..6).map(|place| nodes.at(place)).collect();
        assert_eq!(met, [&urls[1], &urls[2], &urls[0], &urls[1], &urls[2]]);
        assert_eq!(Nodes::one(urls[0].clone()).at(7), &urls[0]);
        assert!(Nodes::new([]).is_none());
    }
}

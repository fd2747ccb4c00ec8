//! The languages in which the server itself writes: mail, and pages that work without JavaScript.

/// A language of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locale {
    #[default]
    English,
    German,
    Arabic,
}

impl Locale {
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Arabic];

    /// The language of ours that a browser likes best (`Accept-Language`, RFC 9110 §12.5.4). Of
    /// equals the first; English if there is none.
    pub fn preferred(accept_language: &str) -> Self {
        let mut best = (0.0_f32, Self::English);
        for range in accept_language.split(',').take(32) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(text) => text.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)),
                None => Some(1.0),
            };
            if let (Some(locale), Some(weight)) = (Self::of_tag(tag.trim()), weight)
                && weight > best.0
            {
                best = (weight, locale);
            }
        }
        best.1
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL.into_iter().find(|locale| locale.tag() == language)
    }

    /// BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Arabic => "ar",
        }
    }

    /// Which way its script runs, as HTML's `dir` has it.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
            Self::Arabic => "rtl",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_language_of_ours_wins() {
        for (header, expected) in [
            ("", Locale::English),
            ("de", Locale::German),
            ("de-AT,en;q=0.5", Locale::German),
            ("fr-FR, ar-EG;q=0.7, de;q=0.3", Locale::Arabic),
            ("en;q=0.2, de;q=0.8", Locale::German),
            ("EN-us, de", Locale::English),
            ("de;q=0, fr", Locale::English),
            ("de;q=nan, ar;q=7, *", Locale::English),
            ("dexx, arabic", Locale::English),
        ] {
            assert_eq!(Locale::preferred(header), expected, "{header:?}");
        }
    }
}

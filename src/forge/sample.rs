//! The pull request that the demo reviews: a small web shop that gets accounts and invoices, with the mistakes that such
//! changes have, some files without any, and a profile of it. Its sources are data here; nothing of them is run.

use super::content::Tree;
use super::script::{ForgeError, NewPull};
use super::{Content, Forge};
use eco_coder_shared::ids::{PullNumber, RepoName};

/// A repository with a pull request.
#[derive(Debug, Clone)]
pub struct Sample {
    /// `owner/name`.
    pub repo: &'static str,
    /// The pull request's title.
    pub title: &'static str,
    /// Its description, in Markdown.
    pub body: &'static str,
    /// Who opens it.
    pub author: &'static str,
    /// The branch it comes from; it goes to `main`.
    pub branch: &'static str,
    /// All files before.
    pub base: Tree,
    /// All files after.
    pub head: Tree,
    /// A CPU profile of the head: folded stacks.
    pub profile: &'static [u8],
    /// CPU milliseconds of one sample in the profile.
    pub sample_ms: f64,
}

/// The files of one side, by their path below `sample/`.
macro_rules! tree {
    ($side:literal: $($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("sample/", $side, "/", $path)))),+]
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .collect()
    };
}

/// The bundled sample.
pub fn sample() -> Sample {
    Sample {
        repo: "acme/green-shop",
        title: "Accounts: order history, invoices and refunds",
        body: "Customers see their past orders with all lines, and get an invoice for each.\n\n\
               - `OrderRepository.history` for the account page\n\
               - invoices as text files, written once\n\
               - refunds through the payment provider\n\
               - search finds words with hyphens, and marks them in the results\n\
               - `stocksync` takes a file per warehouse\n",
        author: "mira",
        branch: "accounts",
        base: tree!("base":
            "README.md", "cmd/stocksync/main.go", "dist/app.min.js", "shop/app.py", "shop/orders.py", "shop/payments.py",
            "shop/pricing.py", "shop/search.py", "tests/test_pricing.py", "web/basket.js",
        ),
        head: tree!("head":
            "README.md", "cmd/stocksync/main.go", "dist/app.min.js", "shop/app.py", "shop/invoices.py", "shop/orders.py",
            "shop/payments.py", "shop/pricing.py", "shop/search.py", "tests/test_pricing.py", "web/basket.js",
        ),
        profile: include_bytes!("sample/profile.folded"),
        sample_ms: 10.0,
    }
}

impl Forge {
    /// Adds the sample's repository and opens its pull request.
    pub fn open_sample(&self, sample: &Sample) -> Result<(RepoName, PullNumber), ForgeError> {
        let repo: RepoName =
            sample.repo.parse().map_err(|_| super::content::ContentError::BadRevision(sample.repo.to_owned()))?;
        self.add_repository(&repo, Content::memory(sample.base.clone()));
        self.commit(&repo, sample.branch, sample.head.clone(), sample.title)?;
        let new = NewPull {
            body: sample.body.to_owned(),
            author: sample.author.to_owned(),
            ..NewPull::new(sample.title, sample.branch)
        };
        let number = self.open_pull(&repo, new)?;
        Ok((repo, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_profile_is_in_the_sample() {
        let sample = sample();
        let profile = std::str::from_utf8(sample.profile).unwrap();
        let mut seen = 0;
        for stack in profile.lines().filter(|line| !line.starts_with('#')) {
            let (frames, count) = stack.rsplit_once(' ').unwrap();
            count.parse::<u64>().unwrap();
            for frame in frames.split(';') {
                let (function, place) = frame.strip_suffix(')').unwrap().split_once(" (").unwrap();
                let (path, line) = place.rsplit_once(':').unwrap();
                let Some(file) = sample.head.get(path) else { continue };
                let text = std::str::from_utf8(file).unwrap();
                let lines: Vec<&str> = text.lines().collect();
                let at: usize = line.parse().unwrap();
                let above = lines[..at].iter().rev().find_map(|line| line.trim_start().strip_prefix("def "));
                assert!(above.is_some_and(|name| name.starts_with(function)), "{frame}");
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn the_sample_opens_with_the_changes_it_is_meant_to_have() {
        let settings =
            super::super::ForgeSettings::new("http://forge.test", "t".to_owned().into(), "s".to_owned().into());
        let forge = Forge::new(settings);
        let (repo, number) = forge.open_sample(&sample()).unwrap();
        let pull = forge.pull(&repo, number).unwrap();
        let changes = forge.pull_changes(&repo, &pull).unwrap();
        assert_eq!(changes.len(), 11);
        let added: Vec<_> = changes.iter().filter(|c| c.status.as_str() == "added").map(|c| c.path.as_str()).collect();
        assert_eq!(added, ["shop/invoices.py"]);
    }
}

//! What was typed behind `cargo xtask exercises`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rtprobe_tests::{
    exercises::{EXERCISES, Side},
    go::{self, Kind},
};

pub(super) const USAGE: &str = "usage: cargo xtask exercises [--go VERSION,…] [--build plain,stripped,pie] \
[--side before,after,alike] [--seconds N] [--jobs N] [--keep] [--write] [--resume] [--only-build] [--only-write] [RULE|EXERCISE…]";

/// Long enough for a beat of a second to be one, and for a hot probe's windows.
const WINDOW: Duration = Duration::from_secs(5);
/// Programs at a time: each uses a small share of a processor.
const JOBS: usize = 2;

/// A part of what is done otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// Builds the programs, for a run that is to have the machine for itself.
    Build,
    /// Writes the document from the results that are kept.
    Write,
}

#[derive(Debug)]
pub(super) struct Options {
    pub versions: Vec<String>,
    pub kinds: Vec<Kind>,
    pub sides: Vec<Side>,
    pub window: Duration,
    pub jobs: usize,
    pub keep: bool,
    pub write: bool,
    /// Leaves out what an earlier run has judged right.
    pub resume: bool,
    pub only: Option<Only>,
    /// Rules, folders or keys; empty: all.
    pub names: Vec<String>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            versions: go::VERSIONS
                .iter()
                .map(|&version| version.to_owned())
                .collect(),
            kinds: vec![Kind::Plain, Kind::Stripped],
            sides: Side::ALL.to_vec(),
            window: WINDOW,
            jobs: JOBS,
            keep: false,
            write: false,
            resume: false,
            only: None,
            names: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().context(USAGE);
            match arg.as_str() {
                "--go" => options.versions = value()?.split(',').map(release).collect(),
                "--build" => options.kinds = list(value()?, Kind::from_name)?,
                "--side" => options.sides = list(value()?, side)?,
                "--seconds" => options.window = Duration::from_secs(value()?.parse()?),
                "--jobs" => options.jobs = value()?.parse()?,
                "--keep" => options.keep = true,
                "--write" => options.write = true,
                "--resume" => options.resume = true,
                "--only-build" => options.only = Some(Only::Build),
                "--only-write" => options.only = Some(Only::Write),
                option if option.starts_with('-') => bail!("no such option: {option}\n{USAGE}"),
                name => {
                    let known = EXERCISES.iter().any(|exercise| exercise.is_called(name));
                    ensure!(known, "no exercise is called `{name}`");
                    options.names.push(name.to_owned());
                }
            }
        }
        ensure!(options.jobs > 0 && !options.window.is_zero(), USAGE);
        Ok(options)
    }
}

/// A minor version stands for the release of it that the tests use.
fn release(text: &str) -> String {
    let tested = go::VERSIONS.iter().find(|version| {
        version
            .strip_prefix(text)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    tested.map_or_else(|| text.to_owned(), |&version| version.to_owned())
}

fn side(name: &str) -> Option<Side> {
    Side::ALL.into_iter().find(|side| side.name() == name)
}

fn list<T>(text: &str, one: fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let known = text
        .split(',')
        .map(|word| one(word).with_context(|| format!("unknown: `{word}`\n{USAGE}")));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn minor_versions_are_the_tested_releases() {
        let options = parse("--go 1.21,1.27.3 --build stripped dive-1 forced-gc").unwrap();
        assert_eq!(options.versions, ["1.21.13", "1.27.3"]);
        assert_eq!(options.kinds, [Kind::Stripped]);
        assert_eq!(options.names, ["dive-1", "forced-gc"]);
        assert_eq!(release("1.2"), "1.2");
    }

    #[test]
    fn unknown_words_are_refused() {
        for line in [
            "--build fat",
            "dive-99",
            "--frobnicate",
            "--go",
            "--jobs 0",
            "--side left",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

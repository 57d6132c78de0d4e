//! `cargo xtask go-targets`: builds the Go programs below `tests/targets`.

use anyhow::{Context as _, Result, bail, ensure};
use rtprobe_tests::go::{self, Go, Kind};

use crate::{setup, step};

const USAGE: &str = "usage: cargo xtask go-targets [--go VERSION,…] [--kind plain,stripped,trimpath,pie,cgo,spie] [NAME…]";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut versions: Vec<String> = go::VERSIONS
        .iter()
        .map(|&version| version.to_owned())
        .collect();
    let mut kinds = vec![Kind::Plain];
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--go" => {
                versions = args
                    .next()
                    .context(USAGE)?
                    .split(',')
                    .map(str::to_owned)
                    .collect();
            }
            "--kind" => kinds = parse_kinds(args.next().context(USAGE)?)?,
            option if option.starts_with('-') => bail!("no such option: {option}\n{USAGE}"),
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() {
        names = go::names()?;
    }
    let go = setup::go()?;
    for version in &versions {
        step::step(&format!("go {version}"), || go.fetch(version))?;
        for (name, &kind) in names
            .iter()
            .flat_map(|name| kinds.iter().map(move |kind| (name, kind)))
        {
            build(&go, name, version, kind)?;
        }
    }
    Ok(())
}

fn build(go: &Go, name: &str, version: &str, kind: Kind) -> Result<()> {
    let binary = step::step(&format!("{name}, go {version}, {}", kind.name()), || {
        go.build(name, version, kind)
    })?;
    println!("{}", binary.display());
    Ok(())
}

fn parse_kinds(list: &str) -> Result<Vec<Kind>> {
    let kinds: Vec<Kind> = list.split(',').filter_map(Kind::from_name).collect();
    ensure!(
        kinds.len() == list.split(',').count(),
        "unknown kind in `{list}`\n{USAGE}"
    );
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_a_list_of_known_names() {
        assert_eq!(
            parse_kinds("plain,spie").unwrap(),
            [Kind::Plain, Kind::StrippedPie]
        );
        assert!(parse_kinds("plain,fat").is_err());
    }
}

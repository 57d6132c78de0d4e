//! Runs the examples of the documents: every fenced block whose info string is `sh check`.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{step, tally::Tally, workspace};

const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Runs each block by `sh -eu` at the workspace's root, with the built `rtprobe` first on the `PATH`.
pub(crate) fn run(tally: &mut Tally) -> Result<()> {
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(workspace::root().join(document)) else {
            continue;
        };
        for block in blocks(&text) {
            let name = format!("example at {document}:{}", block.line);
            let result = step::run(&name, &mut shell(&block.script)?);
            tally.add_check(&name, result);
        }
    }
    Ok(())
}

fn shell(script: &str) -> Result<Command> {
    let binary = workspace::binary();
    let dist = binary.parent().context("binary without a directory")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-eu", "-c", script])
        .current_dir(workspace::root())
        .env("PATH", format!("{}:{path}", dist.display()));
    Ok(shell)
}

#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// Line of the opening fence, counted from 1.
    line: usize,
    script: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        if line.trim_end() == "```sh check" {
            blocks.push(Block {
                line: index + 1,
                script: body.join("\n"),
            });
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_marked_check_are_examples() {
        let text = "a\n```sh\nrm x\n```\n```sh check\necho a\necho b\n```\n```text\n```sh check\n";
        assert_eq!(
            blocks(text),
            [Block {
                line: 5,
                script: "echo a\necho b".to_owned()
            }]
        );
    }

    #[test]
    fn an_example_that_fails_half_way_fails() {
        assert!(step::check(&mut shell("true\nfalse\ntrue").unwrap()).is_err());
        assert!(step::check(&mut shell("true\ntrue").unwrap()).is_ok());
    }
}

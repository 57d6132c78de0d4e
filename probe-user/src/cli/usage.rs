//! What clap has to say, in the project's three lines.

use clap::{
    CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    Invocation,
    args::{Cli, one_name},
};
use crate::failure::{Exit, Failure};

/// Lists the rules and the exercises: too many for one line.
const EXPLAIN: &str = "rtprobe explain";
/// Names of the values that are rules and exercises, and of those that are probes as well.
const RULES: &str = "RULE|EXERCISE";
const PROBES_AND_RULES: &str = "LIST";

/// Makes wrong usage a failure that points at the help.
pub(super) fn wrong(error: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, error).try_("rtprobe --help")
}

/// Turns clap's answer into text to print or a failure.
pub(super) fn from_clap(
    error: &clap::Error,
    bpf_hash: Option<&str>,
) -> Result<Invocation, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Ok(Invocation::Print(error.render().ansi().to_string()))
        }
        ErrorKind::DisplayVersion => Ok(Invocation::Print(version(bpf_hash))),
        _ => Err(failure(error)),
    }
}

fn version(bpf_hash: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match bpf_hash {
        Some(hash) => format!("rtprobe {version} (source of the BPF programs: {hash})\n"),
        None => format!("rtprobe {version}\n"),
    }
}

fn failure(error: &clap::Error) -> Failure {
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    match (error.kind(), argument, value) {
        // A stray word reaches clap as an argument, since a command may follow `--`.
        (ErrorKind::UnknownArgument, Some(word), _) if !word.starts_with('-') => {
            wrong(format!("unknown command `{word}`")).found(format!("commands are {}", commands()))
        }
        (ErrorKind::UnknownArgument, Some(argument), _) => suggest(
            wrong(format!("unknown argument `{argument}`")),
            error,
            ContextKind::SuggestedArg,
        ),
        (ErrorKind::InvalidSubcommand, _, _) => {
            let name = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let failure = wrong(format!("unknown command `{name}`"));
            suggest(failure, error, ContextKind::SuggestedSubcommand)
        }
        (ErrorKind::InvalidValue, Some(argument), Some(value)) if value.is_empty() => {
            wrong(format!("`{argument}` needs a value"))
        }
        (ErrorKind::InvalidValue, Some(argument), Some(value)) => {
            let failure = wrong(format!("`{value}` is no value of `{argument}`"));
            let known = text(error, ContextKind::ValidValue).unwrap_or_default();
            let failure = if argument.contains(RULES) {
                failure.try_(EXPLAIN)
            } else if argument.contains(PROBES_AND_RULES) {
                let probes = format!("known are {known}, and the rules and exercises");
                let failure = failure.found(probes).try_(EXPLAIN);
                return meant(failure, nearest_name(&value));
            } else {
                failure.found(format!("known are {known}"))
            };
            suggest(failure, error, ContextKind::SuggestedValue)
        }
        (ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            let failure = wrong(format!("`{value}` is no value of `{argument}`"));
            match std::error::Error::source(error) {
                Some(cause) => failure.found(cause.to_string()),
                None => failure,
            }
        }
        _ => wrong(first_line(error)),
    }
}

fn commands() -> String {
    let cli = Cli::command();
    let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    names.join(", ")
}

/// Adds what the person may have meant.
fn suggest(failure: Failure, error: &clap::Error, kind: ContextKind) -> Failure {
    meant(failure, text(error, kind))
}

/// Returns the probe, rule or exercise whose name is most like a word.
fn nearest_name(word: &str) -> Option<String> {
    let error = one_name().try_get_matches_from(["rtprobe", "--", word]);
    text(&error.err()?, ContextKind::SuggestedValue)
}

fn meant(failure: Failure, nearest: Option<String>) -> Failure {
    match (nearest, failure.found.clone()) {
        (None, _) => failure,
        (Some(nearest), None) => failure.found(format!("did you mean `{nearest}`?")),
        (Some(nearest), Some(found)) => failure.found(format!("did you mean `{nearest}`? {found}")),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

/// Returns clap's own sentence, without its prefix and its advice.
fn first_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let sentence: Vec<&str> = rendered
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let sentence = sentence.join(" ");
    sentence
        .strip_prefix("error: ")
        .unwrap_or(&sentence)
        .to_owned()
}

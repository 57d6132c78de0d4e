//! `cargo xtask exercises`: rtprobe's judgement of the programs below `tests/exercises`, and ours of rtprobe's.

mod document;
mod matrix;
mod options;
mod store;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use rtprobe_tests::{
    exercises::{self, EXERCISES, Exercise, Side, Trial},
    go::Go,
};

use crate::{build, setup, step, workspace};
use options::{Only, Options};
use store::{Key, Store};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let out = workspace::target().join("exercises");
    let results = out.join("results");
    let mut store = Store::read(&results)?;
    if options.only == Some(Only::Write) {
        return write(&store);
    }
    let go = setup::go()?;
    let rtprobe = match env::var_os("RTPROBE_BIN") {
        Some(binary) => PathBuf::from(binary),
        None => build::binary()?,
    };
    let mut judged = Vec::new();
    for version in &options.versions {
        step::step(&format!("go {version}"), || go.fetch(version))?;
        for &kind in &options.kinds {
            let dir = out.join(version).join(kind.name());
            let trials: Vec<Trial<'_>> = chosen(&options)
                .flat_map(|exercise| Side::ALL.map(|side| (exercise, side)))
                .filter(|(_, side)| options.sides.contains(side))
                .map(|(exercise, side)| {
                    trial(exercise, side, &go, &rtprobe, &dir, &options, version, kind)
                })
                .filter(Trial::exists)
                .filter(|trial| !(options.resume && store.is_right(&Key::of(trial))))
                .collect();
            if options.only == Some(Only::Build) {
                let name = format!("go {version}, {}: building", kind.name());
                step::step(&name, || exercises::build(&trials))?;
                continue;
            }
            judged.extend(all(&trials, options.jobs, &mut store, &results)?);
        }
    }
    if options.only == Some(Only::Build) {
        return Ok(());
    }
    println!("\n{}", matrix::matrix(&store, &judged)?);
    if options.write {
        write(&store)?;
    }
    let wrong = judged.iter().filter(|key| !store.is_right(key)).count();
    ensure!(
        wrong == 0,
        "{wrong} of {} programs are misjudged",
        judged.len()
    );
    Ok(())
}

fn write(store: &Store) -> Result<()> {
    let path = workspace::root().join("docs/exercises.md");
    fs::create_dir_all(workspace::root().join("docs"))?;
    fs::write(&path, document::document(store)?)?;
    println!("wrote {}", path.display());
    Ok(())
}

fn chosen(options: &Options) -> impl Iterator<Item = &'static Exercise> {
    EXERCISES.iter().filter(|exercise| {
        options.names.is_empty() || options.names.iter().any(|name| exercise.is_called(name))
    })
}

#[expect(clippy::too_many_arguments, reason = "each is a field of its own")]
fn trial<'a>(
    exercise: &'a Exercise,
    side: Side,
    go: &'a Go,
    rtprobe: &'a Path,
    out: &'a Path,
    options: &Options,
    version: &str,
    kind: rtprobe_tests::go::Kind,
) -> Trial<'a> {
    Trial {
        exercise,
        side,
        version: version.to_owned(),
        kind,
        go,
        rtprobe,
        out,
        window: options.window,
        keep: options.keep,
    }
}

/// Runs the trials, and tells and keeps each as it ends: a run that is cut short loses nothing.
fn all(trials: &[Trial<'_>], jobs: usize, store: &mut Store, results: &Path) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut kept = Ok(());
    exercises::run(trials, jobs, |trial, result| {
        let key = Key::of(trial);
        store.put(key.clone(), result.map_err(|error| format!("{error:#}")));
        println!("{}", matrix::line(store, &key));
        let written = store.write(results, &key.version, &key.kind);
        kept = std::mem::replace(&mut kept, Ok(())).and(written);
        keys.push(key);
    })?;
    kept?;
    Ok(keys)
}

//! `cargo xtask exercises`: rtprobe's judgement of the programs below `tests/exercises`, and ours of rtprobe's.

mod document;
mod matrix;
mod options;
mod store;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Result, ensure};
use rtprobe_tests::{
    exercises::{EXERCISES, Exercise, Side, Trial},
    go::Go,
};

use crate::{build, setup, step, workspace};
use options::Options;
use store::{Key, Store};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let go = setup::go()?;
    let rtprobe = match env::var_os("RTPROBE_BIN") {
        Some(binary) => PathBuf::from(binary),
        None => build::binary()?,
    };
    let out = workspace::target().join("exercises");
    fs::create_dir_all(&out)?;
    let results = out.join("results.json");
    let mut store = Store::read(&results)?;
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
                .collect();
            judged.extend(all(&trials, options.jobs, &mut store));
            store.write(&results)?;
        }
    }
    println!("\n{}", matrix::matrix(&store, &judged)?);
    if options.write {
        let path = workspace::root().join("docs/exercises.md");
        fs::create_dir_all(workspace::root().join("docs"))?;
        fs::write(&path, document::document(&store)?)?;
        println!("wrote {}", path.display());
    }
    let wrong = judged.iter().filter(|key| !store.is_right(key)).count();
    ensure!(
        wrong == 0,
        "{wrong} of {} programs are misjudged",
        judged.len()
    );
    ensure!(!judged.is_empty(), "no exercise is called that");
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

/// Runs the trials, `jobs` at a time, and tells each as it ends.
fn all(trials: &[Trial<'_>], jobs: usize, store: &mut Store) -> Vec<Key> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new((Vec::new(), store));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = trial.run().map_err(|error| format!("{error:#}"));
                    let key = Key::of(trial);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.1.put(key.clone(), result);
                    println!("{}", matrix::line(done.1, &key));
                    done.0.push(key);
                }
            });
        }
    });
    let (keys, _) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    keys
}

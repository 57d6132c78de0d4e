//! The exercises of the catalogue as Go programs, and the judgement of what rtprobe says about each.
//!
//! Below `tests/exercises/RULE` stand `before`, which does what the rule finds, `after`, which has the cure, and
//! `alike`, which only looks as if. Where two exercises of one rule have different shapes, the second has a folder of
//! its own in the rule's. A comment `// finding: FUNCTION` at a line of *before* says where the finding has to be.

mod batch;
mod build;
mod environment;
mod judge;
mod mark;
mod program;
mod said;
mod table;
mod trial;

pub use batch::{build, run};
pub use judge::{is_undecided, judge};
pub use mark::{Mark, marks};
pub use program::Truth;
pub use said::{Finding, Said, Severity};
pub use table::{EXERCISES, Exercise, Needs, no_longer_costs};
pub use trial::{Outcome, Side, Trial};

use std::path::{Path, PathBuf};

/// The folder of the programs.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("exercises")
}

//! What ends a window before its time.

use serde::{Deserialize, Serialize};

/// What a window has room for; what is reached first ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Operations that begin.
    pub operations: u64,
    /// Hits of emulated sites, and of stepped ones, whether they are of an operation or not.
    pub traps: u64,
}

impl Room {
    /// For whatever comes.
    pub const UNLIMITED: Self = Self {
        operations: u64::MAX,
        traps: u64::MAX,
    };

    /// For so many operations, with a trap at the begin and the end of each, and as many that are of none.
    pub const fn of_operations(n: u64) -> Self {
        Self {
            operations: n,
            traps: n.saturating_mul(4),
        }
    }
}

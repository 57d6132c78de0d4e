//! Who has the machine: tests that measure time get it for themselves, the others share it.

use std::{
    cell::RefCell,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

static MACHINE: RwLock<()> = RwLock::new(());

/// What the running test holds of the machine, until its thread ends or the next test on it begins.
#[expect(dead_code, reason = "guards are there to be dropped")]
enum Hold {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

thread_local! {
    static HOLD: RefCell<Option<Hold>> = const { RefCell::new(None) };
}

/// Waits until no test has the machine for itself.
pub(super) fn share() {
    hold(|| Hold::Shared(MACHINE.read().unwrap_or_else(PoisonError::into_inner)));
}

/// Waits until no other test that drives targets runs, and keeps them waiting.
pub(super) fn alone() {
    hold(|| Hold::Alone(MACHINE.write().unwrap_or_else(PoisonError::into_inner)));
}

/// Exchanges what is held: first given back, or a test would wait for itself.
fn hold(take: impl FnOnce() -> Hold) {
    HOLD.with_borrow_mut(|hold| {
        *hold = None;
        *hold = Some(take());
    });
}

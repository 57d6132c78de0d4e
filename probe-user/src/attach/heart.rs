//! Says that rtprobe is alive, as long as it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use probe_ebpf::abi::STALE_BEAT_NS;

use super::Pulse;
use crate::sys;

/// Several beats before the programs lose patience.
const BEAT: Duration = Duration::from_millis(500);

/// The beating heart; it stops when it is dropped.
#[derive(Debug)]
pub(super) struct Heart {
    stop: Arc<AtomicBool>,
    /// Time without counting, because the process was stopped.
    quiet_ns: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    pub(super) fn start(pulse: Pulse) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let quiet_ns = Arc::new(AtomicU64::new(0));
        let (stopped, quiet) = (Arc::clone(&stop), Arc::clone(&quiet_ns));
        pulse.beat(sys::monotonic_ns());
        let thread = thread::spawn(move || {
            while !stopped.load(Relaxed) {
                thread::park_timeout(BEAT);
                let now_ns = sys::monotonic_ns();
                let before_ns = pulse.beat(now_ns).unwrap_or(now_ns);
                let late_ns = now_ns.saturating_sub(before_ns + STALE_BEAT_NS);
                quiet.fetch_add(late_ns, Relaxed);
            }
        });
        Self {
            stop,
            quiet_ns,
            thread: Some(thread),
        }
    }

    /// Returns how long nothing was counted because rtprobe was stopped.
    pub(super) fn quiet(&self) -> Duration {
        Duration::from_nanos(self.quiet_ns.load(Relaxed))
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                log::warn!("the heartbeat ended in a panic");
            }
        }
    }
}

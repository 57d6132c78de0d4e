//! Clients that ask at a bounded rate and check every answer.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Asks its `n`-th question, and says what was wrong with the answer.
pub(super) type Client = Box<dyn FnMut(u64) -> Result<(), String> + Send>;

/// Clients at work.
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answers: AtomicU64,
    stop: AtomicBool,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Starts clients, each with a pause between two questions.
    pub(super) fn start(clients: Vec<Client>, pause: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let run = |mut client: Client| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut n = 0;
                while !shared.stop.load(Ordering::Relaxed) {
                    match client(n) {
                        Ok(()) => drop(shared.answers.fetch_add(1, Ordering::Relaxed)),
                        Err(failure) => {
                            shared.failures.lock().unwrap().push(failure);
                            return;
                        }
                    }
                    n += 1;
                    thread::sleep(pause);
                }
            })
        };
        Self {
            clients: clients.into_iter().map(run).collect(),
            shared,
        }
    }

    /// Right answers so far.
    pub(super) fn answers(&self) -> u64 {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// Ends the clients and returns what was wrong.
    pub(super) fn stop(self) -> Vec<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
        std::mem::take(&mut self.shared.failures.lock().unwrap())
    }
}

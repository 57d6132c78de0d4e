//! What is watched goes on as if nobody had watched, however the watching ended, and nothing stays behind.

#[cfg(feature = "kernel")]
mod checked;
mod cycles;
mod killed;
mod stopped;

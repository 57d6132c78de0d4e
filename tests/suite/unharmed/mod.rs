//! What is watched goes on as if nobody had watched, however the watching ended, and nothing stays behind.

mod cycles;
mod killed;
mod stopped;

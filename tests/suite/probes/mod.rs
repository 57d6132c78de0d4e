//! Slow paths and rare calls of the runtime are counted exactly, with what they were about and how they ended.

mod exact;

//! What the programs say at `-vv`, through aya-log; nothing at all in the normal build.

/// Says something about a hit that was not counted as an operation.
macro_rules! say {
    ($ctx:expr, $($argument:tt)*) => {{
        #[cfg(feature = "log")]
        aya_log_ebpf::debug!($ctx, $($argument)*);
        #[cfg(not(feature = "log"))]
        let _ = $ctx;
    }};
}

pub(crate) use say;

//! The sizes that Go's allocator hands out: what is asked for is rounded up to one of them.

/// Size of each size class, the same in Go 1.21 to 1.27 (`internal/runtime/gc/sizeclasses.go`); class 0 is for
/// what is larger than all.
pub(crate) const SIZES: [u64; 68] = [
    0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320,
    352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792,
    2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728,
    10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672,
    32768,
];
/// The class of objects that are larger than all.
pub(crate) const LARGE: usize = 0;
/// That whose slots tiny objects without pointers share (src/runtime/malloc.go `tinySpanClass`).
pub(crate) const TINY: usize = 2;
/// Larger objects take whole pages.
const PAGE: f64 = 8192.0;

/// Returns the size class of an object of `size` bytes.
pub(crate) fn of(size: f64) -> usize {
    let fits = |class: &u64| *class as f64 >= size && *class > 0;
    SIZES.iter().position(fits).unwrap_or(LARGE)
}

/// Returns the bytes that the allocator takes for an object of `size` bytes on average.
pub(crate) fn rounded(size: f64) -> f64 {
    match SIZES.get(of(size)) {
        Some(class) if *class > 0 => *class as f64,
        _ => (size / PAGE).ceil() * PAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_their_class() {
        for (size, taken) in [(1.0, 8.0), (33.0, 48.0), (48.0, 48.0), (32_769.0, 40_960.0)] {
            assert!((rounded(size) - taken).abs() < 1e-9, "{size}");
        }
    }
}

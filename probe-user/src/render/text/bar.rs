//! A latency distribution in a few characters.

use hdrhistogram::Histogram;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws `histogram` in `n_cells` characters, from its least to its largest value on a logarithmic axis.
///
/// Heights are in proportion to the number of operations; a cell with any operation has at least the lowest
/// bar, an empty one is blank.
pub(super) fn draw(histogram: &Histogram<u64>, n_cells: usize) -> String {
    let cells = cells(histogram, n_cells);
    let highest = cells.iter().copied().max().unwrap_or(0);
    cells.iter().map(|&count| level(count, highest)).collect()
}

fn cells(histogram: &Histogram<u64>, n_cells: usize) -> Vec<u64> {
    let mut cells = vec![0_u64; n_cells];
    let low = (histogram.min().max(1) as f64).ln();
    let high = (histogram.max().max(1) as f64).ln();
    let is_one_value = histogram.equivalent(histogram.min(), histogram.max());
    for bucket in histogram.iter_recorded() {
        let value = bucket.value_iterated_to().max(1) as f64;
        let position = if is_one_value {
            0.5
        } else {
            ((value.ln() - low) / (high - low)).clamp(0.0, 1.0)
        };
        let cell = (position * n_cells as f64) as usize;
        if let Some(count) = cells.get_mut(cell.min(n_cells.saturating_sub(1))) {
            *count = count.saturating_add(bucket.count_at_value());
        }
    }
    cells
}

fn level(count: u64, highest: u64) -> char {
    if count == 0 {
        return ' ';
    }
    let share = count as f64 / highest as f64;
    let index = (share * LEVELS.len() as f64).ceil() as usize;
    LEVELS.get(index.saturating_sub(1)).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[(u64, u64)], n_cells: usize) -> String {
        let mut histogram = Histogram::<u64>::new(2).unwrap();
        for &(value, count) in values {
            histogram.record_n(value, count).unwrap();
        }
        draw(&histogram, n_cells)
    }

    #[test]
    fn two_modes_stand_apart() {
        assert_eq!(
            drawn(&[(100, 80), (110, 20), (1_000_000, 50)], 8),
            "█      ▄"
        );
    }

    #[test]
    fn a_single_operation_is_seen_beside_millions() {
        assert_eq!(drawn(&[(100, 10_000_000), (90_000, 1)], 8), "█      ▁");
    }

    #[test]
    fn equal_values_draw_one_cell_in_the_middle() {
        for value in [1, 100, 5_000, 51_200] {
            assert_eq!(drawn(&[(value, 3)], 8), "    █   ");
        }
    }

    #[test]
    fn an_empty_histogram_draws_blanks() {
        assert_eq!(drawn(&[], 8), " ".repeat(8));
    }
}

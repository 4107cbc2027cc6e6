//! The share of a total: in per cent, or drawn as a bar.

/// Eighths of a block, from one to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// `part` of `whole` as a bar of at most `width` columns. Any part but none shows: a state with
/// one socket among a million is not empty.
pub(super) fn render_bar(part: u64, whole: u64, width: usize, utf8: bool) -> String {
    if part == 0 || whole == 0 {
        return String::new();
    }
    let steps_a_column = if utf8 { 8 } else { 1 };
    let steps = u128::from(part) * (width * steps_a_column) as u128 / u128::from(whole);
    // At most `width` columns, as `part` is at most `whole`.
    let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
    if !utf8 {
        return "#".repeat(steps);
    }
    let mut bar = "█".repeat(steps / 8);
    if let Some(eighth) = (steps % 8).checked_sub(1) {
        bar.extend(EIGHTHS.get(eighth));
    }
    bar
}

/// The share of a total, in per cent with one digit; it rounds, but never to 0 or 100.
pub(super) fn render_share(sockets: u64, total: u64) -> String {
    if sockets == 0 || total == 0 {
        return "0.0%".to_owned();
    }
    let tenths = (u128::from(sockets) * 1000 + u128::from(total) / 2) / u128::from(total);
    let tenths = match tenths {
        0 => return "<0.1%".to_owned(),
        1000 if sockets < total => 999,
        tenths => tenths,
    };
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(render_bar(1, 2, 4, true), "██");
        assert_eq!(render_bar(5, 16, 4, true), "█▎");
        assert_eq!(render_bar(16, 16, 4, true), "████");
        assert_eq!(render_bar(1, 2, 4, false), "##");
        assert_eq!(render_bar(u64::MAX, u64::MAX, 40, false).len(), 40);
    }

    #[test]
    fn only_nothing_is_drawn_as_nothing() {
        assert_eq!(render_bar(1, 1_000_000, 4, true), "▏");
        assert_eq!(render_bar(1, 1_000_000, 4, false), "#");
        assert_eq!(render_bar(0, 5, 4, true), "");
        assert_eq!(render_bar(0, 0, 4, true), "");
    }
}

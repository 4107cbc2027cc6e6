//! One table for each crowd and size.

use crate::measure::Outcome;
use crate::racer::TCPSTATES;

pub(crate) fn render_table(outcome: &Outcome) -> String {
    let mut text = format!(
        "\n### {}, {} sockets\n\nSet up in {:.1} s.\n\n\
         | racer | rounds | median | min | spread | ÷ tcpstates | CPU | peak MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        outcome.kind,
        grouped(outcome.sockets),
        outcome.setup.as_secs_f64(),
    );
    let ours = outcome
        .rounds_of(TCPSTATES)
        .map(|rounds| rounds.median_wall().as_secs_f64());
    for (name, rounds) in &outcome.times {
        if rounds.0.is_empty() {
            continue;
        }
        let median = rounds.median_wall().as_secs_f64();
        let ratio = ours.map_or_else(|| "–".into(), |ours| format!("{:.2}", median / ours));
        text += &format!(
            "| `{}` | {} | {} | {} | {} | {ratio} | {} | {:.1} |\n",
            name.replace('|', "\\|"),
            rounds.0.len(),
            milliseconds(median),
            milliseconds(rounds.least_wall().as_secs_f64()),
            milliseconds(rounds.quartile_spread().as_secs_f64()),
            milliseconds(rounds.median_cpu().as_secs_f64()),
            mebibytes(rounds.peak_bytes()),
        );
    }
    if let Some(share) = outcome.watch_share {
        text += &format!(
            "\n`tcpstates --watch 1`: {:.1} % of one core.\n",
            share * 100.0
        );
    }
    for note in &outcome.notes {
        text += &format!("\nNote: {note}.\n");
    }
    for dispute in &outcome.disputes {
        text += &format!("\n**MISMATCH: {dispute}**\n");
    }
    if outcome.disputes.is_empty() && outcome.kind.is_quiet() {
        text += "\nAll counts agree with each other and with what the crowd was made of.\n";
    }
    text
}

pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Three figures that mean something, whatever the size.
fn milliseconds(seconds: f64) -> String {
    let value = seconds * 1000.0;
    let decimals = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// 400000 as 400,000.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

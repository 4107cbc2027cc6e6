//! The line over a whole record.

use std::sync::Arc;

use super::*;
use crate::model::screen::TimelineBar;
use crate::model::{Place, Position, Stretch, Ticks, Timeline, TimelinePart};

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Samples from a second on, ten seconds apart.
fn samples(run: usize, begin: u64, numbers: &[u64]) -> TimelinePart {
    let mut ticks = Ticks::of_samples();
    for (at, number) in (0..).zip(numbers) {
        let mut counts = Counts::default();
        counts.add(State::Established, *number);
        ticks.push(time(begin + at * 10), &counts);
    }
    part(run, false, ticks)
}

fn moment(second: u64) -> TimelinePart {
    part(0, true, Ticks::of_moment(time(second)))
}

fn part(run: usize, has_sockets: bool, ticks: Ticks) -> TimelinePart {
    TimelinePart {
        stretch: Stretch {
            has_sockets,
            // The first moment of a pair is a mark as the second is.
            is_first: has_sockets,
            place: Place::default(),
            first: ticks.times[0],
            last: *ticks.times.last().unwrap(),
        },
        run,
        ticks: Some(Arc::new(ticks)),
    }
}

/// The second line of a screen, of a record with these parts.
fn drawn(parts: Vec<TimelinePart>, at: Position, width: u16, paint: Paint) -> String {
    let timeline = Timeline { parts };
    let mut screen = screen(groups_pane(None));
    screen.header.record = Some("day.rec");
    screen.timeline = Some(TimelineBar {
        timeline: &timeline,
        at,
        state: Some(State::Established),
    });
    lines(&draw(&screen, width, 24, paint)).remove(1)
}

const ASCII: Paint = Paint {
    color: false,
    utf8: false,
};

fn at(part: usize, tick: usize) -> Position {
    Position { part, tick }
}

#[test]
fn numbers_marks_and_the_place_are_over_the_time_of_the_record() {
    let parts = || {
        vec![
            samples(0, 0, &[1, 2, 3, 4, 5, 6]),
            moment(55),
            samples(0, 60, &[7, 8, 9, 10]),
        ]
    };
    let line = drawn(parts(), at(2, 1), 30, PLAIN);
    assert_eq!(line, "00:00:00 ▁▁▂▃▄▄!▆◆███ 00:01:30");
    let line = drawn(parts(), at(1, 0), 30, ASCII);
    assert_eq!(line, "00:00:00 __.-::@+*### 00:01:30");
    for width in 1..=120 {
        drawn(parts(), at(0, 0), width, PLAIN);
    }
}

#[test]
fn a_restart_and_a_clock_set_back_are_breaks_and_a_gap_is_not_drawn_as_numbers() {
    let line = |parts| drawn(parts, at(0, 0), 32, PLAIN);
    let restarted = vec![samples(0, 0, &[5; 6]), samples(1, 86_000, &[5; 6])];
    assert_eq!(line(restarted), "00:00:00 ◆▄▄▄▄▄│▄▄▄▄▄▄▄ 23:54:10");
    let set_back = vec![samples(0, 600, &[5; 6]), samples(0, 0, &[5; 6])];
    assert_eq!(line(set_back), "00:10:00 ◆▄▄▄▄▄│▄▄▄▄▄▄▄ 00:00:50");
    let gap = vec![samples(0, 0, &[5; 6]), samples(0, 110, &[5; 2])];
    assert_eq!(line(gap), "00:00:00 ◆▄▄▄▄▄·····▄▄▄ 00:02:00");
}

#[test]
fn records_of_one_sample_and_of_moments_alone_have_a_line() {
    let line = |parts| drawn(parts, at(0, 0), 32, PLAIN);
    assert_eq!(
        line(vec![samples(0, 0, &[5])]),
        "00:00:00 ◆              00:00:00"
    );
    let moments = vec![moment(0), moment(60)];
    assert_eq!(line(moments), "00:00:00 ◆            ! 00:01:00");
    let days = vec![samples(0, 0, &[5]), samples(0, 200_000, &[5])];
    assert!(line(days).starts_with("01-01 ◆"), "dates where days differ");
}

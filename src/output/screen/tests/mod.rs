//! Frames, compared as text, and their styles cell by cell.

mod panes;
mod playback;
mod sizes;
mod trace;

use std::time::{Duration, SystemTime};

use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use ratatui::{Terminal, buffer::Buffer};

use super::{KEYS, Paint, draw_screen};
use crate::model::screen::{
    Chart, Drawn, GroupsPane, Header, Notice, NoticeKind, Pane, Prompt, PromptError, Rest,
    SampleCost, Screen, SocketsPane, StateRow,
};
use crate::model::{
    Completeness, Counts, Field, Group, Grouped, KindSet, Label, Observation, SourceName, State,
    StateSet,
};

const PLAIN: Paint = Paint {
    color: false,
    utf8: true,
};

fn draw(screen: &Screen<'_>, width: u16, height: u16, paint: Paint) -> Buffer {
    draw_with(screen, width, height, paint).0
}

/// A frame, and what can be selected in it.
fn draw_with(screen: &Screen<'_>, width: u16, height: u16, paint: Paint) -> (Buffer, Drawn) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut drawn = Drawn::default();
    let frame = terminal.draw(|frame| drawn = draw_screen(frame, screen, paint));
    (frame.unwrap().buffer.clone(), drawn)
}

/// The lines of a frame, without the blanks at their ends.
fn lines(buffer: &Buffer) -> Vec<String> {
    let rows = buffer.content.chunks(buffer.area.width.into());
    let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
    rows.map(text)
        .map(|line: String| line.trim_end().to_owned())
        .collect()
}

fn row(state: Option<State>, sockets: u64, history: &[u64]) -> StateRow {
    let before = history.len().checked_sub(2).and_then(|at| history.get(at));
    StateRow {
        state,
        sockets,
        spread: 0,
        change: before.map(|before| i128::from(sockets) - i128::from(*before)),
        rate: before.map(|_| 0.5),
        min: history.iter().copied().min().unwrap_or(sockets),
        max: history.iter().copied().max().unwrap_or(sockets),
        history: history.to_vec(),
        is_growing: false,
        is_at_limit: false,
        is_selected: false,
    }
}

fn rows() -> Vec<StateRow> {
    let mut rows: Vec<StateRow> = StateSet::ALL
        .iter()
        .map(|state| {
            let history = if state == State::Established {
                [64, 62, 60]
            } else if state == State::CloseWait {
                [10, 20, 40]
            } else {
                [0; 3]
            };
            row(Some(state), history[2], &history)
        })
        .collect();
    rows.push(row(None, 100, &[74, 82, 100]));
    rows[6].is_growing = true;
    rows[6].is_selected = true;
    rows[0].is_at_limit = true;
    rows
}

fn groups() -> Grouped {
    let counts = |sockets| {
        let mut counts = Counts::default();
        counts.add(State::CloseWait, sockets);
        counts
    };
    let group = |name: &str, sockets| Group {
        id: Box::default(),
        key: vec![Label::Text(name.to_owned())],
        counts: counts(sockets),
        change: Some(1),
    };
    Grouped {
        observation: Observation {
            time: SystemTime::UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        },
        asked: StateSet::NONE.with(State::CloseWait),
        fields: vec![Field::Service],
        groups: vec![group(":443", 20), group(":80", 11), group(":8\u{1b}0", 9)],
        other: None,
        counts: counts(40),
        change: Some(3),
        ownership: None,
        notes: Vec::new(),
    }
}

fn screen(pane: Pane<'_>) -> Screen<'_> {
    Screen {
        timeline: None,
        header: Header {
            record: None,
            host: "host",
            interval: Duration::from_secs(1),
            time: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(3_723)),
            shows_plan: false,
            plan: "one walk lists every selected socket",
            cost: Some(SampleCost {
                took: Duration::from_micros(1_240),
                listed: 100,
                derived: 0,
            }),
            filter: "",
            kinds: KindSet::TCP,
            is_paused: false,
            is_incomplete: false,
        },
        notices: Vec::new(),
        rows: rows(),
        rest: Rest::default(),
        is_stale: false,
        pane,
        prompt: None,
        help: None,
    }
}

fn groups_pane(grouped: Option<&Grouped>) -> Pane<'_> {
    Pane::Groups(GroupsPane {
        by: "service".to_owned(),
        state: Some(State::CloseWait),
        grouped,
        order: (0..grouped.map_or(0, |grouped| grouped.groups.len())).collect(),
        sort: "total:desc".to_owned(),
        selected: None,
        age: grouped.map(|_| (Duration::from_secs(3), Duration::from_millis(12))),
        failure: None,
    })
}

#[test]
fn eighty_by_twenty_four_has_everything() {
    let grouped = groups();
    let drawn = lines(&draw(&screen(groups_pane(Some(&grouped))), 80, 24, PLAIN));
    assert_eq!(
        drawn,
        [
            "tcpstates host  every 1 s                                 100 sockets  01:02:03Z",
            "   STATE       SOCKETS  CHANGE  RATE/S SHARE        MIN    MAX           HISTORY",
            "!  LISTEN            0       0    +0.5                0      0",
            "   SYN_SENT          0       0    +0.5                0      0",
            "   SYN_RECV          0       0    +0.5                0      0",
            "   ESTABLISHED      60      -2    +0.5 █████▍        60     64               ▇▄▂",
            "   FIN_WAIT1         0       0    +0.5                0      0",
            "   FIN_WAIT2         0       0    +0.5                0      0",
            "▲  CLOSE_WAIT       40     +20    +0.5 ███▌          10     40               ▁▃█",
            "   CLOSING           0       0    +0.5                0      0",
            "   LAST_ACK          0       0    +0.5                0      0",
            "   TIME_WAIT         0       0    +0.5                0      0",
            "   CLOSE             0       0    +0.5                0      0",
            "   TOTAL           100     +18    +0.5               74    100               ▁▃█",
            "CLOSE_WAIT by service  3 s old, took 12 ms of CPU time",
            "SERVICE      TOTAL  CHANGE  CLOSE_WAIT",
            ":443            20      +1          20",
            ":80             11      +1          11",
            r#"":8\u{1b}0"      9      +1           9"#,
            "TOTAL           40      +3          40",
            "",
            "",
            "",
            "q quit  ? help  space pause  ↑↓ state  enter list  tab groups  b by  / filter",
        ]
    );
}

#[test]
fn an_alarm_takes_the_place_of_the_keys_on_a_low_screen() {
    let mut screen = screen(groups_pane(None));
    let drawn = lines(&draw(&screen, 40, 10, PLAIN));
    assert_eq!(
        drawn,
        [
            "tcpstates host  every 1 s    100 sockets",
            "   STATE       SOCKETS  CHANGE SHARE",
            "   ESTABLISHED      60      -2 █████▍",
            "▲  CLOSE_WAIT       40     +20 ███▌",
            "   TOTAL           100     +18",
            "CLOSE_WAIT by service  waiting for the …",
            "",
            "",
            "",
            "q quit  ? help  space pause  ↑↓ state",
        ]
    );
    screen.notices.push(Notice {
        kind: NoticeKind::Alarm,
        text: "no answer".to_owned(),
    });
    let drawn = lines(&draw(&screen, 40, 6, PLAIN));
    assert_eq!(drawn[4..], ["   TOTAL           100     +18", "no answer"]);
}

#[test]
fn a_number_is_whole_or_omitted_at_any_width() {
    let mut screen = screen(groups_pane(None));
    screen.rows[3].sockets = 1_234_567;
    for width in 1..40 {
        let drawn = lines(&draw(&screen, width, 14, PLAIN));
        let digits = drawn.iter().skip(2).flat_map(|line| line.split(' '));
        let numbers: Vec<&str> = digits
            .filter(|word| word.starts_with("12") && !word.contains('.'))
            .collect();
        assert!(numbers.iter().all(|n| *n == "1234567"), "{drawn:#?}");
        assert_eq!(numbers.is_empty(), width < 12, "{width}");
    }
}

#[test]
fn no_terminal_is_too_small_or_too_large() {
    let grouped = groups();
    let sockets = ["x".to_owned()];
    let panes = [
        groups_pane(Some(&grouped)),
        Pane::Chart(chart()),
        sockets_pane(&sockets),
    ];
    for pane in panes {
        let mut screen = screen(pane);
        screen.header.filter = "sport = :443";
        for (width, height) in [(1, 1), (2, 2), (9, 3), (20, 5), (39, 9), (300, 100)] {
            screen.help = None;
            draw(&screen, width, height, PLAIN);
            screen.help = Some(0);
            draw(&screen, width, height, PLAIN);
        }
    }
}

#[test]
fn a_wide_screen_gives_its_room_to_the_history() {
    let mut screen = screen(groups_pane(None));
    let long: Vec<u64> = (0..300).collect();
    screen.rows[3].history = long;
    let drawn = lines(&draw(&screen, 200, 60, PLAIN));
    let row = drawn.iter().find(|line| line.contains("ESTAB")).unwrap();
    assert_eq!(row.chars().count(), 200);
    let columns = row.chars().filter(|c| ('▁'..='█').contains(c)).count();
    assert!(columns > 120, "{row}");
    assert!(row.contains("60.0%"), "{row}");
}

#[test]
fn without_utf8_nothing_but_ascii_is_drawn() {
    let mut screen = screen(groups_pane(None));
    screen.header.host = "höst";
    screen.rows[3].spread = 12;
    let paint = Paint {
        utf8: false,
        ..PLAIN
    };
    let drawn = lines(&draw(&screen, 100, 24, paint));
    assert!(drawn.iter().all(|line| line.is_ascii()), "{drawn:#?}");
    assert!(drawn[0].starts_with("tcpstates h?st"));
    let row = |name: &str| drawn.iter().find(|line| line.contains(name)).unwrap();
    assert!(row("CLOSE_WAIT").starts_with("^  CLOSE_WAIT"));
    assert!(row("CLOSE_WAIT").ends_with("_-#"));
    assert!(row("ESTABLISHED").contains("+-12") && row("ESTABLISHED").contains("####"));
}

#[test]
fn colours_repeat_the_meaning_of_signs_and_the_background_is_never_set() {
    let screen = screen(groups_pane(None));
    let plain = draw(&screen, 80, 24, PLAIN);
    let color = Paint {
        color: true,
        ..PLAIN
    };
    let colored = draw(&screen, 80, 24, color);
    assert_eq!(lines(&plain), lines(&colored));
    assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset));
    assert!(colored.content.iter().all(|cell| cell.bg == Color::Reset));
    let foreground = |line: u16| colored[(0, line)].fg;
    assert_eq!((foreground(2), foreground(8)), (Color::Red, Color::Yellow));
    let selected = |line| colored[(5, line)].modifier.contains(Modifier::REVERSED);
    assert!(selected(8) && !selected(7));
    // Between the sign and the name as well.
    assert!((0..5).all(|column| colored[(column, 8)].fg == Color::Yellow));
}

#[test]
fn old_data_is_dim_and_marked() {
    let mut screen = screen(groups_pane(None));
    let is_dim = |screen: &Screen<'_>| {
        let drawn = draw(screen, 80, 24, PLAIN);
        drawn[(5, 6)].modifier.contains(Modifier::DIM)
    };
    assert!(!is_dim(&screen));
    screen.is_stale = true;
    screen.header.is_paused = true;
    screen.header.is_incomplete = true;
    assert!(is_dim(&screen));
    let drawn = lines(&draw(&screen, 80, 24, PLAIN));
    assert!(
        drawn[0].contains("PAUSED  NO ANSWER  INCOMPLETE"),
        "{drawn:#?}"
    );
}

#[test]
fn the_wrong_word_of_a_filter_is_marked() {
    let error = PromptError {
        place: 8..12,
        reason: "not a port".to_owned(),
    };
    let mut screen = screen(groups_pane(None));
    screen.prompt = Some(Prompt {
        name: "filter",
        hint: "",
        text: "sport = :44x or",
        cursor: 8,
        error: Some(&error),
        is_checking: false,
    });
    let mut terminal = Terminal::new(TestBackend::new(40, 12)).unwrap();
    let drawn = terminal.draw(|frame| drop(draw_screen(frame, &screen, PLAIN)));
    let drawn = drawn.unwrap().buffer.clone();
    let text = lines(&drawn);
    assert_eq!(text[10..], ["not a port", "filter: sport = :44x or"]);
    let reversed = (0..40).filter(|x| drawn[(*x, 11)].modifier.contains(Modifier::REVERSED));
    assert_eq!(reversed.collect::<Vec<_>>(), [16, 17, 18, 19]);
    terminal.backend_mut().assert_cursor_position((16, 11));
}

fn chart() -> Chart {
    Chart {
        state: Some(State::CloseWait),
        numbers: (0..)
            .map(|second| SystemTime::UNIX_EPOCH + Duration::from_secs(second))
            .zip([0, 10, 20, 40])
            .collect(),
    }
}

fn sockets_pane(rows: &[String]) -> Pane<'_> {
    Pane::Sockets(SocketsPane {
        state: Some(State::CloseWait),
        group: None,
        sort: "send-queue:desc".to_owned(),
        heading: "STATE  LOCAL",
        rows,
        omitted: &[],
        is_cut: true,
        selected: rows.len() / 2,
        age: Some((Duration::from_millis(3_200), Duration::from_millis(90))),
        note: String::new(),
    })
}

#[test]
fn help_explains_every_key_and_scrolls() {
    let mut screen = screen(groups_pane(None));
    screen.help = Some(0);
    let drawn = lines(&draw(&screen, 80, 30, PLAIN));
    for (keys, does) in KEYS {
        assert!(
            drawn
                .iter()
                .any(|line| line.contains(keys) && line.ends_with(does)),
            "{keys}"
        );
    }
    assert!(drawn[26].contains("HISTORY"), "{drawn:#?}");
    assert!(drawn[27].ends_with("1.2 ms, 100 listed: one walk lists every selected socket"));
    // Scrolled to its end, and no further.
    screen.help = Some(usize::MAX);
    let (buffer, drawn) = draw_with(&screen, 80, 10, PLAIN);
    assert!(lines(&buffer)[9].starts_with(" this sample: "));
    assert_eq!(drawn.first, KEYS.len() + 4 - 9);
}

//! Rows of several kernels, and invalid ones.

use super::*;

const ROW: &str = "   3: 0100007F:1F90 0200007F:C001 08 0000000A:00000105 01:00000014 00000003  1000        2 91827 1 ffff8880 20 4 30 10 -1";

fn refused(column: usize, text: &str) -> RowError {
    let mut columns: Vec<_> = ROW.split_whitespace().collect();
    columns[column] = text;
    parse_row(columns.join(" ").as_bytes(), Kind::Tcp, Family::V4).unwrap_err()
}

#[test]
fn a_row_is_read_as_the_kernel_wrote_it() {
    let socket = parse_row(ROW.as_bytes(), Kind::Tcp, Family::V4).unwrap();
    assert_eq!(socket.state, State::CloseWait);
    if cfg!(target_endian = "little") {
        assert_eq!(
            socket.internet().unwrap().local,
            "127.0.0.1:8080".parse().unwrap()
        );
        assert_eq!(
            socket.internet().unwrap().remote,
            "127.0.0.2:49153".parse().unwrap()
        );
    }
    assert_eq!((socket.send_queue, socket.receive_queue), (10, 0x105));
    assert_eq!((socket.uid, socket.inode), (1000, 91827));
    assert_eq!(socket.retransmits, Some(3));
    let timer = socket.timer.unwrap();
    assert_eq!(timer.kind, TimerKind::Retransmit);
    assert_eq!(timer.remaining, Duration::from_millis(200));
}

#[test]
fn a_v6_row_has_its_address_in_four_words() {
    let row = ROW.replace("0100007F:1F90", "0000000000000000FFFF00000100007F:1F90");
    let row = row.replace("0200007F:C001", "B80D0120000000000000000001000000:01BB");
    let socket = parse_row(row.as_bytes(), Kind::Tcp, Family::V6).unwrap();
    assert_eq!(socket.internet().unwrap().family, Family::V6);
    if cfg!(target_endian = "little") {
        assert_eq!(
            socket.internet().unwrap().local,
            "[::ffff:127.0.0.1]:8080".parse().unwrap()
        );
        assert_eq!(
            socket.internet().unwrap().remote,
            "[2001:db8::1]:443".parse().unwrap()
        );
    }
    assert_eq!(
        parse_row(row.as_bytes(), Kind::Tcp, Family::V4),
        Err(RowError::Malformed("local_address"))
    );
}

#[test]
fn an_unknown_state_is_kept_by_number() {
    let row = ROW.replace(" 08 ", " 0E ");
    let socket = parse_row(row.as_bytes(), Kind::Tcp, Family::V4).unwrap();
    assert_eq!(socket.state, State::Unknown(14));
}

/// The row with other words in some columns.
fn read(words: &[(usize, &str)]) -> Socket {
    let mut columns: Vec<_> = ROW.split_whitespace().collect();
    for (column, word) in words {
        columns[*column] = word;
    }
    parse_row(columns.join(" ").as_bytes(), Kind::Tcp, Family::V4).unwrap()
}

#[test]
fn retransmits_are_those_of_the_running_timer_as_netlink_reports_them() {
    // Columns retrnsmt 3 and timeout 2, with each timer.
    for (state, timer, retransmits) in [
        ("01", "00", Some(0)),
        ("01", "01", Some(3)),
        ("01", "02", Some(2)),
        ("04", "04", Some(2)),
        ("06", "03", Some(0)),
        ("01", "05", None),
        ("03", "01", None),
    ] {
        let socket = read(&[(3, state), (5, &format!("{timer}:00000014"))]);
        assert_eq!(socket.retransmits, retransmits, "{state} {timer}");
    }
    assert_eq!(read(&[(5, "04:0"), (8, "-1")]).retransmits, None);
}

#[test]
fn rows_of_old_kernels_are_read() {
    let uid = |text: &str| read(&[(7, text)]).uid;
    assert_eq!(uid("-2"), 4_294_967_294);
    assert_eq!(uid("4294967294"), 4_294_967_294);
    let remaining = |text: &str| read(&[(5, text)]).timer.unwrap().remaining;
    assert_eq!(remaining("01:FFFFFFFFFFFFFFF0"), Duration::ZERO);
    assert_eq!(remaining("01:FFFFFFF0"), Duration::ZERO);
    assert_eq!(remaining("01:0000000000000014").as_millis(), 200);
}

#[test]
fn a_malformed_column_is_named() {
    for (column, texts, name) in [
        (0, &["3", "x:", ":"][..], "sl"),
        (
            1,
            &["0100007F", "0100007G:1F90", "0100007F:11F90", "07F:1F90"],
            "local_address",
        ),
        (2, &["0200007F:", ":C001", "0200007F-C001"], "rem_address"),
        (3, &["8", "008", "0G", "+8"], "st"),
        (
            4,
            &["0000000A", "A:5", "0000000A:0000010x"],
            "tx_queue:rx_queue",
        ),
        (
            5,
            &["01", "01:", "zz:00000014", "01:00000000000000014"],
            "tr:tm->when",
        ),
        (6, &["-1", "0000000003"], "retrnsmt"),
        (7, &["root", "4294967296", "-", "--1"], "uid"),
        (8, &["-", "0x2"], "timeout"),
        (9, &["9182x", "-1"], "inode"),
    ] {
        for text in texts {
            assert_eq!(refused(column, text), RowError::Malformed(name), "{text}");
        }
    }
}

#[test]
fn a_row_cut_at_any_byte_is_refused_or_has_all_its_columns() {
    let inode_ends = ROW.find("91827").unwrap() + "91827".len();
    for length in 0..ROW.len() {
        let parsed = parse_row(&ROW.as_bytes()[..length], Kind::Tcp, Family::V4);
        let inode_begun = length > inode_ends - "91827".len();
        assert_eq!(parsed.is_ok(), inode_begun, "{length}");
    }
    assert_eq!(
        parse_row(b"", Kind::Tcp, Family::V4),
        Err(RowError::Missing("sl"))
    );
    assert_eq!(
        parse_row(b"0: 0100007F:1F90", Kind::Tcp, Family::V4),
        Err(RowError::Missing("rem_address"))
    );
}

#[test]
fn no_single_changed_byte_makes_it_panic() {
    for at in 0..ROW.len() {
        for byte in 0..=u8::MAX {
            let mut row = ROW.as_bytes().to_vec();
            row[at] = byte;
            let _ = parse_row(&row, Kind::Tcp, Family::V4);
            let _ = parse_row(&row, Kind::Tcp, Family::V6);
        }
    }
}

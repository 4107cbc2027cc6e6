//! Each key as terminals send it, whole and in pieces.

use super::Decoder;
use crate::live::Key;

fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut decoder = Decoder::default();
    let keys = decoder.feed(bytes);
    assert!(!decoder.awaits_more(), "{bytes:?}");
    keys
}

const SENT: [(&[u8], Key); 34] = [
    (b"\x1b[<0;12;7M", Key::Click(6)),
    (b"\x1b[<64;1;1M", Key::WheelUp),
    (b"\x1b[<65;1;1M", Key::WheelDown),
    (b"q", Key::Char('q')),
    ("é".as_bytes(), Key::Char('é')),
    ("√".as_bytes(), Key::Char('√')),
    (b" ", Key::Char(' ')),
    (b"\x02", Key::Control('b')),
    (b"\x08", Key::Control('h')),
    (b"\x0c", Key::Control('l')),
    (b"\r", Key::Enter),
    (b"\n", Key::Enter),
    (b"\x1bOM", Key::Enter),
    (b"\t", Key::Tab),
    (b"\x1b[Z", Key::BackTab),
    (b"\x7f", Key::Backspace),
    (b"\x1b[3~", Key::Delete),
    (b"\x1b[A", Key::Up),
    (b"\x1bOA", Key::Up),
    (b"\x1b[B", Key::Down),
    (b"\x1bOB", Key::Down),
    (b"\x1b[C", Key::Right),
    (b"\x1b[1;5C", Key::Right),
    (b"\x1b[D", Key::Left),
    (b"\x1b[5~", Key::PageUp),
    (b"\x1b[6~", Key::PageDown),
    (b"\x1b[H", Key::Home),
    (b"\x1bOH", Key::Home),
    (b"\x1b[1~", Key::Home),
    (b"\x1b[7~", Key::Home),
    (b"\x1b[F", Key::End),
    (b"\x1b[4~", Key::End),
    (b"\x1b[8~", Key::End),
    (b"\x1b[4;2~", Key::End),
];

#[test]
fn every_key_is_heard_also_when_its_bytes_come_one_by_one() {
    for (bytes, key) in SENT {
        assert_eq!(keys(bytes), [key], "{bytes:?}");
        let mut decoder = Decoder::default();
        let (last, begin) = bytes.split_last().unwrap();
        for byte in begin {
            assert_eq!(decoder.feed(&[*byte]), [], "{bytes:?}");
            assert!(decoder.awaits_more());
        }
        assert_eq!(decoder.feed(&[*last]), [key], "{bytes:?}");
    }
}

#[test]
fn keys_that_arrive_together_are_distinguished() {
    let all: Vec<u8> = SENT.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
    let expected: Vec<Key> = SENT.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys(&all), expected);
}

#[test]
fn an_esc_is_the_key_only_when_nothing_follows_it() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.feed(b"\x1b"), []);
    assert_eq!(
        (decoder.awaits_more(), decoder.end()),
        (true, Some(Key::Escape))
    );
    assert_eq!((decoder.awaits_more(), decoder.end()), (false, None));
    assert_eq!(decoder.feed(b"\x1b\x1b[A"), [Key::Escape, Key::Up]);
    // Begun, and never ended.
    for begin in [&b"\x1b["[..], b"\x1bO", b"\x1b[1;", b"\xe2\x88"] {
        assert_eq!(decoder.feed(begin), []);
        assert_eq!((decoder.awaits_more(), decoder.end()), (true, None));
    }
    assert_eq!(decoder.feed(b"q"), [Key::Char('q')]);
}

#[test]
fn unknown_sequences_are_skipped_and_the_next_key_is_read() {
    for nothing in [
        &b"\x1bOP"[..],
        b"\x1b[15~",
        b"\x1b[[A",
        b"\x1b[200~",
        b"\x1b[2;5R",
        b"\x1b[?1;2c",
        b"\x1bq",
        b"\x1b\r",
        "\x1bé".as_bytes(),
        b"\x00",
        b"\x1c",
        b"\xff",
        b"\xe2(",
    ] {
        let sent = [nothing, b"k"].concat();
        let heard = keys(&sent);
        assert_eq!(heard.last(), Some(&Key::Char('k')), "{nothing:?}");
        assert!(heard.len() == 1 || nothing == b"\xe2(", "{heard:?}");
    }
    assert_eq!(keys(b"\x1b[1\rk"), [Key::Enter, Key::Char('k')]);
}

#[test]
fn a_sequence_without_end_takes_no_room() {
    let mut decoder = Decoder::default();
    decoder.feed(b"\x1b[");
    for _ in 0..1_000 {
        decoder.feed(b"1111");
        assert!(decoder.begun.len() <= super::LONGEST);
    }
}

//! Sources that do not reply, and outputs that cannot be written.

use std::fs::OpenOptions;
use std::io::Write;

use rustix::fs::{CWD, FileType, Mode};

use super::answer::Checked;
use super::read_as;
use crate::child::Start;
use crate::program::{command, ran, run, run_command};
use crate::skip::may_skip;
use crate::supervisor::run_blocked;

may_skip!(
    fn a_kernel_that_does_not_reply_is_unknown_after_the_timeout() {
        for more in [&[][..], &["--by=state"], &["-w=accept-queue=80%"]] {
            let mut stalled = command(["check", "-c=total=0", "-t=0.2"].iter().chain(more));
            let (text, data) = read_as(&run_blocked(&mut stalled), 3);
            assert_eq!(text, "no answer within 0.2 s (--timeout)");
            assert!(data.is_empty());
        }
        let mut stalled = command(["check", "--json", "--timeout=0.2"]);
        let checked = Checked::of(&run_blocked(&mut stalled));
        assert_eq!(checked.reasons, ["no answer within 0.2 s (--timeout)"]);
    }
);

#[test]
fn a_filter_file_that_blocks_is_unknown_after_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("filter");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let ran = run(["check", "-F", fifo.to_str().unwrap(), "-t", "0.2"]);
    read_as(&ran, 3);
}

#[test]
fn a_full_disk_is_unknown_and_a_closed_pipe_keeps_the_status() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = run_command(command(["check"]).stdout(full));
    assert_eq!(lost.status, 3, "{lost:?}");
    assert!(
        lost.stderr.contains("cannot write to standard output"),
        "{lost:?}"
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let left = command(["check", "-c=total=@0:"])
        .stdout(writer)
        .run_to_end();
    let left = ran(left.unwrap());
    assert_eq!((left.status, &*left.stderr), (2, ""), "{left:?}");
}

#[test]
fn a_blocked_output_pipe_does_not_outlast_the_timeout() {
    let (_reader, mut writer) = std::io::pipe().unwrap();
    let room = rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
    writer.write_all(&vec![b'x'; room]).unwrap();
    for more in [&["-c=total=@0:"][..], &["--json"]] {
        let mut blocked = command(["check", "-t=0.2"].iter().chain(more));
        // One pipe for both, as by 2>&1.
        blocked.stdout(writer.try_clone().unwrap());
        blocked.stderr(writer.try_clone().unwrap());
        assert_eq!(blocked.start().unwrap().wait().code(), Some(3));
    }
}

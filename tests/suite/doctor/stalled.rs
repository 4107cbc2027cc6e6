//! A source that does not reply.

use crate::program::command;
use crate::skip::may_skip;
use crate::supervisor::run_blocked;

may_skip!(
    fn a_kernel_that_does_not_reply_ends_the_diagnosis_after_the_timeout() {
        let mut stalled = command([
            "doctor",
            "--window=0.05",
            "--timeout=0.2",
            "--owner-timeout=0.05",
        ]);
        let ran = run_blocked(&mut stalled);
        assert_eq!(
            (ran.status, &*ran.stderr),
            (
                1,
                "tcpstates: no answer within 0.3 s (--window, --owner-timeout and --timeout)\n"
            )
        );
        assert_eq!(ran.stdout, "");
    }
);

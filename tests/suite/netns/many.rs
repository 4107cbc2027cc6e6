//! A thousand network namespaces, with few descriptors.

use std::process::Stdio;

use rustix::thread::UnshareFlags;

use super::{count, make_directory};
use crate::answer::Answer;
use crate::child::{Start, command, run_tool};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, ran};

const MANY: usize = 1_000;

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_thousand_namespaces_are_read_with_64_descriptors() {
        make_directory();
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = (0..MANY).map(|number| format!("netns add n{number}\n"));
        std::fs::write(file.path(), lines.collect::<String>()).unwrap();
        run_tool("ip", ["-batch", file.path().to_str().unwrap()]);
        let (_, unlimited) = count("all");
        assert!(unlimited.netns.unwrap().counted.unwrap() > MANY);
        for words in [&["--json"][..], &["--json", "--by", "netns"]] {
            let mut limited = command("prlimit");
            limited.args(["--nofile=64", PROGRAM, "-N", "all"]);
            let ran = ran(limited
                .args(words)
                .stdin(Stdio::null())
                .run_to_end()
                .unwrap());
            let read = Answer::of(&ran).netns.unwrap();
            assert!(read.counted.unwrap() > MANY, "{:?}", ran.stderr);
            assert!(read.empty.unwrap() >= MANY, "{:?}", ran.stderr);
            let is_one = |name: &str| {
                name.strip_prefix('n')
                    .is_some_and(|n| n.parse::<u32>().is_ok())
            };
            assert!(!read.unseen.iter().any(|one| is_one(&one.netns)), "{ran:?}");
        }
    }
);

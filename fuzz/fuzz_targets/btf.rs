//! Bytes that claim to be a kernel's types: no panic, no endless search.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpstates::source::Btf;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(btf) = Btf::parse(bytes) {
        let _ = btf.offset("sock", "__sk_common.skc_net.net");
        let _ = btf.offset("a", "b.c");
        let _ = btf.typedef("a");
        let _ = btf.enumerators("a");
    }
});

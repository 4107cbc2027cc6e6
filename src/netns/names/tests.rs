//! Names of mounts, of control groups and of processes, and names that several share.

use super::*;

#[test]
fn a_mount_of_ip_netns_is_called_by_its_name_unless_that_means_something_else() {
    for (path, expected) in [
        ("/run/netns/blue", Some("blue")),
        ("/run/netns/web_1.a", Some("web_1.a")),
        ("/run/netns/cni-1a2b", None),
        ("/run/netns/0123456789abcdef", None),
        ("/run/netns/1234", None),
        ("/run/netns/host", None),
        ("/run/netns/all", None),
        ("/run/netns/a b", None),
        ("/run/netns/-x", None),
        ("/run/netns/~x", None),
        ("/run/netns/a,b", None),
        ("/run/netns/a\u{1b}[m", None),
        ("/run/docker/netns/x", None),
    ] {
        assert_eq!(mounted_name(Path::new(path)).as_deref(), expected, "{path}");
    }
}

#[test]
fn machines_and_containers_of_lxc_are_found_in_control_groups() {
    for (cgroups, expected) in [
        (
            "0::/machine.slice/systemd-nspawn@web.service/payload/init.scope\n",
            Some("machine:web"),
        ),
        (
            "0::/machine.slice/machine-web\\x2d1.scope\n",
            Some("machine:web-1"),
        ),
        ("0::/lxc.payload.c1/init.scope\n", Some("lxc:c1")),
        ("0::/../lxc.payload.c1\n", Some("lxc:c1")),
        ("0::/system.slice/nginx.service\n", None),
    ] {
        assert_eq!(machine(cgroups).as_deref(), expected, "{cgroups}");
    }
}

#[test]
fn the_name_of_a_process_becomes_one_word() {
    assert_eq!(printable(b"tmux: server"), "tmux:_server");
    assert_eq!(printable(b"a\x1b[31m\xff$(b)"), "a__31m___b_");
    assert!(is_plain("pid:7/kworker/0:1") && !is_plain("/run/../etc") && !is_plain("~x"));
}

#[test]
fn of_several_with_one_name_each_has_its_inode_number_behind_it() {
    let found = |inode| Found {
        inode: Some(inode),
        ..Found::default()
    };
    let names = ["container:web", "blue", "container:web"].map(str::to_owned);
    assert_eq!(
        unique_names(&[found(7), found(8), found(9)], &names),
        ["container:web@7", "blue", "container:web@9"]
    );
}

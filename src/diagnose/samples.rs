//! From the array of rules to the two samples of the sockets that all rules read.
//!
//! A macro, so that the calls are static: every socket of a host goes through them, twice.

/// Makes the samples of these rules, each with the name of its field.
macro_rules! rules {
    ($($field:ident: $Rule:ty,)+) => {
        /// The names of all rules, in the order of the manual.
        pub const RULES: &[&str] = &[$(<$Rule as Rule>::ID),+];

        /// The kinds of sockets that they are about.
        pub const KINDS: KindSet = KindSet::NONE$(.union(<$Rule as Rule>::KINDS))+;

        /// The names of those that are about the whole network namespace or host.
        pub fn wide_rules() -> impl Iterator<Item = &'static str> {
            let rules = [$((<$Rule as Rule>::ID, <$Rule as Rule>::SCOPE)),+];
            let wide = rules.into_iter().filter(|(_, scope)| *scope != Scope::Selection);
            wide.map(|(id, _)| id)
        }

        /// Whether the live view applies the rule with this name.
        pub fn is_live(id: &str) -> bool {
            let rules = [$((<$Rule as Rule>::ID, <$Rule as Rule>::IS_LIVE)),+];
            rules.into_iter().any(|(known, is_live)| is_live && known == id)
        }

        /// What the rules keep of the sockets before the window.
        #[derive(Debug, Default)]
        pub struct FirstSample {
            /// The rules that take the sockets of the next dump.
            pub feed: Feed,
            $($field: <$Rule as Rule>::Before,)+
        }

        impl FirstSample {
            /// The states of the sockets of this kind that they read.
            pub fn states(kind: Kind) -> StateSet {
                StateSet::NONE
                    $(.union(match <$Rule as Rule>::KINDS.contains(kind) {
                        true => <<$Rule as Rule>::Before as FirstPass>::STATES,
                        false => StateSet::NONE,
                    }))+
            }

            /// Those that rules about the network namespace and the host read.
            pub const WIDE_STATES: StateSet = StateSet::NONE
                $(.union(match <$Rule as Rule>::SCOPE {
                    Scope::Selection => StateSet::NONE,
                    _ => <<$Rule as Rule>::Before as FirstPass>::STATES,
                }))+;

            /// The connections that may be watched after the window, few of them.
            pub fn watched(&self) -> Vec<InetEnds> {
                let watched = [$(
                    <<$Rule as Rule>::Before as FirstPass>::WATCHED.map(|of| of(&self.$field))
                ),+];
                watched.into_iter().flatten().flatten().collect()
            }
        }

        impl Sink for FirstSample {
            fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
                let ends = socket.internet();
                $(if <$Rule as Rule>::KINDS.contains(socket.kind)
                    && <<$Rule as Rule>::Before as FirstPass>::STATES.contains(socket.state)
                    && self.feed.is_for(<$Rule as Rule>::SCOPE)
                {
                    match ends {
                        Some(ends) => self.$field.add(socket, ends),
                        None => self.$field.add_local(socket),
                    }
                })+
                ControlFlow::Continue(())
            }
        }

        /// What the rules keep of the sockets after the window.
        #[derive(Debug, Default)]
        pub struct SecondSample {
            $($field: $Rule,)+
        }

        impl SecondSample {
            /// The states of the sockets that rules about the network namespace and the host read.
            pub const WIDE_STATES: StateSet = StateSet::NONE
                $(.union(match <$Rule as Rule>::SCOPE {
                    Scope::Selection => StateSet::NONE,
                    _ => <$Rule as Rule>::STATES,
                }))+;

            /// The states of the sockets of this kind that they read.
            pub fn states(kind: Kind) -> StateSet {
                StateSet::NONE
                    $(.union(match <$Rule as Rule>::KINDS.contains(kind) {
                        true => <$Rule as Rule>::STATES,
                        false => StateSet::NONE,
                    }))+
            }

            /// Nothing read yet, after this first sample.
            pub fn begin(first: FirstSample, host: &Host) -> SecondSample {
                let mut sample = SecondSample::default();
                $(sample.$field.begin(first.$field, host);)+
                sample
            }

            /// Reads a socket for the rules that take it.
            pub(super) fn add(&mut self, sampled: &Sampled<'_>, feed: Feed) {
                $(if <$Rule as Rule>::KINDS.contains(sampled.socket.kind)
                    && <$Rule as Rule>::STATES.contains(sampled.socket.state)
                    && feed.is_for(<$Rule as Rule>::SCOPE)
                {
                    self.$field.add(sampled);
                })+
            }

            /// Reads a socket without internet addresses for the rules that take it.
            pub(super) fn add_local(&mut self, socket: &Socket, feed: Feed) {
                $(if <$Rule as Rule>::KINDS.contains(socket.kind)
                    && <$Rule as Rule>::STATES.contains(socket.state)
                    && feed.is_for(<$Rule as Rule>::SCOPE)
                {
                    self.$field.add_local(socket);
                })+
            }

            /// The connections whose `tcp_info` they need, few of them.
            pub fn suspects(&self, host: &Host) -> Vec<InetEnds> {
                let suspects = [$(
                    <$Rule as Rule>::SUSPECTS.map(|of| of(&self.$field, host))
                ),+];
                suspects.into_iter().flatten().flatten().collect()
            }

            /// The connections on which nothing has moved so far, and which need a longer watch.
            pub fn watched(&self, host: &Host) -> Vec<InetEnds> {
                let watched = [$(
                    <$Rule as Rule>::WATCHED.map(|of| of(&self.$field, host))
                ),+];
                watched.into_iter().flatten().flatten().collect()
            }

            /// The MPTCP connections that need a longer watch.
            pub fn watched_mptcp(&self, host: &Host) -> Vec<InetEnds> {
                let watched = [$(
                    <$Rule as Rule>::WATCHED_MPTCP.map(|of| of(&self.$field, host))
                ),+];
                watched.into_iter().flatten().flatten().collect()
            }

            /// The UNIX sockets that need a longer watch, by their inodes.
            pub fn watched_unix(&self, host: &Host) -> Vec<u64> {
                let watched = [$(
                    <$Rule as Rule>::WATCHED_UNIX.map(|of| of(&self.$field, host))
                ),+];
                watched.into_iter().flatten().flatten().collect()
            }

            /// What each rule found that is about the kinds selected.
            pub(super) fn examined(&self, case: &Case<'_>) -> Vec<(&'static str, Examined)> {
                let held_up = case.host.held_up_text();
                let mut examined = Vec::new();
                $(if case.host.selects_any(<$Rule as Rule>::KINDS) {
                    let result = match held_up.clone().filter(|_| <$Rule as Rule>::IS_STALL) {
                        Some(reason) => Examined::lacking(reason),
                        None => self.$field.examine(case)
                            .in_scope(<$Rule as Rule>::SCOPE)
                            .without(case.host.unread(<$Rule as Rule>::KINDS)),
                    };
                    examined.push((<$Rule as Rule>::ID, result));
                })+
                examined
            }
        }
    };
}

pub(super) use rules;

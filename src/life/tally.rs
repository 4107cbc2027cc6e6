//! The sum of a trace, in bounded memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

use super::Histogram;
use crate::model::trace::{
    Connection, FirstClose, FirstCloses, Shape, StateTimes, Story, Transition,
};
use crate::model::{KeyPart, State};

/// More groups than this are counted together.
const MOST_GROUPS: usize = 16_384;

/// Adds up transitions and connections.
#[derive(Debug)]
pub struct TraceTally {
    transitions: u64,
    connections: u64,
    shapes: BTreeMap<Shape, u64>,
    states: HashMap<State, Histogram>,
    groups: HashMap<Box<[KeyPart]>, FirstCloses>,
    other: FirstCloses,
    longest: BinaryHeap<Reverse<Longest>>,
    top: usize,
}

/// A connection by how long it lived.
#[derive(Debug)]
struct Longest(Duration, u64, Box<Connection>);

impl Ord for Longest {
    fn cmp(&self, other: &Longest) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl PartialOrd for Longest {
    fn partial_cmp(&self, other: &Longest) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Longest {
    fn eq(&self, other: &Longest) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Longest {}

impl TraceTally {
    /// An empty one that remembers the `top` connections that live longest.
    pub fn new(top: usize) -> TraceTally {
        TraceTally {
            transitions: 0,
            connections: 0,
            shapes: BTreeMap::new(),
            states: HashMap::new(),
            groups: HashMap::new(),
            other: FirstCloses::default(),
            longest: BinaryHeap::new(),
            top,
        }
    }

    /// Counts a transition.
    pub fn transition(&mut self, transition: &Transition) {
        self.transitions += 1;
        if let Some(after) = transition.after {
            self.states.entry(transition.from).or_default().add(after);
        }
    }

    /// Counts a connection that has ended, with who closed it first, in the group of this key.
    pub fn close(&mut self, story: &Story, first: Option<FirstClose>, key: &[KeyPart]) {
        self.connections += 1;
        self.remember(&story.first);
        if let Some(shape) = story.shape() {
            *self.shapes.entry(shape).or_default() += 1;
        }
        let Some(first) = first else {
            return;
        };
        if let Some(group) = self.groups.get_mut(key) {
            group.add(first);
        } else if self.groups.len() < MOST_GROUPS {
            self.groups.entry(key.into()).or_default().add(first);
        } else {
            self.other.add(first);
        }
    }

    /// Remembers a connection if it is among those that lived longest.
    fn remember(&mut self, connection: &Connection) {
        if let Some(lifetime) = connection.lifetime() {
            let is_among = self.longest.len() < self.top
                || self
                    .longest
                    .peek()
                    .is_some_and(|Reverse(least)| least.0 < lifetime);
            if self.top > 0 && is_among {
                let cookie = connection.cookie;
                let longest = Longest(lifetime, cookie, Box::new(connection.clone()));
                self.longest.push(Reverse(longest));
                if self.longest.len() > self.top {
                    self.longest.pop();
                }
            }
        }
    }

    /// How many transitions there were.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// How many connections ended.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// How many connections were closed in each shape there was.
    pub fn shapes(&self) -> Vec<(Shape, u64)> {
        self.shapes.iter().map(|(shape, n)| (*shape, *n)).collect()
    }

    /// How long sockets were in each state, in the order of a connection's life.
    pub fn states(&self) -> Vec<StateTimes> {
        let mut states: Vec<&State> = self.states.keys().collect();
        states.sort_unstable();
        let times = |state: &&State| {
            let histogram = self.states.get(*state)?;
            let percentile = |percent| histogram.percentile(percent);
            Some(StateTimes {
                state: **state,
                count: histogram.count(),
                percentiles: [percentile(50)?, percentile(90)?, percentile(99)?],
                max: histogram.max()?,
            })
        };
        states.iter().filter_map(times).collect()
    }

    /// Who closes first in each group, most connections first; and in all further groups.
    pub fn first_closes(&self) -> (Vec<(&[KeyPart], &FirstCloses)>, FirstCloses) {
        let groups = self.groups.iter().map(|(key, sum)| (&**key, sum));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_unstable_by(|(a_key, a), (b_key, b)| {
            let most = b.total().cmp(&a.total());
            most.then_with(|| a_key.cmp(b_key))
        });
        (groups, self.other.clone())
    }

    /// The connections that lived longest, the longest first.
    pub fn longest(&self) -> Vec<Connection> {
        let mut longest: Vec<&Longest> = self.longest.iter().map(|Reverse(one)| one).collect();
        longest.sort_by(|a, b| b.cmp(a));
        longest.into_iter().map(|one| (*one.2).clone()).collect()
    }
}

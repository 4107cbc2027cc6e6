//! Filters: what passes, whoever judges.

mod chance;
mod hosts;
mod judges;
mod modes;
mod oracle;
mod population;
mod property;
mod refused;
mod shrink;
mod spelling;
mod tally;
mod tree;
mod unknowable;
mod vocabulary;

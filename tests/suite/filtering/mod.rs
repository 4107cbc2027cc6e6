//! Filters: what passes, whoever judges.

mod chance;
mod judges;
mod oracle;
mod population;
mod property;
mod shrink;
mod spelling;
mod tally;
mod tree;
mod vocabulary;

//! Filters: what passes, whoever judges.

mod evaluators;
mod generate;
mod hosts;
mod oracle;
mod population;
mod property;
mod random;
mod refused;
mod shrink;
mod syntax;
mod tally;
mod tree;
mod unavailable;
mod views;

//! Filters: the same sockets are selected by every evaluator, view and source.

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
mod tree;
mod unavailable;
mod views;

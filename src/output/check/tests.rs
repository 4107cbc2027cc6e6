//! A verdict made up, in every shape.

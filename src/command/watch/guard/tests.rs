//! A terminal is given back.

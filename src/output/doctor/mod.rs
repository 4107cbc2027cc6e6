//! A diagnosis, for people and as JSON.

mod json;
#[cfg(test)]
mod tests;
mod text;
mod wrap;

pub use json::write_diagnosis_json;
pub use text::write_diagnosis;

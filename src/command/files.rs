//! Files that the command line names: filters, and answers saved earlier.

use std::io::Read;
use std::path::Path;
use std::{fs, io};

use super::outcome::Failure;
use super::secure;

/// The name and the contents of the file that `option` names, `-` for standard input.
///
/// # Errors
/// A usage error if it cannot be read, is no UTF-8, or has more than `most` MiB.
pub(super) fn read(option: &str, path: &Path, most: u64) -> Result<(String, String), Failure> {
    secure::refuse(option)?;
    let limit = most << 20;
    let mut contents = String::new();
    let mut read = |from: &mut dyn Read| from.take(limit + 1).read_to_string(&mut contents);
    let (name, length) = match path == Path::new("-") {
        true => ("standard input".to_owned(), read(&mut io::stdin().lock())),
        false => {
            let length = fs::File::open(path).and_then(|mut file| read(&mut file));
            (path.display().to_string(), length)
        }
    };
    match length {
        Ok(length) if length as u64 <= limit => Ok((name, contents)),
        Ok(_) => Err(format!("{name} is longer than {most} MiB")),
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
    .map_err(|why| Failure::Usage(format!("{option}: {why}")))
}

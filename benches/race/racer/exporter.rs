//! node_exporter with its tcpstat collector alone, beside the crowd, and the smallest HTTP client
//! that can scrape it. All scrapes use one connection: a new one each time would leave sockets in
//! the table that is being counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use procfs::process::Process;

use super::TOOL_FOLDERS;
use crate::measure::pipeline::Sample;
use crate::state::Counts;
use crate::system::spawn_bounded;

pub(crate) const PROGRAM: &str = "prometheus-node-exporter";

/// Below the ports of the crowd's clients, above those of its listeners.
const PORT: u16 = 9_999;

const LIFETIME: Duration = Duration::from_secs(600);
const START_DEADLINE: Duration = Duration::from_secs(10);
const SCRAPE_DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Exporter {
    child: Child,
    connection: BufReader<TcpStream>,
}

impl Exporter {
    /// Starts it in this process's namespace, on loopback only. Adds its listener and both ends of
    /// its connection to `v4`.
    pub(crate) fn start(v4: &mut Counts) -> Result<Self> {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PATH", TOOL_FOLDERS);
        command.args(["--collector.disable-defaults", "--collector.tcpstat"]);
        command.args(["--web.disable-exporter-metrics", "--log.level=error"]);
        command.arg(format!("--web.listen-address=127.0.0.1:{PORT}"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        let child = spawn_bounded(&mut command, LIFETIME).context("cannot start node_exporter")?;
        let deadline = Instant::now() + START_DEADLINE;
        let connection = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)) {
                Ok(connection) => break connection,
                Err(error) if Instant::now() > deadline => bail!("node_exporter: {error}"),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        connection.set_read_timeout(Some(SCRAPE_DEADLINE))?;
        v4.add("LISTEN", 1);
        v4.add("ESTABLISHED", 2);
        let connection = BufReader::new(connection);
        Ok(Self { child, connection })
    }

    /// One scrape: the page, the time it took here, processor time and memory it took there.
    pub(crate) fn scrape(&mut self) -> Result<(Vec<u8>, Sample)> {
        let process = Process::new(self.child.id().try_into()?)?;
        let before = read_cpu(&process)?;
        let begun = Instant::now();
        let page = self.request().context("node_exporter")?;
        let wall = begun.elapsed();
        let sample = Sample {
            wall,
            cpu: read_cpu(&process)?.saturating_sub(before),
            peak_bytes: process.status()?.vmhwm.unwrap_or_default() * 1024,
        };
        Ok((page, sample))
    }

    /// A page of this size comes in one piece, with its length before it.
    fn request(&mut self) -> Result<Vec<u8>> {
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        self.connection.get_mut().write_all(request)?;
        let mut length = None;
        for line in self.connection.by_ref().lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("Content-Length: ") {
                length = Some(number.parse()?);
            }
        }
        let mut page = vec![0; length.context("no Content-Length")?];
        self.connection.read_exact(&mut page)?;
        Ok(page)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of all threads, in nanoseconds; `/proc/PID/stat` has hundredths of a second.
fn read_cpu(process: &Process) -> Result<Duration> {
    let tasks = process.tasks()?.flatten();
    let runs = tasks.filter_map(|task| task.schedstat().ok());
    let nanoseconds = runs.map(|run| run.sum_exec_runtime).sum();
    Ok(Duration::from_nanos(nanoseconds))
}

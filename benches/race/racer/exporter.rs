//! node_exporter with nothing but its tcpstat collector, beside the crowd, and the smallest HTTP
//! client that can scrape it. One connection serves all scrapes: a new one each time would leave
//! sockets in the table that is being counted.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::find_tool;
use crate::fault::{During, Fault};
use crate::measure::sample::Sample;
use crate::state::{self, Counts};
use crate::system;

pub(crate) const PROGRAM: &str = "prometheus-node-exporter";

/// Below the ports of the crowd's clients, above those of its listeners.
const PORT: u16 = 9_999;

const LIFETIME: Duration = Duration::from_secs(600);
const START_DEADLINE: Duration = Duration::from_secs(10);
const SCRAPE_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Exporter {
    process: Child,
    connection: TcpStream,
}

impl Exporter {
    /// Starts it in this process's namespace, where it listens on loopback only.
    pub(crate) fn start() -> Result<Self, Fault> {
        let program = find_tool(PROGRAM).ok_or_else(|| Fault::new("node_exporter is gone"))?;
        let mut command = Command::new(program);
        command
            .args(["--collector.disable-defaults", "--collector.tcpstat"])
            .args(["--web.disable-exporter-metrics", "--log.level=error"])
            .arg(format!("--web.listen-address=127.0.0.1:{PORT}"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process =
            system::spawn_bounded(&mut command, LIFETIME).during("starting node_exporter")?;
        let connection = connect(Instant::now() + START_DEADLINE);
        if connection.is_err() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let connection = connection?;
        Ok(Self {
            process,
            connection,
        })
    }

    /// Its listener and both ends of the one connection: part of every table it is raced on.
    pub(crate) fn own_sockets() -> Counts {
        let mut counts = Counts::default();
        counts.add(state::LISTEN, 1);
        counts.add(state::ESTABLISHED, 2);
        counts
    }

    /// One scrape: its page, what it cost here in time and there in processor and memory.
    pub(crate) fn scrape(&mut self) -> Result<(String, Sample), Fault> {
        let before = self.read_cpu();
        let begun = Instant::now();
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        self.connection
            .write_all(request)
            .during("asking node_exporter")?;
        let page = self.read_page()?;
        let wall = begun.elapsed();
        let sample = Sample {
            wall,
            cpu: self.read_cpu().saturating_sub(before),
            peak_bytes: self.read_peak(),
        };
        Ok((page, sample))
    }

    /// Reads one answer, of known length or in chunks; chunk lengths stay in it as lines of their
    /// own, which no reader of metrics takes for one. A row they split would show as a mismatch.
    fn read_page(&mut self) -> Result<String, Fault> {
        let mut page = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            let read = self
                .connection
                .read(&mut buffer)
                .during("reading from node_exporter")?;
            if read == 0 {
                return Err(Fault::new("node_exporter hung up"));
            }
            page.extend(buffer.iter().take(read));
            let text = String::from_utf8_lossy(&page);
            if is_whole(&text) {
                return Ok(text.into_owned());
            }
        }
    }

    /// Time on a processor, all threads. In nanoseconds; `/proc/PID/stat` counts in hundredths.
    fn read_cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let nanoseconds = tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
            .sum();
        Duration::from_nanos(nanoseconds)
    }

    fn read_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let kib = status.unwrap_or_default().lines().find_map(|line| {
            let value = line.strip_prefix("VmHWM:")?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        });
        kib.unwrap_or_default() * 1024
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn connect(deadline: Instant) -> Result<TcpStream, Fault> {
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)) {
            Ok(connection) => {
                connection
                    .set_read_timeout(Some(SCRAPE_DEADLINE))
                    .during("setting a timeout")?;
                return Ok(connection);
            }
            Err(error) if Instant::now() > deadline => {
                return Err(error).during("connecting to node_exporter");
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    match length {
        Some(length) => body.len() >= length,
        None => body.ends_with("\r\n0\r\n\r\n"),
    }
}

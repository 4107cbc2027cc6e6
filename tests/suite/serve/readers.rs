//! The programs that read the page, as they are installed: promtool, Prometheus, Alertmanager, vmagent
//! and node_exporter's textfile collector; and the files in `contrib` for them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::client::{ADDRESS, Served};
use crate::child::{self, Running, Start};
use crate::namespace::in_namespace;
use crate::program::{command, run, run_command};
use crate::skip::{may_skip, skip_or_fail};
use crate::wait::{DEADLINE, wait_for};

const CONTRIB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib");

/// Runs a tool of Prometheus in the folder of the rules; it must succeed.
#[track_caller]
fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = child::command("promtool");
    promtool
        .args(arguments)
        .current_dir(format!("{CONTRIB}/prometheus"));
    let mut folder = tempfile::tempfile().unwrap();
    folder.write_all(input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut folder).unwrap();
    promtool.stdin(Stdio::from(folder));
    let output = promtool
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("promtool", &error));
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}

may_skip!(
    fn the_alert_rules_are_valid_and_pass_their_tests() {
        promtool(&["check", "rules", "tcpstates.rules.yml"], "");
        promtool(&["test", "rules", "tcpstates.rules.test.yml"], "");
    }
);

may_skip!(
    fn promtool_has_nothing_to_say_about_the_page() {
        let page = run(["serve", "--once"]).succeeded().stdout;
        assert_eq!(promtool(&["check", "metrics"], &page), "");
    }
);

/// The metrics that a text names.
fn metrics(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("tcpstates_") || word.starts_with("process_"));
    names.collect()
}

#[test]
fn rules_and_dashboard_name_only_families_that_exist() {
    let known = tcpstates::model::page::Family::ALL.iter();
    let known: Vec<&str> = known.map(|family| family.definition().name).collect();
    for file in [
        "prometheus/tcpstates.rules.yml",
        "prometheus/tcpstates.rules.test.yml",
        "grafana/dashboard.json",
    ] {
        let text = fs::read_to_string(Path::new(CONTRIB).join(file)).unwrap();
        let named = metrics(&text);
        assert!(named.len() > 10, "{file}");
        // The groups by a key have a family of their own.
        let by_service = "tcpstates_sockets_by_service";
        for name in named.into_iter().filter(|name| *name != by_service) {
            assert!(known.contains(&name), "{file}: {name}");
        }
    }
}

/// The script that makes the dashboard.
fn dashboard(arguments: &[&str]) -> std::process::Output {
    let mut python = child::command("python3");
    python
        .arg(format!("{CONTRIB}/grafana/make-dashboard.py"))
        .args(arguments);
    python
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("python3", &error))
}

may_skip!(
    fn the_dashboard_is_what_its_script_makes() {
        let checked = dashboard(&["--check"]);
        assert!(checked.status.success(), "{checked:?}");
    }
);

/// Starts a daemon; skips the test where it is missing.
fn start(program: &str, arguments: &[String]) -> Running {
    let mut command: Command = child::command(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .start()
        .unwrap_or_else(|error| skip_or_fail(program, &error))
}

/// The body of a reply with status 200; `None` for another one, and where nothing listens yet.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = match TcpStream::connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return None,
        stream => stream.unwrap(),
    };
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n")?;
    head.lines()
        .next()?
        .contains(" 200 ")
        .then(|| body.to_owned())
}

/// The results of a query, each with its labels and its value.
fn query(expression: &str) -> Vec<(Value, f64)> {
    let escaped: String = expression
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let Some(body) = get("127.0.0.1:9090", &format!("/api/v1/query?query={escaped}")) else {
        return Vec::new();
    };
    let reply: Value = serde_json::from_str(&body).unwrap();
    let results = reply["data"]["result"].as_array().unwrap().iter();
    results
        .map(|one| {
            let value = one["value"][1].as_str().unwrap().parse().unwrap();
            (one["metric"].clone(), value)
        })
        .collect()
}

fn in_folder(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Where the textfile collector listens.
const NODE: &str = "127.0.0.1:9100";

/// node_exporter with its textfile collector only, in this folder.
fn node_exporter(folder: &Path) -> Running {
    start(
        "prometheus-node-exporter",
        &[
            "--collector.disable-defaults".to_owned(),
            "--collector.textfile".to_owned(),
            format!("--collector.textfile.directory={}", folder.display()),
            format!("--web.listen-address={NODE}"),
        ],
    )
}

in_namespace!(
    fn node_exporter_reads_the_file_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut written = command(["serve", "--once", "--output"]);
        run_command(written.arg(folder.path().join("tcpstates.prom"))).succeeded();
        let _node = node_exporter(folder.path());
        let page = wait_for("a page of node_exporter", || get(NODE, "/metrics"));
        assert!(page.contains("\nnode_textfile_scrape_error 0\n"), "{page}");
        assert!(
            page.contains("\ntcpstates_complete{part=\"sockets\"} 1\n"),
            "{page}"
        );
    }
);

/// A page whose timer has died, for the textfile collector.
fn write_stale_page(folder: &Path) {
    const TIME: &str = "tcpstates_sample_timestamp_seconds ";
    let page = run(["serve", "--once"]).succeeded().stdout;
    let lines = page.lines().map(|line| match line.starts_with(TIME) {
        true => format!("{TIME}1700000000\n"),
        false => format!("{line}\n"),
    });
    in_folder(folder, "tcpstates.prom", &lines.collect::<String>());
}

fn start_alertmanager(folder: &Path) -> Running {
    let receiver = "route: {receiver: none}\nreceivers: [{name: none}]\n";
    let receiver = in_folder(folder, "alertmanager.yml", receiver);
    start(
        "prometheus-alertmanager",
        &[
            format!("--config.file={receiver}"),
            format!("--storage.path={}", folder.join("alerts").display()),
            "--web.listen-address=127.0.0.1:9093".to_owned(),
            "--cluster.listen-address=".to_owned(),
        ],
    )
}

/// Prometheus with the alert rules, which scrapes the server and node_exporter.
fn start_prometheus(folder: &Path) -> Running {
    let configuration = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['{CONTRIB}/prometheus/tcpstates.rules.yml']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:9093']}}]}}]}}\n\
         scrape_configs:\n\
         - {{job_name: served, static_configs: [{{targets: ['{ADDRESS}']}}]}}\n\
         - {{job_name: node, static_configs: [{{targets: ['{NODE}']}}]}}\n"
    );
    let configuration = in_folder(folder, "prometheus.yml", &configuration);
    start(
        "prometheus",
        &[
            format!("--config.file={configuration}"),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            "--web.listen-address=127.0.0.1:9090".to_owned(),
        ],
    )
}

/// Waits until Alertmanager has this alert of a job.
fn wait_for_alert(name: &str, job: &str) {
    wait_for("the alert in Alertmanager", || {
        let alerts = get("127.0.0.1:9093", "/api/v2/alerts")?;
        let alerts: Value = serde_json::from_str(&alerts).unwrap();
        let mut labels = alerts.as_array()?.iter().map(|alert| &alert["labels"]);
        let is_it = |labels: &Value| labels["alertname"] == name && labels["job"] == job;
        labels.any(is_it).then_some(())
    });
}

in_namespace!(
    fn prometheus_scrapes_both_ways_an_alert_arrives_and_every_panel_can_be_asked() {
        let _served = Served::start(["--by", "service", "--ports", "--doctor"]);
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_stale_page(folder.path());
        let _node = node_exporter(folder.path());
        let _alertmanager = start_alertmanager(folder.path());
        let _prometheus = start_prometheus(folder.path());
        wait_for("both targets to be up", || {
            (query("sum(up)").first()?.1 == 2.0).then_some(())
        });
        for series in [
            "tcpstates_sockets{state=\"listen\"}",
            "tcpstates_kernel_segments_sent_total",
            "tcpstates_ephemeral_ports",
        ] {
            wait_for("the series of both jobs", || {
                (query(series).len() == 2).then_some(())
            });
        }
        wait_for("a limit", || {
            let limits = query("tcpstates_accept_queue_limit{local_port=\"8080\"}");
            (!limits.is_empty()).then_some(())
        });
        wait_for("findings", || {
            (query("tcpstates_findings == 0").len() > 60).then_some(())
        });
        wait_for_alert("TcpstatesStale", "node");
        // Rates need two samples.
        wait_for("a rate", || {
            (!query("rate(process_cpu_seconds_total[1m])").is_empty()).then_some(())
        });
        let asked = dashboard(&["--ask", "http://127.0.0.1:9090"]);
        let text = String::from_utf8(asked.stdout).unwrap();
        assert!(asked.status.success(), "{text}");
        for panel in [
            "Sockets by state",
            "Sockets by service",
            "Ports towards one destination",
            "The ten fullest accept queues",
            "What a sample takes",
            "tcpstates itself",
        ] {
            let line = text.lines().find(|line| line.starts_with(panel)).unwrap();
            let found: u32 = line.split('\t').nth(1).unwrap().parse().unwrap();
            assert!(found > 0, "{line}");
        }
    }
);

in_namespace!(
    fn vmagent_scrapes_the_page() {
        let _served = Served::start([]);
        let folder = tempfile::tempdir().unwrap();
        let configuration = format!(
            "scrape_configs:\n- {{job_name: served, scrape_interval: 1s, static_configs: [{{targets: ['{ADDRESS}']}}]}}\n"
        );
        let configuration = in_folder(folder.path(), "scrape.yml", &configuration);
        let _agent = start(
            "vmagent",
            &[
                format!("-promscrape.config={configuration}"),
                "-remoteWrite.url=http://127.0.0.1:1/".to_owned(),
                format!(
                    "-remoteWrite.tmpDataPath={}",
                    folder.path().join("queue").display()
                ),
                "-httpListenAddr=127.0.0.1:8429".to_owned(),
            ],
        );
        wait_for("the target to be up", || {
            let targets = get("127.0.0.1:8429", "/api/v1/targets")?;
            let targets: Value = serde_json::from_str(&targets).unwrap();
            let target = &targets["data"]["activeTargets"][0];
            (target["health"] == "up" && target["lastSamplesScraped"].as_u64()? > 60).then_some(())
        });
    }
);

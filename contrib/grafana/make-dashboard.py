#!/usr/bin/env python3
"""Writes dashboard.json, a Grafana dashboard of the metrics of `tcpstates serve`.

make-dashboard.py             writes dashboard.json into the folder of this file
make-dashboard.py --check     fails if dashboard.json is not what would be written
make-dashboard.py --ask URL   queries the Prometheus at URL with each expression, and prints how many
                              series it returns; fails for one that it refuses
"""

import json
import pathlib
import sys
import urllib.parse
import urllib.request

FILE = pathlib.Path(__file__).with_name("dashboard.json")
HOSTS = '{job=~"$job",instance=~"$instance"}'
WIDTH = 24


def select(metric, labels=""):
    return f"{metric}{HOSTS[:-1]}{',' + labels if labels else ''}}}"


def rate(metric, window="$__rate_interval"):
    return f"rate({select('tcpstates_kernel_' + metric + '_total')}[{window}])"


def share(metric, limit):
    return f"{select(metric)} / {select(limit)}"


STATE = 'state="{}"'.format
# Other kinds than TCP are on the page with --kind only, and then all series have the label.
TCP = 'kind=~"|tcp"'
TIME_WAIT_SHARE = (
    f"{select('tcpstates_sockets', TCP + ',' + STATE('time_wait'))}"
    f" / on (job, instance) group_left () {select('tcpstates_time_wait_limit')}"
)
RETRANSMITTED = f"({rate('segments_retransmitted')} - {rate('syns_retransmitted')})"
PORTS_SHARE = (
    f"{select('tcpstates_ephemeral_ports_used')}"
    f" / on (job, instance) group_left () {select('tcpstates_ephemeral_ports')}"
)
FINDINGS = select("tcpstates_findings", 'severity!="info"')
QUEUE_SHARE = share("tcpstates_accept_queue_length", "tcpstates_accept_queue_limit")

# Title, unit, thresholds of yellow and red, expression.
STATS = [
    ("Sockets", "short", None, f"sum({select('tcpstates_sockets', TCP)})"),
    ("CLOSE_WAIT", "short", (100, 1000), f"sum({select('tcpstates_sockets', TCP + ',' + STATE('close_wait'))})"),
    ("TIME_WAIT of its limit", "percentunit", (0.8, 0.95), f"max({TIME_WAIT_SHARE})"),
    ("Fullest accept queue", "percentunit", (0.5, 1), f"max({QUEUE_SHARE})"),
    ("Ports towards one destination", "percentunit", (0.75, 0.9), f"max({share('tcpstates_ephemeral_ports_used_most', 'tcpstates_ephemeral_ports')})"),
    ("Findings", "short", (1, 1), f"sum({FINDINGS})"),
    ("Attempts without an answer", "short", (10, 100), f"sum({select('tcpstates_sockets_unanswered', STATE('syn_sent'))})"),
    ("Incomplete parts", "short", (1, 1), f"count({select('tcpstates_complete')} == 0) or vector(0)"),
]

# Title, unit, whether the series are stacked, (expression, legend)s.
GRAPHS = [
    ("Sockets by state", "short", True, [
        (f"sum by (state) ({select('tcpstates_sockets', TCP)})", "{{state}}")]),
    ("Sockets by service", "short", True, [
        (f"sum by (tcp_service) ({select('tcpstates_sockets_by_service')})", "{{tcp_service}}"),
        (f"sum({select('tcpstates_sockets_by_other', 'by=' + chr(34) + 'service' + chr(34))})", "all others")]),
    ("States that deserve a look", "short", False, [
        (f"sum by (state) ({select('tcpstates_sockets', TCP + ',state=~' + chr(34) + 'syn_sent|syn_recv|fin_wait1|close_wait|closing|last_ack' + chr(34))})", "{{state}}")]),
    ("Without an answer", "short", False, [
        (f"sum by (state) ({select('tcpstates_sockets_unanswered')})", "{{state}}")]),
    ("The ten fullest accept queues", "percentunit", False, [
        (f"topk(10, {QUEUE_SHARE})", "{{instance}} {{local_addr}}:{{local_port}}")]),
    ("Dropped at listeners", "ops", False, [
        (rate("listen_overflows"), "{{instance}} queue full"),
        (rate("listen_drops"), "{{instance}} for any reason"),
        (f"topk(10, rate({select('tcpstates_listener_drops_total')}[$__rate_interval]) > 0)", "{{instance}} {{local_addr}}:{{local_port}}")]),
    ("Ports towards destinations", "percentunit", False, [
        (f"topk(10, {PORTS_SHARE})", "{{instance}} {{local_addr}} to {{remote_addr}}:{{remote_port}}")]),
    ("Findings of doctor", "short", False, [
        (f"{FINDINGS} > 0", "{{instance}} {{rule}} {{severity}}")]),
    ("Rules of doctor that were not examined", "short", True, [
        (f"count by (rule) ({select('tcpstates_rule_examined')} == 0)", "{{rule}}")]),
    ("Half-open connections", "ops", False, [
        (rate("request_queue_drops"), "{{instance}} dropped"),
        (rate("request_queue_cookies"), "{{instance}} answered with a cookie"),
        (rate("syn_cookies_received"), "{{instance}} valid cookies")]),
    ("Segments sent again", "percentunit", False, [
        (f"{RETRANSMITTED} / ({rate('segments_sent')} + {RETRANSMITTED})", "{{instance}}")]),
    ("Timeouts and failures", "ops", False, [
        (rate("retransmission_timeouts"), "{{instance}} retransmission timeouts"),
        (rate("attempt_failures"), "{{instance}} failed attempts"),
        (rate("time_wait_overflows"), "{{instance}} without TIME_WAIT")]),
    ("Limits of the host and the namespace", "percentunit", False, [
        (TIME_WAIT_SHARE, "{{instance}} TIME_WAIT"),
        (share("tcpstates_orphans", "tcpstates_orphans_limit"), "{{instance}} orphans"),
        (share("tcpstates_memory_bytes", "tcpstates_memory_limit_bytes"), "{{instance}} memory"),
        (share("tcpstates_conntrack_entries", "tcpstates_conntrack_entries_limit"), "{{instance}} conntrack")]),
    ("Receive queues that ran out of room", "ops", False, [
        (rate("receive_queue_prunes"), "{{instance}} pruned"),
        (rate("receive_queue_collapses"), "{{instance}} merged"),
        (rate("receive_queue_drops"), "{{instance}} dropped")]),
    ("What a sample takes", "s", False, [
        (select("tcpstates_sample_duration_seconds"), "{{instance}} {{part}}")]),
    ("tcpstates itself", "short", False, [
        (f"rate({select('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}} cores"),
        (f"{select('process_resident_memory_bytes')} / 1048576", "{{instance}} MiB")]),
]


def thresholds(levels):
    steps = [{"color": "green", "value": None}]
    if levels:
        steps += [{"color": "yellow", "value": levels[0]}, {"color": "red", "value": levels[1]}]
    return {"mode": "absolute", "steps": steps}


def panel(kind, title, unit, position, targets, custom=None, levels=None):
    return {
        "type": kind,
        "title": title,
        "datasource": {"type": "prometheus", "uid": "$datasource"},
        "gridPos": position,
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": thresholds(levels), "custom": custom or {}},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(65 + number), "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(targets)
        ],
    }


def panels():
    width = WIDTH // len(STATS)
    for number, (title, unit, levels, expression) in enumerate(STATS):
        position = {"x": number * width, "y": 0, "w": width, "h": 4}
        yield panel("stat", title, unit, position, [(expression, "")], levels=levels)
    for number, (title, unit, stacked, targets) in enumerate(GRAPHS):
        position = {"x": number % 2 * 12, "y": 4 + number // 2 * 8, "w": 12, "h": 8}
        custom = {"fillOpacity": 30, "stacking": {"mode": "normal"}} if stacked else {}
        yield panel("timeseries", title, unit, position, targets, custom)


def variable(name, query=None):
    datasource = {"type": "prometheus", "uid": "$datasource"}
    if query is None:
        return {"name": name, "type": "datasource", "query": "prometheus"}
    return {"name": name, "type": "query", "query": query, "datasource": datasource,
            "includeAll": True, "multi": True, "refresh": 2}


def dashboard():
    numbered = list(panels())
    for number, one in enumerate(numbered, 1):
        one["id"] = number
    return {
        "uid": "tcpstates",
        "title": "TCP sockets (tcpstates)",
        "tags": ["tcp", "tcpstates"],
        "schemaVersion": 38,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            variable("datasource"),
            variable("job", "label_values(tcpstates_build_info, job)"),
            variable("instance", 'label_values(tcpstates_build_info{job=~"$job"}, instance)'),
        ]},
        "panels": numbered,
    }


def ask(url):
    refused = False
    for one in panels():
        for target in one["targets"]:
            expression = target["expr"].replace("$job", ".*").replace("$instance", ".*")
            expression = expression.replace("$__rate_interval", "1m")
            query = urllib.parse.urlencode({"query": expression})
            try:
                with urllib.request.urlopen(f"{url}/api/v1/query?{query}") as reply:
                    found = len(json.load(reply)["data"]["result"])
            except urllib.error.HTTPError as error:
                found, refused = error.read().decode(), True
            print(f"{one['title']}\t{found}\t{expression}")
    return refused


def main():
    text = json.dumps(dashboard(), indent=1) + "\n"
    match sys.argv[1:]:
        case []:
            FILE.write_text(text)
        case ["--check"]:
            sys.exit(0 if FILE.read_text() == text else f"{FILE} is not up to date")
        case ["--ask", url]:
            sys.exit(ask(url))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()

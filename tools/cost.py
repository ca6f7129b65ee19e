"""Computes what the stack costs besides Bedrock's own bill, and writes the tables of docs/cost.md.

It multiplies public prices with what it counts: the resources of the template as resolved for a few sets of parameters, the
calls of a drop as a test has recorded them (tools/calls-per-drop.json), and the CPU time of the functions as measured
(docs/benchmarks.md). A table stands between two comments in the page.

Usage: cost.py             writes the tables into docs/cost.md
       cost.py --check     fails if they are not up to date
"""

import json
import math
import re
import sys
from dataclasses import dataclass

from stack import MADE, PEOPLE, REQUIRED, ROOT, Stack, existing, translate

PAGE = ROOT / "docs" / "cost.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
OPERATIONS = ROOT / "docs" / "operations.md"

HOURS, DAYS = 730, 730 / 24
SWEEPS = HOURS * 4
READ = "2026-11-27"


@dataclass
class Price:
    """A public price in us-east-1 in USD, AWS's page for it, and where the figure was read."""

    what: str
    usd: float
    unit: str
    page: str
    source: str

    def row(self):
        source = f"[{self.source.split('/')[2]}]({self.source})" if self.source else "not found: from memory"
        return (
            f"| {self.what} | {self.usd:.10f}".rstrip("0").rstrip(".")
            + f" | {self.unit} | [AWS]({self.page}) | {source} |"
        )


VPC_PAGE, CLOUDWATCH_PAGE = "https://aws.amazon.com/privatelink/pricing/", "https://aws.amazon.com/cloudwatch/pricing/"
LAMBDA_PAGE, S3_PAGE = "https://aws.amazon.com/lambda/pricing/", "https://aws.amazon.com/s3/pricing/"
KMS_PAGE = "https://aws.amazon.com/kms/pricing/"
OF_VPC = "https://www.factualminds.com/blog/amazon-vpc-pricing-endpoints-peering-transit-gateway/"
OF_CLOUDWATCH = "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
OF_LAMBDA, OF_S3 = (
    "https://cloudchipr.com/blog/aws-lambda-pricing",
    "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples",
)
PRICES = {
    "endpoint": Price("interface endpoint, in one zone", 0.01, "hour", VPC_PAGE, OF_VPC),
    "endpoint data": Price(
        "data through it", 0.01, "GB", VPC_PAGE, "https://awsnegotiations.com/privatelink-cost-analysis.html"
    ),
    "alarm": Price(
        "alarm", 0.10, "month", CLOUDWATCH_PAGE, "https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm"
    ),
    "dashboard": Price("dashboard", 3.00, "month", CLOUDWATCH_PAGE, OF_CLOUDWATCH),
    "metric": Price(
        "metric of our own",
        0.30,
        "month in which it has data",
        CLOUDWATCH_PAGE,
        "https://signoz.io/guides/cloudwatch-pricing",
    ),
    "log": Price("log data, written", 0.50, "GB", CLOUDWATCH_PAGE, OF_CLOUDWATCH),
    "log kept": Price("log data, kept", 0.03, "GB and month", CLOUDWATCH_PAGE, ""),
    "request": Price("request to a function", 0.20 / 1e6, "request", LAMBDA_PAGE, OF_LAMBDA),
    "GB-second": Price("time of a function, arm64", 0.0000133334, "GB and second", LAMBDA_PAGE, OF_LAMBDA),
    "put": Price("PUT, COPY, POST, or LIST request", 0.005 / 1e3, "request", S3_PAGE, OF_S3),
    "get": Price("GET request, and any other", 0.0004 / 1e3, "request", S3_PAGE, OF_S3),
    "kept": Price("data in S3", 0.023, "GB and month", S3_PAGE, OF_S3),
    "key": Price("KMS key", 1.00, "month", KMS_PAGE, KMS_PAGE),
    "key request": Price(
        "KMS request", 0.03 / 1e4, "request", KMS_PAGE, "https://www.wring.co/blog/aws-kms-pricing-guide"
    ),
}
USD = {name: price.usd for name, price in PRICES.items()}

# S3's classes of requests. DELETE is free.
PUTS = {
    "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "ListObjectVersions", "ListObjectsV2", "PutObject",
    "UploadPart", "UploadPartCopy",
}  # fmt: skip
GETS = {"GetObject", "HeadObject"}
FREE = {"DeleteObject"}
OF_BEDROCK = {"CreateModelInvocationJob", "GetModelInvocationJob"}

# One call takes this long inside a Region: docs/operations.md has the same figure. It is an assumption.
SECONDS_PER_CALL = 0.015
# What a function in a VPC reads: docs/limits.md. A processor comes with 1,769 MB of memory.
BYTES_PER_SECOND, MB_PER_PROCESSOR = 78e6, 1769
# What TLS adds to the CPU time of a GB that is read. The benchmarks of the functions run without it.
TLS_SECONDS_PER_GB = 1.0
# A line of a log, which CloudWatch counts with 26 bytes of its own, and the lines of a run: assumptions, on the safe side.
LOG_LINE_BYTES, LINES_PER_RUN, LINES_PER_JOB = 1000, 4, 6
# A job takes about this long, so that many sweeps see it.
SWEEPS_PER_JOB = 4
# A request to Bedrock and its answer.
BYTES_PER_BEDROCK_CALL = 8000


def counted_calls():
    """Returns the recorded calls: case -> who -> operation -> number. A sweep is `complete`."""
    recorded = json.loads((ROOT / "tools" / "calls-per-drop.json").read_text())
    return {case: one if case.startswith("drop") else {"sweep": one} for case, one in recorded.items()}


def kinds(calls):
    """Returns how many of these calls S3 bills as PUT and as GET, and how many go to Bedrock."""
    unknown = calls.keys() - PUTS - GETS - FREE - OF_BEDROCK
    assert not unknown, f"add to cost.py what {sorted(unknown)} cost"
    return tuple(sum(number for call, number in calls.items() if call in kind) for kind in (PUTS, GETS, OF_BEDROCK))


def sum_of(*many):
    """Returns the sum of several counts of calls, each of which may have a factor."""
    total = {}
    for factor, calls in many:
        for call, number in calls.items():
            total[call] = total.get(call, 0) + factor * number
    return total


def calls_of_drop(recorded, jobs):
    """Returns who makes which calls for a drop with that many large jobs, as a line through the recorded ones."""
    if jobs == 1:
        return recorded["drop, one job"]
    two, four = recorded["drop, two large jobs"], recorded["drop, four large jobs"]
    per_job = {who: sum_of((0.5, four[who]), (-0.5, two[who])) for who in two}
    return {who: sum_of((1, two[who]), (jobs - 2, per_job[who])) for who in two}


def copy_ranges(size):
    """Returns in how many ranges S3 copies that many bytes."""
    source = (ROOT / "src" / "aws" / "store" / "copying.rs").read_text()
    mebibytes = int(re.search(r"COPY_RANGE_BYTES: u64 = (\d+) << 20", source)[1])
    return math.ceil(size / (mebibytes << 20))


def cpu_per_gb(record_bytes):
    """Returns the measured CPU seconds of both functions for a drop of 1 GB, from the table of the benchmarks."""
    section = BENCHMARKS.read_text().partition("\n## Memory\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")]
    at = next(number for number, row in enumerate(rows) if f"of {record_bytes} records" in row[0])
    row = next(row for row in rows[at:] if row[0] == "1 GB")
    return float(row[4]), float(row[7])


def metrics():
    """Returns how many metrics there are with one job name prefix: in use, and without any drop."""
    section = OPERATIONS.read_text().partition("\n## Metrics\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    # JobsEnded is also there for each of the five ways to end.
    by_status = 5 * sum("by `Status`" in row for row in rows)
    idle = sum("each sweep" in row or "each time the input bucket" in row for row in rows)
    assert by_status == 5 and idle == 2, "operations.md says something else about its metrics"
    return len(rows) + by_status, idle


def of_route():
    """Returns how many metrics and alarms each route adds."""
    metrics_by_route = len(re.findall(r"; also by `Route` \|$", OPERATIONS.read_text(), re.MULTILINE))
    stack = stack_of({**MADE, **PEOPLE})
    alarms = sum("Metrics" in stack.properties(name) for name in stack.of_type("AWS::CloudWatch::Alarm"))
    assert metrics_by_route and alarms, "no metrics or alarms are by route"
    return metrics_by_route, alarms


def stack_of(parameters):
    parameters = {**REQUIRED, **parameters}
    return Stack(translate(parameters), "aws", "us-east-1", parameters)


def money(usd):
    return f"{usd:.2f}" if usd >= 0.1 else f"{usd:.4f}" if usd >= 0.0001 else "less than 0.0001"


SETUPS = {
    "three zones": MADE,
    "three zones, own key": {**MADE, "KmsKeyArn": "create"},
    "one zone, for a trial": {"FirstZone": "a"},
    "existing network with both endpoints": existing(3, 0),
}


def idle(parameters):
    """Returns the monthly costs of a stack without drops, by what is billed."""
    stack, recorded = stack_of(parameters), counted_calls()
    zones = sum(
        len(stack.properties(name)["SubnetIds"])
        for name in stack.of_type("AWS::EC2::VPCEndpoint")
        if stack.properties(name)["VpcEndpointType"] == "Interface"
    )
    alarms, dashboards, keys = (
        len(stack.of_type(f"AWS::{kind}")) for kind in ("CloudWatch::Alarm", "CloudWatch::Dashboard", "KMS::Key")
    )
    memory = float(stack.properties("CompleteFunction")["MemorySize"]) / 1024
    sweep = recorded["sweep, nothing open"]["sweep"]
    puts, gets, _ = kinds(sweep)
    seconds = SECONDS_PER_CALL * sum(sweep.values())
    logs = SWEEPS * LINES_PER_RUN * LOG_LINE_BYTES / 1e9
    return {
        f"interface endpoint of Bedrock, {zones} × {HOURS} hours": zones * HOURS * USD["endpoint"],
        f"{alarms} alarms": alarms * USD["alarm"],
        f"{dashboards} dashboard": dashboards * USD["dashboard"],
        f"{metrics()[1]} metrics that are there without drops": metrics()[1] * USD["metric"],
        f"{keys} KMS key": keys * USD["key"],
        f"{SWEEPS:,} sweeps: S3 requests": SWEEPS * (puts * USD["put"] + gets * USD["get"]),
        f"{SWEEPS:,} sweeps: function": SWEEPS * (USD["request"] + seconds * memory * USD["GB-second"]),
        f"{SWEEPS:,} sweeps: log": logs * (USD["log"] + USD["log kept"]),
    }


def idle_tables():
    """Yields a table of setups, and one of what the first setup pays for."""
    first = idle(SETUPS["three zones, own key"])
    yield "| what | USD per month |"
    yield "|---|---|"
    for what, usd in first.items():
        yield f"| {what} | {money(usd)} |"
    yield ""
    yield "| setup | USD per month | USD per day |"
    yield "|---|---|---|"
    for setup, parameters in SETUPS.items():
        total = sum(idle(parameters).values())
        yield f"| {setup} | {money(total)} | {money(total / DAYS)} |"


def million(record_bytes, name, drops):
    """Returns the costs of a million records in that many files, by what is billed."""
    recorded, memory = counted_calls(), float(stack_of(MADE).properties("SubmitFunction")["MemorySize"]) / 1024
    size = 1_000_000 * record_bytes
    quotas = stack_of(MADE).values
    jobs_per_drop = max(
        math.ceil(1_000_000 / drops / int(quotas["MaxRecordsPerJob"])),
        math.ceil(size / drops / int(quotas["MaxInputFileBytes"])),
    )
    jobs = drops * jobs_per_drop
    calls = calls_of_drop(recorded, jobs_per_drop)
    running = sum_of((1, recorded["sweep, one job running"]["sweep"]), (-1, recorded["sweep, nothing open"]["sweep"]))
    compared = sum_of((1, calls["sweep"]), (-1, recorded["sweep, nothing open"]["sweep"]))
    by_functions = sum_of(
        (drops, calls["submit"]), (drops, calls["complete"]), (drops, compared), (jobs * SWEEPS_PER_JOB, running)
    )
    # The input and the results are copied in ranges. The recorded jobs have one range each.
    more_ranges = 2 * jobs * (copy_ranges(size / jobs) - 1)
    puts, gets, bedrock = kinds(by_functions)
    job_puts, job_gets, _ = kinds(sum_of((drops, calls["job"])))
    submit_cpu, complete_cpu = (one + TLS_SECONDS_PER_GB for one in cpu_per_gb(name))
    # Both read as many bytes as the drop has, complete those of the answers too: as many again.
    processors = memory * 1024 / MB_PER_PROCESSOR
    gigabytes = size / 1e9
    reading = sum(
        max(part * 1e9 / BYTES_PER_SECOND, part * cpu / processors)
        for part, cpu in ((gigabytes, submit_cpu), (2 * gigabytes, complete_cpu))
    )
    seconds = reading + SECONDS_PER_CALL * sum(by_functions.values())
    runs = drops + jobs
    logs = (runs * LINES_PER_RUN + jobs * LINES_PER_JOB) * LOG_LINE_BYTES / 1e9
    return {
        "S3 requests of the functions": (puts + more_ranges) * USD["put"] + gets * USD["get"],
        "S3 requests of the jobs": job_puts * USD["put"] + job_gets * USD["get"],
        "functions": runs * USD["request"] + seconds * memory * USD["GB-second"],
        "logs": logs * (USD["log"] + USD["log kept"]),
        "Bedrock's endpoint": bedrock * BYTES_PER_BEDROCK_CALL / 1e9 * USD["endpoint data"],
    }


CASES = [(200, "200 B", 1), (4000, "4 KB", 1), (200, "200 B", 10_000), (4000, "4 KB", 10_000)]


def million_table():
    columns = [million(*case) for case in CASES]
    titles = [f"{name}, {'one file' if drops == 1 else f'{drops:,} files'}" for _, name, drops in CASES]
    yield f"| USD per million records | {' | '.join(titles)} |"
    yield f"|---|{'---|' * len(CASES)}"
    for what in columns[0]:
        yield f"| {what} | {' | '.join(money(column[what]) for column in columns)} |"
    yield f"| sum | {' | '.join(money(sum(column.values())) for column in columns)} |"
    # The drop, the input of its job, what Bedrock writes, and the results.
    kept = [4 * bytes_ * 1_000_000 / 1e9 * USD["kept"] for bytes_, _, _ in CASES]
    yield f"| and per month that all copies are kept | {' | '.join(money(one) for one in kept)} |"


def price_table():
    yield f"| what | USD | per | AWS's page | read on {READ} at |"
    yield "|---|---|---|---|---|"
    yield from (price.row() for price in PRICES.values())


def metric_sentence():
    used, _ = metrics()
    yield f"In a month in which every one of the {used} metrics has data, they cost {money(used * USD['metric'])} USD."
    by_route, alarms = of_route()
    each = by_route * USD["metric"] + alarms * USD["alarm"]
    yield f"Each [route](routes.md) adds {by_route} metrics, and {alarms} alarms look at them: {money(each)} USD."


TABLES = {"idle": idle_tables, "metrics": metric_sentence, "million": million_table, "prices": price_table}


def main():
    page = PAGE.read_text()
    written = page
    for name, lines in TABLES.items():
        pattern = re.compile(rf"(<!-- {name}: made by `make cost` -->\n).*?(<!-- end -->)", re.DOTALL)
        table = "\n".join(lines())
        written, count = pattern.subn(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", written)
        assert count == 1, f"docs/cost.md has {count} places for the table {name}"
    if sys.argv[1:] == ["--check"]:
        if written != page:
            sys.exit("docs/cost.md: a table is out of date. Run `make cost`.")
        print(f"docs/cost.md: {len(TABLES)} tables are up to date")
        return
    PAGE.write_text(written)
    print("\n\n".join("\n".join(lines()) for lines in TABLES.values()))


if __name__ == "__main__":
    main()

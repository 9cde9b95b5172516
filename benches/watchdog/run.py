"""Berth's sweep against a hand-written watchdog, in one run, on the same emulator.

    python3 -m venv venv && venv/bin/pip install boto3
    venv/bin/python benches/watchdog/run.py

It builds the workspace, lets `berth up` make a fleet once, and gives each contender a copy of it: AWS alone, in real time, with
the API buckets of ECS. Both talk to it over HTTP through the same counting proxy. Berth's functions are the built binaries on a
Runtime API; reconcile empties the queue after the sweep, one message after the other, where on AWS it does so meanwhile.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from function import Function
from handwritten import Watchdog
from proxy import Proxy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DAY = 86_400
PEER = "HandWritten"
# An error that no SDK tries again by itself, so that a run takes seconds.
REFUSED = "AccessDeniedException"
# A tenant's row has its overlay: environment, secrets, image. 2 KB is a modest one, and makes a thousand rows two pages.
OVERLAY_BYTES = 2_000


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def session(endpoint):
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    return boto3.Session("test", "test", region_name="us-east-1")


# The clock stands while a fleet is made, and is moved on; then only AWS is left, and its clock is everybody's.
MAKING, MEASURED = ["--speed", "0"], ["--speed", "1", "--without-functions"]


class World:
    """A `berth up`."""

    def __init__(self, binaries, data, how):
        port, aws_port = free_port(), free_port()
        command = [f"{binaries}/berth", "up", *how, "--seed", "1", "--data", data]
        command += ["--port", str(port), "--aws-port", str(aws_port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.api, self.aws = f"http://127.0.0.1:{port}", f"127.0.0.1:{aws_port}"
        for _ in range(600):
            try:
                self.call("GET", "/_local/clock")
                break
            except OSError:
                time.sleep(0.1)
        own = session(f"http://{self.aws}")
        quick = Config(retries={"max_attempts": 10, "mode": "standard"})
        self.dynamodb, self.ecs = own.client("dynamodb", config=quick), own.client("ecs", config=quick)
        self.sqs, self.efs = own.client("sqs"), own.client("efs")

    def close(self):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read() or b"null")

    def advance(self, seconds):
        self.call("POST", "/_local/clock", {"advance_seconds": seconds})

    def table(self, name):
        return next(table for table in self.dynamodb.list_tables()["TableNames"] if name in table)

    def everyone(self, table):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [row for page in pages for row in page["Items"]]

    def asleep(self, names):
        """Whose service was told to have no task."""
        asleep = set()
        for start in range(0, len(names), 10):
            part = names[start : start + 10]
            services = [f"t-{name}-g1" for name in part]
            for service in self.ecs.describe_services(cluster="berth", services=services)["services"]:
                if service["desiredCount"] == 0:
                    asleep.add(service["serviceName"].removeprefix("t-").removesuffix("-g1"))
        return asleep


def make_fleet(binaries, data, tenants):
    world = World(binaries, data, MAKING)
    overlay = {"idle": {"after": DAY, "minUptime": 0}, "env": {"PADDING": "x" * OVERLAY_BYTES}}
    world.advance(120)
    names = [f"tenant-{number:04}" for number in range(tenants)]
    # ECS registers one definition a second, of which Berth takes a part.
    for start in range(0, tenants, 10):
        for name in names[start : start + 10]:
            world.call("PUT", f"/tenants/{name}", overlay)
        world.advance(15)
    for _ in range(120):
        world.advance(30)
        rows = world.everyone(world.table("TenantsTable"))
        if all(row.get("observed", {}).get("M", {}).get("lastStatus", {}).get("S") == "RUNNING" for row in rows):
            break
    else:
        sys.exit("not everybody runs")
    world.close()
    return names


def idle_ones(names, idle):
    """Every so many, so that they are on every page."""
    step = len(names) // idle
    return names[::step][:idle]


class Berth:
    name = "Berth"

    def __init__(self, world, proxy, binaries):
        self.world = world
        made = world.sqs.create_queue(QueueName="quiet.fifo", Attributes={"FifoQueue": "true"})
        self.queue = made["QueueUrl"]
        self.tenants, self.activity = world.table("TenantsTable"), world.table("ActivityTable")
        environment = {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BERTH_TENANTS_TABLE": self.tenants,
            "BERTH_ACTIVITY_TABLE": self.activity,
            "BERTH_FLEET_TABLE": world.table("FleetTable"),
            "BERTH_QUEUE_URL": self.queue,
            "BERTH_DEAD_LETTERS_URL": self.queue,
            "BERTH_CLUSTER": "berth",
            "BERTH_BASE_FAMILY": "base",
            "BERTH_FILE_SYSTEM": world.efs.describe_file_systems()["FileSystems"][0]["FileSystemId"],
            "BERTH_SUBNETS": "subnet-0a1b2c3d4e5f60718",
            "BERTH_SECURITY_GROUPS": "sg-0a1b2c3d4e5f60718",
            "BERTH_WORKSPACE_VOLUME": "workspace",
            "BERTH_CLOCK_SKEW_SECONDS": "0",
            "BERTH_LOG_LEVEL": "ERROR",
        }
        self.watchdog = Function(f"{binaries}/berth-watchdog", environment)
        self.reconcile = Function(f"{binaries}/berth-reconcile", environment)

    def close(self):
        self.watchdog.close()
        self.reconcile.close()

    def prepare(self, idle):
        # What making the fleet has cost, by a clock that is ahead of this one.
        fleet = self.world.table("FleetTable")
        for row in self.world.everyone(fleet):
            if row["kind"]["S"] == "budget":
                self.world.dynamodb.delete_item(TableName=fleet, Key={"kind": row["kind"], "id": row["id"]})
        for row in self.world.everyone(self.activity):
            self.works(row["tenantId"]["S"], time.time() - (2 * DAY if row["tenantId"]["S"] in idle else 0))

    def works(self, name, at):
        self.world.dynamodb.update_item(
            TableName=self.activity,
            Key={"tenantId": {"S": name}},
            UpdateExpression="SET lastActivity = :at REMOVE notBefore",
            ConditionExpression="attribute_exists(lastActivity)",
            ExpressionAttributeValues={":at": {"N": str(int(at * 1000))}},
        )

    def sweep(self):
        report = self.watchdog.invoke({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}})
        if "ends" not in report:
            return f"failed: {report}"
        return f"{report['ends']['stopped'] + report['ends']['healed']} stops, complete: {str(report['complete']).lower()}"

    def finish(self):
        """What the queue would have reconcile do."""
        while True:
            got = self.world.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not got:
                return
            records = [{"messageId": m["MessageId"], "body": m["Body"], "eventSource": "aws:sqs"} for m in got]
            self.reconcile.invoke({"Records": records})
            for message in got:
                self.world.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def says_stopped(self):
        """Whose row says that every task is proven to be STOPPED."""
        stopped = set()
        for row in self.world.everyone(self.tenants):
            settled = row.get("settled", {}).get("M", {}).get("generation")
            if row["intent"]["S"] == "stopped" and settled == row["generation"]:
                stopped.add(row["tenantId"]["S"])
        return stopped

    is_claim = staticmethod(lambda action, body: action == "UpdateItem" and "claimed" in json.dumps(body))
    is_stop = staticmethod(lambda action, body, name: action == "UpdateItem" and is_of(body, name, "Tenants"))
    is_second_page = staticmethod(lambda action, body: action == "Scan" and body.get("Segment") == 1)


class HandWritten:
    name = "hand-written"

    def __init__(self, world, proxy, _):
        self.world = world
        own = session(proxy.url)
        self.watchdog = Watchdog(own, "berth", PEER)

    def close(self):
        pass

    def prepare(self, idle):
        keys = [{"AttributeName": "tenantId", "KeyType": "HASH"}]
        types = [{"AttributeName": "tenantId", "AttributeType": "S"}]
        self.world.dynamodb.create_table(
            TableName=PEER, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
        )
        for row in self.world.everyone(self.world.table("TenantsTable")):
            name = row["tenantId"]["S"]
            worked = time.time() - (2 * DAY if name in idle else 0)
            item = {
                "tenantId": {"S": name},
                "status": {"S": "running"},
                "serviceName": {"S": f"t-{name}-g1"},
                "taskArn": row["observed"]["M"]["taskArn"],
                "lastActivity": {"N": str(worked)},
                "idleAfter": {"N": str(DAY)},
                "overlay": row["overlay"],
            }
            self.world.dynamodb.put_item(TableName=PEER, Item=item)

    def works(self, name, at):
        self.world.dynamodb.update_item(
            TableName=PEER,
            Key={"tenantId": {"S": name}},
            UpdateExpression="SET lastActivity = :at",
            ExpressionAttributeValues={":at": {"N": str(at)}},
        )

    def sweep(self):
        try:
            return f"{self.watchdog.sweep()} stops"
        except ClientError as error:
            return f"ended with {error.response['Error']['Code']}"

    def finish(self):
        pass

    def says_stopped(self):
        rows = self.world.everyone(PEER)
        return {row["tenantId"]["S"] for row in rows if row["status"]["S"] == "stopped"}

    is_claim = staticmethod(lambda action, body: action == "DescribeTasks")
    is_stop = staticmethod(lambda action, body, name: action == "UpdateService" and f"t-{name}-" in body["service"])
    is_second_page = staticmethod(lambda action, body: action == "Scan" and "ExclusiveStartKey" in body)


def is_of(body, name, table):
    return body.get("Key", {}).get("tenantId", {}).get("S") == name and table in body.get("TableName", "")


class Stage:
    """A contender in a fleet of its own."""

    def __init__(self, contender, binaries, fleet, names, idle):
        self.directory = tempfile.mkdtemp()
        data = os.path.join(self.directory, "data")
        shutil.copytree(fleet, data)
        self.names, self.idle = names, set(idle)
        self.world = World(binaries, data, MEASURED)
        self.proxy = Proxy(self.world.aws)
        self.contender = contender(self.world, self.proxy, binaries)
        self.contender.prepare(self.idle)
        self.proxy.calls.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.contender.close()
        self.proxy.close()
        self.world.close()
        shutil.rmtree(self.directory)

    def outcome(self):
        asleep = self.world.asleep(self.names)
        said = self.contender.says_stopped()
        return {
            "idle asleep": f"{len(asleep & self.idle)} of {len(self.idle)}",
            "others stopped": len(asleep - self.idle),
            "said stopped, told to run": len(said - asleep),
        }


def speed(make):
    with make() as stage:
        begun = time.perf_counter()
        said = stage.contender.sweep()
        swept, calls = time.perf_counter() - begun, dict(stage.proxy.calls)
        stage.proxy.calls.clear()
        stage.contender.finish()
        whole, after = time.perf_counter() - begun, dict(stage.proxy.calls)
        print(f"  {stage.contender.name}: {said}; {swept:.2f} s, {sum(calls.values())} calls {calls}")
        if after:
            print(f"    then reconcile: {whole - swept:.2f} s, {sum(after.values())} calls {after}")
        print(f"    {stage.outcome()}")


def a6(stage):
    """Somebody who is idle works after the scan and before the stop."""
    victim = sorted(stage.idle)[-1]
    done = []

    def trouble(action, body):
        if not done and stage.contender.is_claim(action, body):
            done.append(True)
            stage.contender.works(victim, time.time())

    stage.proxy.trouble = trouble
    stage.contender.sweep()
    stage.contender.finish()
    asleep = stage.world.asleep([victim])
    return f"the one that works is {'stopped' if asleep else 'left alone'}"


def a10(stage):
    """The second page, or part, of the scan is refused; then it is not."""
    stage.proxy.trouble = lambda action, body: (
        REFUSED if stage.contender.is_second_page(action, body) else None
    )
    first = stage.contender.sweep()
    stage.contender.finish()
    outcome = stage.outcome()
    stage.proxy.trouble = lambda action, body: None
    second = stage.contender.sweep()
    stage.contender.finish()
    return f"first sweep: {first}, {outcome['idle asleep']} asleep; second: {second}, {stage.outcome()['idle asleep']} asleep"


def a11(stage):
    """The stop of one is refused; then it is not."""
    victim = sorted(stage.idle)[0]
    stage.proxy.trouble = lambda action, body: (
        REFUSED if stage.contender.is_stop(action, body, victim) else None
    )
    first = stage.contender.sweep()
    stage.contender.finish()
    outcome = stage.outcome()
    stage.proxy.trouble = lambda action, body: None
    second = stage.contender.sweep()
    stage.contender.finish()
    return f"first sweep: {first}, {outcome['idle asleep']} asleep; second: {second}, {stage.outcome()['idle asleep']} asleep"


def a13(stage):
    """ECS refuses to say anything of tasks and services."""
    looks = {"DescribeTasks", "ListTasks", "DescribeServices"}
    stage.proxy.trouble = lambda action, body: REFUSED if action in looks else None
    said = stage.contender.sweep()
    stage.contender.finish()
    wrong = stage.outcome()["said stopped, told to run"]
    return f"{said}; rows that say stopped of tasks that run: {wrong}"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tenants", type=int, default=1_000)
    arguments.add_argument("--idle", type=int, default=100)
    arguments.add_argument("--profile", choices=["release", "dev"], default="release")
    given = arguments.parse_args()
    build = ["cargo", "build", "--quiet", "--locked", "--workspace", "--bins", "--profile", given.profile]
    subprocess.run(build, cwd=ROOT, check=True)
    binaries = os.path.join(ROOT, "target", "debug" if given.profile == "dev" else "release")
    contenders = [HandWritten, Berth]
    with tempfile.TemporaryDirectory() as directory:
        fleet = os.path.join(directory, "fleet")
        names = make_fleet(binaries, fleet, given.tenants)
        idle = idle_ones(names, given.idle)
        print(f"{given.tenants} running, {given.idle} of them idle ({given.profile} build)")
        for contender in contenders:
            speed(lambda: Stage(contender, binaries, fleet, names, idle))
        for scenario in [a6, a10, a11, a13]:
            print(f"{scenario.__name__.upper()}: {scenario.__doc__}")
            for contender in contenders:
                with Stage(contender, binaries, fleet, names, idle) as stage:
                    print(f"  {contender.name}: {scenario(stage)}")


if __name__ == "__main__":
    main()

"""A watchdog as one writes it in an afternoon: read the tenants, look at each one's task, compare, stop.

It is not made to fail. It pages through the table, asks ECS before it believes the table, and scales services in instead of
stopping tasks that ECS would replace. It is what the systems that we have seen do, in the order in which they do it.
"""

import sys
import time

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError


class Watchdog:
    def __init__(self, session, cluster, table):
        self.ecs = session.client("ecs")
        self.table = session.resource("dynamodb").Table(table)
        self.cluster = cluster

    def running_tenants(self):
        tenants, more = [], {}
        while True:
            page = self.table.scan(FilterExpression=Attr("status").eq("running"), **more)
            tenants += page["Items"]
            if "LastEvaluatedKey" not in page:
                return tenants
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def task_of(self, tenant):
        try:
            tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=[tenant["taskArn"]])["tasks"]
        except ClientError as error:
            print(f"{tenant['tenantId']}: {error}", file=sys.stderr)
            return None
        return tasks[0] if tasks else None

    def set_status(self, tenant, status):
        self.table.update_item(
            Key={"tenantId": tenant["tenantId"]},
            UpdateExpression="SET #status = :status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": status},
        )

    def sweep(self):
        now = time.time()
        stopped = 0
        for tenant in self.running_tenants():
            task = self.task_of(tenant)
            if task is None or task["lastStatus"] == "STOPPED":
                self.set_status(tenant, "stopped")
                continue
            if now - float(tenant["lastActivity"]) < float(tenant["idleAfter"]):
                continue
            self.ecs.update_service(cluster=self.cluster, service=tenant["serviceName"], desiredCount=0)
            self.set_status(tenant, "stopped")
            stopped += 1
        return stopped

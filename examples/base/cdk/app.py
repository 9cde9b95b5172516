"""A base that Berth's tenants are rendered over, in CDK. `cdk deploy base -c image=… -c file_system=…`"""

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from constructs import Construct


class BaseStack(Stack):
    def __init__(self, scope: Construct, name: str, *, image: str, file_system: str) -> None:
        super().__init__(scope, name)
        base = ecs.FargateTaskDefinition(
            self,
            "Base",
            family="base",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            # No access point: Berth puts each tenant's own in.
            volumes=[
                ecs.Volume(
                    name="workspace",
                    efs_volume_configuration=ecs.EfsVolumeConfiguration(
                        file_system_id=file_system, transit_encryption="ENABLED"
                    ),
                )
            ],
        )
        # Without this CloudFormation deregisters, while it cleans up, the revision that tenants still run on.
        base.apply_removal_policy(RemovalPolicy.RETAIN)
        app = base.add_container(
            "app",
            image=ecs.ContainerImage.from_registry(image),
            port_mappings=[ecs.PortMapping(container_port=8080)],
            # What a rollout goes by: without it, RUNNING is all that a tenant's verdict can mean.
            health_check=ecs.HealthCheck(
                command=["CMD-SHELL", "wget --quiet --spider http://localhost:8080/health || exit 1"],
                interval=Duration.seconds(10),
                start_period=Duration.seconds(60),
            ),
            # How long a tenant may finish its work on SIGTERM; a tenant with a volume waits for it on every move.
            stop_timeout=Duration.seconds(30),
            logging=ecs.LogDrivers.aws_logs(stream_prefix="tenant"),
        )
        app.add_mount_points(
            ecs.MountPoint(source_volume="workspace", container_path="/workspace", read_only=False)
        )


app = App()
BaseStack(
    app,
    "base",
    image=app.node.try_get_context("image") or "public.ecr.aws/acme/agent@sha256:" + "0" * 64,
    file_system=app.node.try_get_context("file_system") or "fs-0123456789abcdef0",
)
app.synth()

# A base that Berth's tenants are rendered over. Terraform has no stack that says when it is done, so the last thing that
# your pipeline does is `curl -X POST $berth/rollouts -d '{}'`; the look of every fifteenth minute would find it, too.

variable "image" {
  type        = string
  description = "The tenants' image by digest, so that the same base always means the same software."

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Give the image by digest: repository@sha256:…"
  }
}

variable "file_system" {
  type        = string
  description = "The file system that Berth makes the tenants' directories on."
}

variable "execution_role_arn" {
  type = string
}

variable "task_role_arn" {
  type = string
}

resource "aws_ecs_task_definition" "base" {
  family                   = "base"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn

  # Without this Terraform deregisters the revision that tenants still run on.
  skip_destroy = true

  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }

  container_definitions = jsonencode([{
    name         = "app"
    image        = var.image
    essential    = true
    portMappings = [{ containerPort = 8080, protocol = "tcp" }]
    healthCheck = {
      command     = ["CMD-SHELL", "wget --quiet --spider http://localhost:8080/health || exit 1"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    stopTimeout = 30
    mountPoints = [{ sourceVolume = "workspace", containerPath = "/workspace", readOnly = false }]
  }])

  volume {
    name = "workspace"

    # No access point: Berth puts each tenant's own in.
    efs_volume_configuration {
      file_system_id     = var.file_system
      transit_encryption = "ENABLED"
    }
  }
}

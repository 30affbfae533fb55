"""A Dagster job that logs to W&B with the key of the service account dagster-training."""

import os

import dagster as dg
from dagster_aws.secretsmanager import secretsmanager_secrets_resource
from dagster_wandb import wandb_resource

# Every secret with this tag becomes an environment variable of the run, named as
# the secret is.
aws_secrets = secretsmanager_secrets_resource.configured(
    {"region_name": "eu-central-1", "secrets_tag": "dagster-ml", "add_to_environment": True}
)


# Dagster resolves {"env": "WANDB_API_KEY"} before it makes any resource. So W&B's
# resource is made here, once aws_secrets has set the variable.
@dg.resource(required_resource_keys={"aws_secrets"})
def wandb_with_key(_context):
    config = {"api_key": os.environ["WANDB_API_KEY"]}
    return wandb_resource(dg.build_init_resource_context(config=config))


@dg.op(required_resource_keys={"wandb"})
def train(context):
    wandb = context.resources.wandb["sdk"]
    with wandb.init(entity="ml", project="training") as run:
        run.log({"loss": 0.1})


@dg.job(resource_defs={"aws_secrets": aws_secrets, "wandb": wandb_with_key})
def training():
    train()


defs = dg.Definitions(jobs=[training])

"""Two tasks with the W&B key of the service account nightly-eval: one takes it
from a connection, the other from a variable. One way is enough.

For Airflow 3. In Airflow 2, import dag and task from airflow.decorators,
Variable from airflow.models, and in place of Connection.get write
BaseHook.get_connection, from airflow.hooks.base.
"""

import os

from airflow.sdk import Connection, Variable, dag, task


def evaluate():
    import wandb  # reads WANDB_API_KEY and the other variables now

    with wandb.init(job_type="nightly-eval") as run:
        run.log({"accuracy": 0.9})


# The key is asked for inside of the task: at the top of this file Airflow would
# ask for it whenever it parses the file, and with use_cache keep it.
@task
def from_connection():
    wandb_connection = Connection.get("wandb_nightly_eval")
    os.environ.update(wandb_connection.extra_dejson)  # WANDB_ENTITY, WANDB_PROJECT, WANDB_BASE_URL
    os.environ["WANDB_API_KEY"] = wandb_connection.password
    evaluate()


@task
def from_variable():
    os.environ["WANDB_API_KEY"] = Variable.get("wandb_api_key_nightly_eval")
    os.environ.update(WANDB_ENTITY="ml", WANDB_PROJECT="nightly-eval")
    evaluate()


@dag(schedule="@daily", catchup=False)
def nightly_eval():
    from_connection()
    from_variable()


nightly_eval()

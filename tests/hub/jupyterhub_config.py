"""What the tests add to the docs' recipe: a hub of this machine alone, steered over its API."""

import os
import sys
from pathlib import Path

from jupyterhub.utils import random_port

c = get_config()  # noqa: F821  JupyterHub defines it
load_subconfig("recipe.py")  # noqa: F821

folder = Path(os.environ["HUB_FOLDER"])

c.JupyterHub.bind_url = f"http://127.0.0.1:{random_port()}/lab-hub/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{random_port()}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{random_port()}"
c.ConfigurableHTTPProxy.command = os.environ["HUB_PROXY"].split(os.pathsep)
c.JupyterHub.authenticator_class = "null"  # nobody signs in with a password

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "homes" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.news_url=", "--ServerApp.log_level=ERROR"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120  # a machine may be busy with other tests

c.JupyterHub.services = [{"name": "tests", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens"]}
]

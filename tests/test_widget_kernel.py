"""The panel in a real kernel: the widget's own messages, without a cell being run."""

import subprocess
import time

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from patience import WAIT_S
from test_widget import debit_elsewhere

from asksage_jupyter.session import current

pytestmark = pytest.mark.long

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def kernel(tmp_path):
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=WAIT_S)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def messages(client):
    """What the kernel says, as it comes; TimeoutError when it says nothing more."""
    ends = time.monotonic() + WAIT_S
    while (left := ends - time.monotonic()) > 0:
        yield client.get_iopub_msg(timeout=left)


def test_a_debit_of_another_process_reaches_the_screen_without_a_cell(kernel):
    session = current()
    session.set_plan(inference=1000)
    asked = kernel.execute("import asksage_jupyter; asksage_jupyter.panel()")
    for message in messages(kernel):
        if message["msg_type"] == "display_data":
            displayed = message["content"]
        assert message["msg_type"] != "error", message["content"]
        is_of_cell = message["parent_header"]["msg_id"] == asked
        if is_of_cell and message["content"].get("execution_state") == "idle":
            break
    assert displayed["data"].keys() == {"text/plain", "text/html"}  # a widget would die with its kernel

    debit_elsewhere(session.ledger.path, session.account, 63)
    for message in messages(kernel):
        if message["msg_type"] == "update_display_data":
            assert message["content"]["transient"] == displayed["transient"]
            value = message["content"]["data"]["text/plain"]
            if "937 of 1,000 left" in value and "a-model · 63 tokens (billed)" in value:
                assert "937</b> of 1,000 left" in message["content"]["data"]["text/html"]
                break
    else:
        pytest.fail("the panel was not written")


def test_an_output_widget_holds_the_panel_as_a_widget_which_goes_on_following(kernel):
    """It drops the updates that keep a card in a cell up to date."""
    asked = kernel.execute(
        "import asksage_jupyter, ipywidgets\nwith ipywidgets.Output():\n    display(asksage_jupyter.panel())"
    )
    displayed = []
    for message in messages(kernel):
        assert message["msg_type"] != "error", message["content"]
        if message["parent_header"].get("msg_id") == asked:
            if message["msg_type"] == "display_data":
                displayed.append(message["content"]["data"])
            if message["content"].get("execution_state") == "idle":
                break
    assert [bundle.keys() for bundle in displayed] == [{"text/plain", "text/html", WIDGET}]


def test_the_card_is_in_a_notebook_that_was_run_without_anybody_looking(tmp_path):
    """As nbclient leaves it: with the widgets' states, which no export shows without a network."""
    current().set_plan(inference=1000)
    cells = [nbformat.v4.new_code_cell("import asksage_jupyter; asksage_jupyter.panel()")]
    notebook = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=WAIT_S).execute()
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "1,000</b> of 1,000 left" in page

"""What a first cell needs is made ready while the kernel waits: in pauses, quietly, and only in a loop."""

import asyncio
import gc
import warnings

from asksage_jupyter.magic.idle import Idle, steps


def in_a_loop(steps, *, close_after=None):
    """What was done of the steps by an event loop; closed once so many were."""
    done = []

    def noted(step):
        def do():
            done.append(step.__name__)
            step()

        return do

    async def run():
        idle = Idle(iter([noted(step) for step in steps]))
        while idle.has_more:
            await asyncio.sleep(0)
            if len(done) == close_after:
                idle.close()
        return done

    return asyncio.run(run())


def first():
    warnings.warn("nobody looks here", stacklevel=1)


def second():
    pass


def failing():
    raise ImportError("it is not installed")


def test_each_step_is_done_and_what_it_warns_of_is_nobodys():
    assert in_a_loop([first, second]) == ["first", "second"]


def test_a_step_that_fails_is_the_last_and_says_nothing(capfd):
    assert in_a_loop([first, failing, second]) == ["first", "failing"]
    assert capfd.readouterr() == ("", "")


def test_once_it_is_closed_no_more_is_done():
    assert in_a_loop([first, second], close_after=1) == ["first"]


def test_a_cell_that_comes_early_does_the_rest_and_no_garbage_is_looked_for_meanwhile(capfd):
    done = []
    steps = [lambda: done.append(gc.isenabled()), first, lambda: done.append("last")]
    idle = Idle(iter(steps))
    idle.finish()
    assert done == [False, "last"]
    assert gc.isenabled()
    idle.finish()
    assert done == [False, "last"]
    assert capfd.readouterr() == ("", "")


def test_a_step_that_fails_in_a_cell_says_nothing_as_what_needs_it_will(capfd):
    done = []
    Idle(iter([failing, lambda: done.append("after")])).finish()
    assert done == [] and gc.isenabled()
    assert capfd.readouterr() == ("", "")


def test_all_that_a_first_cell_imports_is_there():
    for step in steps():
        step()


def test_where_no_loop_runs_nothing_is_done():
    assert not Idle(iter([failing])).has_more

"""Short forms of what tests ask of engines, and an engine on a sandbox that a test made."""

import copy
from contextlib import contextmanager
from dataclasses import replace

from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Listener, Screen, Train


class WithoutWorkers(Engine):
    """One that starts nothing: override what is asked of it."""

    name = "without-workers"
    about = "nowhere"

    def fitting(self):
        return 1

    def open(self):
        pass

    def close(self):
        pass

    def sandbox(self):
        raise AssertionError("nothing is run here")


class OnSandbox(WithoutWorkers):
    """One worker in an entered sandbox, which stays the caller's."""

    name = "on-sandbox"
    about = "a sandbox that a test made"

    def __init__(self, sandbox, **limits):
        self.given = copy.copy(sandbox) if limits else sandbox
        self.given.limits = replace(sandbox.limits, **limits)
        super().__init__(self.given.limits, workers=1)

    @contextmanager
    def sandbox(self):
        yield self.given


def hasty(engine, **limits):
    """The same engine with other limits."""
    with engine.sandbox() as sandbox:
        return OnSandbox(sandbox, **limits)


class Hearing(Listener):
    """Calls functions."""

    def __init__(self, on_built, on_epoch, on_output):
        self.on_built, self.on_epoch, self.on_output = on_built, on_epoch, on_output

    def built(self, hyperparameters, environment):
        if self.on_built is not None:
            self.on_built(hyperparameters)

    def epoch(self, epoch):
        return self.on_epoch(epoch) if self.on_epoch is not None else True

    def printed(self, text):
        if self.on_output is not None:
            self.on_output(text)


def screen(engine, source, task, *, channels=3):
    """The facts of a network at the task's smallest input that works."""
    return engine.run(Screen.at_sizes(source, task, channels=channels)).facts


def screen_for(engine, source, plan):
    """The facts of a network at a plan's input."""
    return engine.run(Screen.under(source, plan)).facts


def train(engine, source, plan, *, test=False, on_built=None, on_epoch=None, on_output=None):
    """One training; functions hear how it goes."""
    job = Train(source=source, plan=plan, test=test)
    return engine.run(job, Hearing(on_built, on_epoch, on_output))

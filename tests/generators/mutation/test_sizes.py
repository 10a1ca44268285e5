"""Numbers that torch takes within limits only."""

import random

import pytest
from mutation_nets import net

from lemur2.generators.mutation import Workshop
from lemur2.tasks import task

POOLED = net(
    """
self.pool = nn.MaxPool2d(4, 2, 1)
self.fc = nn.Linear(3, out_shape[0])
""",
    "return self.fc(self.pool(x).mean((2, 3)))",
)


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


def test_a_pooling_is_padded_by_half_of_its_kernel_at_most(workshop):
    subject, rng = workshop.open(POOLED), random.Random(0)
    said = []
    while (attempt := workshop.attempt(subject, rng, ["padding"])) is not None:
        assert attempt.valid, attempt.verified.problem
        said.append(attempt.plan.says)
    assert "pool: padding 1 -> 2" in said
    assert "pool: padding 1 -> 3" not in said

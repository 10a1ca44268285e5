import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """As in workers; thread pools on images of this size cost more than they give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
